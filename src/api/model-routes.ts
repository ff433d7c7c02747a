/** Models behind the gate. Only who sees the whole programme sees them: to others a model that is not theirs does not exist. */
import { z } from 'zod';
import { type Model, openTo, STAGES } from '../program/index.ts';
import { etagOf } from './etag.ts';
import type { ProgrammeParts } from './programme-service.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Micro, ModelName, PageQuery, pageOf, TierName, toPage } from './shape.ts';

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
    openTo: z.enum(STAGES),
  })
  .meta({ id: 'Model' });

const ModelPath = z.object({ model: ModelName });

export function modelRoutes({ membership }: ProgrammeParts): readonly ApiRoute[] {
  const find = async (id: string): Promise<z.input<typeof ModelShape>> => {
    const model = (await membership.listModels()).find((each) => each.id === id);
    if (!model) throw new ApiRefused({ kind: 'not-found', what: 'model', named: id });
    return toShown(model);
  };
  return [
    route({
      method: 'GET',
      url: '/models',
      access: 'see-programme',
      summary: 'All models',
      query: PageQuery,
      answer: pageOf(ModelShape),
      handle: async ({ query }) => toPage(await membership.listModels(), query, ({ id }) => id, toShown),
    }),
    route({
      method: 'GET',
      url: '/models/:model',
      access: 'see-programme',
      summary: 'One model',
      path: ModelPath,
      answer: ModelShape,
      handle: ({ path }) => find(path.model),
    }),
    route({
      method: 'POST',
      url: '/models',
      access: 'change-programme',
      summary: 'Put a model behind the gate',
      body: ModelBody.extend({ id: ModelName }),
      status: 201,
      answer: ModelShape,
      handle: async ({ body, caller }) =>
        toShown(settled(await membership.addModel(body, { actor: caller.person.id }))),
    }),
    route({
      method: 'PUT',
      url: '/models/:model',
      access: 'change-programme',
      summary: 'Replace what is known of a model; its stage stays',
      path: ModelPath,
      body: ModelBody,
      answer: ModelShape,
      handle: async ({ path, body, caller, ifMatch }) => {
        const before = await find(path.model);
        if (ifMatch !== undefined && ifMatch !== etagOf(before)) {
          throw new ApiRefused({ kind: 'other-version', what: `the model ${path.model}` });
        }
        const by = { actor: caller.person.id, replace: true };
        return toShown(settled(await membership.addModel({ ...body, id: path.model }, by)));
      },
    }),
  ];
}

/** In the order of the shape, so that the version told from it is the one of the answer. */
function toShown(model: Model): z.output<typeof ModelShape> {
  return ModelShape.parse({ ...model, stage: model.stage ?? null, openTo: openTo(model) });
}
