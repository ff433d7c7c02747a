/** Reports that came in and what became of each. They are sealed matters: only who works on cases sees them. */
import { z } from 'zod';
import { type Intake, LOOK_UPS, type SeenRecord } from '../intake/index.ts';
import { ApiRefused, type ApiRoute, route } from './route.ts';
import { Instant, idOf, PageQuery, pageOf } from './shape.ts';

export interface IntakeRouteParts {
  readonly intake: Intake;
}

const Place = z.object({
  file: z.string().optional(),
  line: z.number().optional(),
  endLine: z.number().optional(),
  column: z.number().optional(),
  endColumn: z.number().optional(),
  function: z.string().optional(),
  snippet: z.string().optional(),
});

const ClaimShape = z
  .object({
    title: z.string(),
    text: z.string(),
    tool: z.string().optional(),
    toolVersion: z.string().optional(),
    rule: z.string().optional(),
    severity: z.object({ level: z.string(), said: z.string() }).optional(),
    cvss: z.string().optional(),
    cwes: z.array(z.string()),
    aliases: z.array(z.string()),
    project: z.string().optional(),
    version: z.string().optional(),
    places: z.array(Place),
    stack: z.array(z.string()),
    crash: z.string().optional(),
    sourceId: z.string().optional(),
    reporter: z.string().optional(),
    reportedAt: z.string().optional(),
    isByModel: z.boolean().optional(),
    attachments: z.array(z.object({ name: z.string(), bytes: z.number() })).optional(),
    dismissed: z.string().optional(),
  })
  .meta({
    id: 'Claim',
    description: 'what a report says; the word of strangers, to be shown escaped and never believed',
  });

const RecordShape = z
  .object({
    id: z.string(),
    import: z.string(),
    number: z.int(),
    fate: z.enum(['canonical', 'merged', 'rejected']),
    mergedInto: z.string().nullable(),
    reason: z.string().nullable(),
    detail: z.string().nullable(),
    receivedAt: Instant,
    claim: ClaimShape.nullable(),
    cases: z
      .array(z.string())
      .optional()
      .describe('of one record: cases of our own that tell of the same flaw, or of one much like it'),
  })
  .meta({ id: 'IntakeRecord', description: 'one report as it came in, with its fate' });

const MAX_LOOK_UP = 500;
const LookUpQuery = PageQuery.extend({
  after: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('the `next` of the page before'),
  fate: z.enum(['canonical', 'merged', 'rejected']).optional(),
  ...Object.fromEntries(LOOK_UPS.map((field) => [field, z.string().min(1).max(MAX_LOOK_UP).optional()])),
});

export function intakeRoutes({ intake }: IntakeRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/intake/records',
      access: 'see-cases',
      summary: 'Reports that came in, the newest first',
      query: LookUpQuery,
      answer: pageOf(RecordShape),
      handle: async ({ query }) => {
        const { limit, after, fate, ...fields } = query;
        const where = Object.fromEntries(
          LOOK_UPS.flatMap((field) => {
            const value = (fields as Readonly<Record<string, unknown>>)[field];
            return typeof value === 'string' ? [[field, value]] : [];
          }),
        );
        const page = await intake.list({ fate, where, before: after, limit: limit + 1 });
        const items = page.slice(0, limit);
        const last = items.at(-1);
        return { items: items.map(toShown), next: page.length > limit && last ? String(last.number) : null };
      },
    }),
    route({
      method: 'GET',
      url: '/intake/records/:record',
      access: 'see-cases',
      summary: 'One report and its fate',
      path: z.object({ record: idOf('record') }),
      answer: RecordShape,
      handle: async ({ path }) => {
        const found = await intake.find(path.record);
        if (!found) throw new ApiRefused({ kind: 'no-such-record', id: path.record });
        return { ...toShown(found), cases: await intake.casesOf(found.id) };
      },
    }),
  ];
}

function toShown({ id, importId, number, fate, detail, receivedAt, claim }: SeenRecord): z.input<typeof RecordShape> {
  return {
    ...{ id, import: importId, number },
    fate: fate.fate,
    mergedInto: fate.fate === 'merged' ? fate.into : null,
    reason: fate.fate === 'canonical' ? null : fate.reason,
    detail: detail ?? null,
    receivedAt: receivedAt.toISOString(),
    claim: (claim as z.input<typeof ClaimShape> | undefined) ?? null,
  };
}
