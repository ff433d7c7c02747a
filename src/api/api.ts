/** The API below `/api/v1`: every route read, checked, carried out and answered in the same way. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type AnyRefusal, type Complaint, endSession, sendProblem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import { type Database, StaleWrite } from '../store/database.ts';
import { type AnswerRouteParts, answerRoutes } from './answer-routes.ts';
import { applicationRoutes } from './application-routes.ts';
import { type CaseRouteParts, caseRoutes } from './case-routes.ts';
import { creditRoutes } from './credit-routes.ts';
import { etagOf } from './etag.ts';
import { type FundingRouteParts, fundingRoutes } from './funding-routes.ts';
import { guard } from './guard-service.ts';
import { type IntakeRouteParts, intakeRoutes } from './intake-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { createOnce } from './once-service.ts';
import { createDocument, IDEMPOTENCY_HEADER, PREFIX } from './openapi.ts';
import { organisationRoutes } from './organisation-routes.ts';
import { type PaceRouteParts, paceRoutes } from './pace-routes.ts';
import { type PartyRouteParts, partyRoutes } from './party-routes.ts';
import { personRoutes } from './person-routes.ts';
import type { ProgrammeParts } from './programme-service.ts';
import { proposalRoutes } from './proposal-routes.ts';
import { type ApiCaller, ApiRefused, type ApiRoute, route } from './route.ts';
import { scopeRoutes } from './scope-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { stopRoutes } from './stop-routes.ts';
import { type WeighingRouteParts, weighingRoutes } from './weighing-routes.ts';

/** What is asked of disclosure. */
export type DisclosureRouteParts = IntakeRouteParts &
  CaseRouteParts &
  PartyRouteParts &
  PaceRouteParts &
  AnswerRouteParts &
  FundingRouteParts &
  WeighingRouteParts;

export interface ApiParts extends ProgrammeParts {
  readonly cases: DisclosureRouteParts;
  readonly database: Database;
  readonly clock: Clock;
  readonly version: string;
  readonly monotonicMs: () => number;
  /** Told of a fault, with its cause; the caller learns only that there was one. */
  readonly onFault: (error: unknown) => void;
}

export function createApiRoutes(parts: ApiParts): readonly ApiRoute[] {
  const routes = [
    ...sessionRoutes(parts),
    ...modelRoutes(parts),
    ...organisationRoutes(parts),
    ...personRoutes(parts),
    ...applicationRoutes(parts),
    ...keyRoutes(parts),
    ...stopRoutes(parts),
    ...scopeRoutes(parts),
    ...creditRoutes(parts),
    ...proposalRoutes(parts),
    ...intakeRoutes(parts.cases),
    ...caseRoutes(parts.cases),
    ...partyRoutes(parts.cases),
    ...paceRoutes(parts.cases),
    ...answerRoutes(parts.cases),
    ...fundingRoutes(parts.cases),
    ...weighingRoutes(parts.cases),
  ];
  let text: Readonly<Record<string, unknown>> | undefined;
  const document: ApiRoute = route({
    method: 'GET',
    url: '/openapi.json',
    access: 'everyone',
    summary: 'this document',
    answer: z.looseObject({}),
    handle: async () => {
      text ??= createDocument([...routes, document], parts.version);
      return text;
    },
  });
  return [...routes, document];
}

export async function addApi(server: FastifyInstance, parts: ApiParts): Promise<void> {
  const once = createOnce(parts);
  await server.register(
    (scope, _options, done) => {
      scope.removeContentTypeParser('text/plain');
      const callerOf = guard(scope, parts);
      scope.setErrorHandler((error, _request, reply) => {
        const refusal = toRefusal(error);
        if (refusal.kind === 'fault' || refusal.kind === 'unavailable') parts.onFault(error);
        return sendProblem(reply, refusal);
      });
      scope.setNotFoundHandler((_request, reply) => sendProblem(reply, { kind: 'no-such-route' }));
      for (const it of createApiRoutes(parts)) {
        scope.route({
          method: it.method,
          url: it.url,
          config: { access: it.access },
          bodyLimit: it.bodyLimitBytes,
          exposeHeadRoute: false,
          handler: (request, reply) => answer(it, request, reply, { once, callerOf, origin: parts.origin }),
        });
      }
      done();
    },
    { prefix: PREFIX },
  );
}

