/** How bad a case is and whom it hits: what triage decided and why, partners' products, and their head start. */
import { z } from 'zod';
import { type Exposure, isDirect, type Notices } from '../exposure/index.ts';
import type { Triage } from '../triage/index.ts';
import { CasePath } from './case-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, Reason } from './shape.ts';

export interface WeighingRouteParts {
  readonly triage: Pick<Triage, 'decideCase'>;
  readonly exposure: Pick<Exposure, 'show'>;
  readonly notices: Pick<Notices, 'tell'>;
}

const ValuedShape = z
  .object({ value: z.union([z.string(), z.number()]).nullable(), source: z.string(), reasons: z.array(z.string()) })
  .meta({ id: 'Valued', description: 'a value, who says so, and what spoke for it' });

const ExposureShape = z.object({
  organisation: z.string(),
  products: z.array(
    z.object({
      product: z.string(),
      version: z.string().nullable(),
      components: z.array(
        z.object({
          purl: z.string(),
          version: z.string().nullable(),
          affected: z.enum(['yes', 'no', 'unknown']),
          direct: z.boolean(),
          path: z.array(z.string()).nullable(),
        }),
      ),
    }),
  ),
});

export function weighingRoutes({ triage, exposure, notices }: WeighingRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/cases/:case/triage',
      access: 'see-cases',
      summary: 'Severity, exploitation and priorities of an open case, each with its source and reasons',
      path: CasePath,
      answer: z.object({ number: z.int(), decidedAt: Instant, decision: z.record(z.string(), ValuedShape) }),
      handle: async ({ path }) => {
        const decided = await triage.decideCase(path.case);
        if (!decided) throw new ApiRefused({ kind: 'no-such-case', id: path.case });
        const decision = Object.fromEntries(
          Object.entries(decided.decision).map(([name, { value, source, reasons }]) => [
            name,
            { value, source, reasons: [...reasons] },
          ]),
        );
        return { number: decided.number, decidedAt: decided.at.toISOString(), decision };
      },
    }),
    route({
      method: 'GET',
      url: '/cases/:case/exposure',
      access: 'see-cases',
      summary: 'The blast radius: which products of which partners, directly or through what; partners’ secrets',
      path: CasePath,
      answer: z.object({ items: z.array(ExposureShape) }),
      handle: async ({ path }) => {
        const exposed = await exposure.show(path.case);
        if (!exposed) throw new ApiRefused({ kind: 'no-such-case', id: path.case });
        const items = exposed.map(({ organisationId, products }) => ({
          organisation: organisationId,
          products: products.map(({ product, version, hits }) => ({
            product,
            version,
            components: hits.map((hit) => ({ ...hit, direct: isDirect(hit), path: hit.path && [...hit.path] })),
          })),
        }));
        return { items };
      },
    }),
    route({
      method: 'POST',
      url: '/cases/:case/notices',
      access: 'work-cases',
      summary: 'Tell the partners that it hits, once each, under the rules of its embargo',
      path: CasePath,
      body: z.strictObject({
        dryRun: z.boolean().default(false).describe('tell nobody; say who would be told'),
        agreedWith: Reason.optional().describe('what was agreed with the maintainers, where the policy asks for it'),
      }),
      answer: z.object({
        items: z.array(
          z.object({
            organisation: z.string(),
            outcome: z.enum(['told', 'would-be-told', 'told-before', 'no-contact']),
            isBound: z.boolean(),
            party: z.string().nullable(),
          }),
        ),
      }),
      handle: async ({ path, body, caller }) => {
        const told = settled(await notices.tell(path.case, { ...body, actor: caller.person.id }));
        const items = told.map(({ organisationId, outcome, isBound, partyId }) => ({
          ...{ organisation: organisationId, outcome, isBound, party: partyId },
        }));
        return { items };
      },
    }),
  ];
}
