/** Models behind the gate. Only who sees the whole programme sees them: to others a model that is not theirs does not exist. */
import { z } from 'zod';
import { refuse } from '../lib/result.ts';
import { type Model, type ModelInput, openTo, readModel, STAGES, stricter, versionOf } from '../program/index.ts';
import { etagOf } from './etag.ts';
import type { ProgrammeParts } from './programme-service.ts';
import { ProposalShape, toProposal } from './proposal-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, Micro, ModelName, PageQuery, pageOf, TierName, toPage } from './shape.ts';

const Tokens = z.int().min(1);

const FLAT = { input: Micro, output: Micro, cacheWrite5m: Micro, cacheWrite1h: Micro, cacheRead: Micro };
const Prices = z
  .strictObject({
    ...FLAT,
    tiers: z
      .array(z.strictObject({ aboveInputTokens: Tokens, ...FLAT }))
      .max(8)
      .optional()
      .describe('for every token of a request whose input is longer, rising'),
  })
  .meta({ id: 'Prices', description: 'micro-dollars per million tokens' });

const ModelBody = z.strictObject({
  protocol: z.enum(['anthropic', 'openai']),
  url: z.url().max(500),
  apiKeyEnv: z.string().min(1).max(128).describe("the environment variable with the provider's key; never the key"),
  prices: Prices,
  upstreamName: ModelName.optional(),
  contextTokens: Tokens.optional(),
  maxOutputTokens: Tokens.optional(),
  onLeave: z.enum(['abort', 'drain']).optional(),
  minTier: TierName.optional(),
});

const ModelShape = z
  .object({
    id: z.string(),
    protocol: z.enum(['anthropic', 'openai']),
    url: z.string(),
    upstreamName: z.string(),
    apiKeyEnv: z.string(),
    prices: Prices,
    contextTokens: Tokens,
    maxOutputTokens: Tokens,
    onLeave: z.enum(['abort', 'drain']),
    minTier: TierName,
    stage: z.enum(STAGES).nullable().describe('what a decision opened it to'),
    stageEndsAt: Instant.nullable().describe('when that ends by itself, by the clock of the database'),
    isByDecision: z.boolean().describe('only a decision opens it'),
    openTo: z.enum(STAGES),
  })
  .meta({ id: 'Model' });

const ModelPath = z.object({ model: ModelName });

export function modelRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...changing(parts)];
}

async function find({ membership }: ProgrammeParts, id: string): Promise<Model> {
  const model = await membership.findModel(id);
  if (!model) throw new ApiRefused({ kind: 'not-found', what: 'model', named: id });
  return model;
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/models',
      access: 'see-programme',
      summary: 'All models',
      query: PageQuery,
      answer: pageOf(ModelShape),
      handle: async ({ query }) => toPage(await parts.membership.pageModels(query), toShown),
    }),
    route({
      method: 'GET',
      url: '/models/:model',
      access: 'see-programme',
      summary: 'One model',
      path: ModelPath,
      answer: ModelShape,
      handle: async ({ path }) => toShown(await find(parts, path.model)),
    }),
  ];
}

/** Who could change alone where a model is would read what everybody asks it. */
function changing(parts: ProgrammeParts): readonly ApiRoute[] {
  const propose = async (input: ModelInput, before: Model | undefined, askedBy: string) => {
    settled(readModel(input));
    const details = [JSON.stringify(input), versionOf(before)];
    return toProposal(await parts.proposals.ask({ kind: 'put-model', subject: input.id, details, askedBy }));
  };
  return [
    route({
      method: 'POST',
      url: '/models',
      access: 'change-programme',
      summary: 'Propose to put a model behind the gate; another person has to agree',
      body: ModelBody.extend({ id: ModelName }),
      status: 201,
      answer: ProposalShape,
      handle: async ({ body, caller }) => {
        const before = await parts.membership.findModel(body.id);
        if (before) throw new ApiRefused({ kind: 'exists', what: 'model', named: body.id });
        return propose(body, undefined, caller.person.id);
      },
    }),
    route({
      method: 'PUT',
      url: '/models/:model',
      access: 'change-programme',
      summary: 'Propose to replace what is known of a model, its stage stays; another person has to agree',
      path: ModelPath,
      body: ModelBody,
      answer: ProposalShape,
      handle: async ({ path, body, caller, ifMatch }) => {
        const before = await find(parts, path.model);
        if (ifMatch !== undefined && ifMatch !== etagOf(toShown(before))) {
          throw new ApiRefused({ kind: 'other-version', what: `the model ${path.model}` });
        }
        return propose({ ...body, id: path.model }, before, caller.person.id);
      },
    }),
    route({
      method: 'PUT',
      url: '/models/:model/stage',
      access: 'ask-stop',
      summary:
        'The outermost tier it is open to: narrower at once, wider when a safeguards lead agrees who did not ask',
      path: ModelPath,
      body: z.strictObject({ stage: z.enum(STAGES).nullable().describe('null: `minTier` alone binds') }),
      answer: z.object({ model: ModelShape, proposal: ProposalShape.nullable() }),
      handle: async ({ path, body, caller }) => {
        const before = await find(parts, path.model);
        const stage = body.stage ?? undefined;
        const after = openTo({ ...before, stage });
        if (stricter(after, openTo(before)) === after) {
          const model = settled(await parts.membership.setStage(path.model, stage, caller.person.id));
          return { model: toShown(model), proposal: null };
        }
        if (before.isByDecision) settled(refuse({ kind: 'by-decision', model: path.model }));
        const asked = { kind: 'set-stage', subject: path.model, details: stage === undefined ? [] : [stage] } as const;
        const proposal = await parts.proposals.ask({ ...asked, askedBy: caller.person.id });
        return { model: toShown(before), proposal: toProposal(proposal) };
      },
    }),
  ];
}

/** In the order of the shape, so that the version told from it is the one of the answer. */
function toShown(model: Model): z.output<typeof ModelShape> {
  const { stage = null, stageEndsAt, isByDecision = false } = model;
  const ends = { stageEndsAt: stageEndsAt?.toISOString() ?? null, isByDecision };
  return ModelShape.parse({ ...model, stage, ...ends, openTo: openTo(model) });
}
