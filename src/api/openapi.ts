/** The OpenAPI 3.1 document, made from the schemas that check requests and answers. */
import { z } from 'zod';
import { PROBLEM_KINDS, PROBLEM_TYPE } from '../http/index.ts';
import type { ApiRoute } from './route.ts';

type Schema = { readonly [name: string]: unknown };

export const PREFIX = '/api/v1';
export const IDEMPOTENCY_HEADER = 'idempotency-key';

export const ProblemShape = z
  .looseObject({
    type: z.enum(PROBLEM_KINDS.map((kind) => `${PROBLEM_TYPE}${kind}`)),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; the type is stable' });

export function createDocument(routes: readonly ApiRoute[], version: string): Schema {
  const schemas: Record<string, unknown> = {};
  const toSchema = (shape: z.ZodType, io: 'input' | 'output'): Schema => hoist(shape, io, schemas);
  const problem = { 'application/problem+json': { schema: toSchema(ProblemShape, 'output') } };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = `${PREFIX}${route.url.replace(/:(\w+)/g, '{$1}')}`;
    const methods = paths[path] ?? {};
    methods[route.method.toLowerCase()] = toOperation(route, toSchema);
    paths[path] = methods;
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Headstart programme',
      version,
      description:
        'Members, grants, keys, stops, scopes and credit; reports, cases, their parties, the queue and funding. Every change needs the session of a browser at this site and its Origin header.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      responses: { Problem: { description: 'refused, with the reason', content: problem } },
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'headstart-session' } },
    },
  };
}

function toOperation(route: ApiRoute, toSchema: (shape: z.ZodType, io: 'input' | 'output') => Schema): Schema {
  const { method, url, access, summary, tag, status, answer, body } = route;
  const refused = { $ref: '#/components/responses/Problem' };
  return {
    operationId: `${method.toLowerCase()}${url.replace(/[^a-zA-Z]+(\w)/g, (_all, letter: string) => letter.toUpperCase())}`,
    summary,
    tags: [tag],
    security: access === 'everyone' ? [] : [{ session: [] }],
    'x-headstart-access': access,
    parameters: [
      ...toParameters(route.path, 'path', toSchema),
      ...toParameters(route.query, 'query', toSchema),
      ...(route.isOnce ? [ONCE] : []),
      ...(method === 'PUT' ? [IF_MATCH] : []),
    ],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: toSchema(body, 'input') } } },
    }),
    responses: {
      [status]: { description: summary, content: { 'application/json': { schema: toSchema(answer, 'output') } } },
      ...(method === 'GET' && { 304: { description: 'as `if-none-match` said' } }),
      '4XX': refused,
      '5XX': refused,
    },
  };
}

const ONCE = {
  name: IDEMPOTENCY_HEADER,
  in: 'header',
  required: false,
  description: 'chosen by the sender; the same request under it is done once within 24 hours',
  schema: { type: 'string', minLength: 8, maxLength: 200 },
};
const IF_MATCH = {
  name: 'if-match',
  in: 'header',
  required: false,
  description: 'the `etag` of what is to be replaced',
  schema: { type: 'string' },
};

function toParameters(
  shape: z.ZodObject,
  where: 'path' | 'query',
  toSchema: (shape: z.ZodType, io: 'input' | 'output') => Schema,
): Schema[] {
  return Object.entries(shape.shape).map(([name, each]) => ({
    name,
    in: where,
    required: where === 'path' || !(each as z.ZodType).safeParse(undefined).success,
    schema: toSchema(each as z.ZodType, 'input'),
  }));
}

/** Shapes with a name stand once among the components. */
function hoist(shape: z.ZodType, io: 'input' | 'output', schemas: Record<string, unknown>): Schema {
  const { $schema: _dialect, $defs = {}, ...own } = z.toJSONSchema(shape, { io, target: 'draft-2020-12' });
  const rename = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [name, each] of Object.entries($defs)) schemas[name] = rename(each);
  return rename(own) as Schema;
}