interface Hands {
  readonly once: ReturnType<typeof createOnce>;
  readonly callerOf: (request: FastifyRequest) => ApiCaller;
  readonly origin: () => string;
}

async function answer(it: ApiRoute, request: FastifyRequest, reply: FastifyReply, { once, callerOf, origin }: Hands) {
  const key = it.isOnce ? request.headers[IDEMPOTENCY_HEADER] : undefined;
  const call = {
    path: read(it.path, 'path', request.params),
    query: read(it.query, 'query', request.query),
    body: it.body && read(it.body, 'body', request.body),
    // A route for everyone asks for nobody.
    caller: it.access === 'everyone' ? undefined : callerOf(request),
    ifMatch: request.headers['if-match'],
    request: key === undefined ? undefined : sha256(`${callerOf(request).person.id}\0${String(key)}`),
  };
  const work = async (): Promise<unknown> => it.answer.parse(await it.handle(call as never));
  let value: unknown;
  if (key === undefined) value = await work();
  else {
    const asked = {
      person: callerOf(request).person.id,
      key: String(key),
      request: `${request.method} ${request.url}\n${JSON.stringify(call.body ?? null)}`,
      status: it.status,
    };
    const outcome = await once(asked, work, withoutSecrets);
    if (outcome.isReplayed) reply.header('idempotent-replayed', 'true');
    value = outcome.answer;
  }
  if (it.endsSession) endSession(reply, origin());
  const text = JSON.stringify(value);
  const tag = etagOf(value);
  if (it.method === 'GET') {
    reply.header('etag', tag);
    if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  }
  return reply.code(it.status).type('application/json').send(text);
}

/** What is shown once is not kept to be shown again. */
const SHOWN_ONCE: ReadonlySet<string> = new Set(['key', 'link', 'examples', 'result']);

function withoutSecrets(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return answer;
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      SHOWN_ONCE.has(name) ? (Array.isArray(value) ? [] : null) : value,
    ]),
  );
}

function read(shape: z.ZodType, where: Complaint['in'], value: unknown): unknown {
  const outcome = shape.safeParse(value);
  if (outcome.success) return outcome.data;
  const errors = outcome.error.issues.map(({ path, message }) => ({ in: where, at: path.join('.'), message }));
  throw new ApiRefused({ kind: 'invalid', errors: errors.slice(0, MAX_COMPLAINTS) });
}

const MAX_COMPLAINTS = 20;

const JSON_CODES: ReadonlySet<unknown> = new Set(['FST_ERR_CTP_EMPTY_JSON_BODY', 'FST_ERR_CTP_INVALID_JSON_BODY']);
/** Node's and Postgres' own: no connection, too many of them, starting, stopping. */
const AWAY = /^(ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|08...|53300|57P0[123])$/;
const AWAY_TEXT = /^(Connection terminated|timeout exceeded when trying to connect)/;

function toRefusal(error: unknown): AnyRefusal {
  if (error instanceof ApiRefused) return error.refusal;
  if (error instanceof StaleWrite) return { kind: 'changed', what: 'it' };
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: number; message?: string };
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return { kind: 'media-type' };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return { kind: 'body-too-large' };
  if (JSON_CODES.has(code) || error instanceof SyntaxError) return { kind: 'not-json' };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return { kind: 'not-readable' };
  if (AWAY.test(String(code ?? '')) || AWAY_TEXT.test(message ?? '')) return { kind: 'unavailable' };
  return { kind: 'fault' };
}
