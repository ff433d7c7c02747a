/**
 * The gateway's server: routes, limits, drain. Every route asks for the key first; the routes of models then walk the
 * steps of `call-service.ts`. Nothing here decides about a call.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { anthropicMessages, DIALECTS, type Dialect, openaiChat, type Refusal, toWire } from '../dialect/index.ts';
import type { StoredPosting } from '../ledger/index.ts';
import { createBacklog } from '../lib/backlog.ts';
import { createId } from '../lib/id.ts';
import { type Authority, type Caller, type createPresenceStore, findGrant, matchesStop } from '../program/index.ts';
import { ANSWER_LIMITS, type AnswerLimits } from './answer-service.ts';
import { BODY_LIMITS, type BodyLimits, createBodies } from './body-client.ts';
import { type CallParts, createCalls, type LiveAttributes } from './call-service.ts';
import { createCallers } from './caller-service.ts';
import { createRateLimiter } from './gcra.ts';
import { createLiveCalls } from './live-calls.ts';
import { sendRefusal } from './reply-service.ts';

export interface GatewayParts
  extends Omit<CallParts, 'live' | 'limits' | 'later' | 'authority' | 'rates' | 'onServed'> {
  readonly authority: Authority;
  readonly presence: ReturnType<typeof createPresenceStore>;
  /** As callers know it (`https://gate.example.org`); undefined: where it listens, on loopback. */
  readonly origin?: string | undefined;
  readonly findPosting: (call: string) => Promise<StoredPosting | undefined>;
  /** Prometheus text. */
  readonly metrics: (liveCalls: number) => string;
  readonly answerLimits?: AnswerLimits;
  readonly bodyLimits?: BodyLimits;
  readonly connectionLimits?: ConnectionLimits;
  /** For calls under way when it is told to stop. */
  readonly drainMs?: number;
}

export interface ConnectionLimits {
  /** Until the headers are whole, from the first byte or from none at all. */
  readonly headersMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often it is looked. */
  readonly checkMs: number;
}

const CONNECTION_LIMITS: ConnectionLimits = { headersMs: 10_000, idleMs: 65_000, checkMs: 1_000 };

export interface Gateway {
  readonly server: Server;
  readonly liveCalls: () => number;
  /** Takes no new call, lets those under way end, ends the rest with an error of their protocol; all are settled. */
  close(): Promise<void>;
}

const DRAIN_MS = 20_000;
const BEAT_MS = 1_000;
const MAX_HEADER_BYTES = 32_768;
const MAX_CONNECTIONS = 20_000;

export function createGateway(parts: GatewayParts): Gateway {
  const live = createLiveCalls<LiveAttributes>();
  const presence = keepPresence(parts, live);
  watchAuthority(parts, live);
  const origin = (): string => parts.origin ?? originOf(server);
  const rates = createRateLimiter(presence.gateways);
  const callers = createCallers({ ...parts, origin, rates });
  const limits = parts.answerLimits ?? ANSWER_LIMITS;
  const later = createBacklog(parts.monotonicMs, parts.onTrouble);
  const calls = createCalls({ ...parts, rates, live, limits, later, onServed: createProver(parts) });
  const bodies = createBodies(parts.bodyLimits ?? BODY_LIMITS);
  const visits = createVisits();
  let isDraining = false;

  const answer = async (visit: Visit): Promise<void> => {
    const { request, response, route, headers } = visit;
    const no = (refusal: Refusal): void => {
      parts.onRefusal(toWire(refusal).code);
      sendRefusal(response, route.dialect, refusal, headers);
    };
    if (route.kind === 'none') return no({ kind: 'no-such-route' });
    if (isDraining) return no({ kind: 'draining' });
    const identified = callers.identify(request);
    const caller = identified instanceof Promise ? await identified : identified;
    if (!caller.ok) return no(caller.refusal);
    if (route.kind === 'models') return sendModels(parts, visit, caller.value, route.id);
    if (route.kind === 'receipt') return await sendReceipt(parts, visit, caller.value, route.id);
    const body = await bodies.receive(request);
    if (!body) return;
    if (!body.ok) return no(body.refusal);
    try {
      const current = callers.lookAgain(caller.value);
      if (!current.ok) return no(current.refusal);
      if (isDraining) return no({ kind: 'draining' });
      const { requestId } = visit;
      const { dialect } = route;
      await calls.serve({ request, response, dialect, requestId, body: body.value, caller: current.value });
    } finally {
      bodies.release(body.value.length);
    }
  };
  const attend = async (visit: Visit): Promise<void> => {
    visits.enter();
    try {
      await answer(visit);
    } catch (error) {
      parts.onTrouble(error instanceof Error ? error : new Error(String(error)));
      visit.response.destroy();
    } finally {
      visits.leave();
    }
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '', method } = request;
    const query = url.indexOf('?');
    const path = query < 0 ? url : url.slice(0, query);
    if (method === 'GET' && (path === '/metrics' || path === '/healthz')) {
      sendMetrics(request, response, path === '/metrics' ? parts.metrics(live.size) : 'ok\n');
      return;
    }
    const requestId = createId('request', parts.random);
    const own = { 'headstart-request-id': requestId };
    const headers = isDraining ? { ...own, connection: 'close' } : own;
    void attend({ request, response, requestId, headers, route: toRoute(request, path) });
  };
  const server = listen(parts.connectionLimits ?? CONNECTION_LIMITS, onRequest);
  return {
    server,
    liveCalls: () => live.size,
    async close() {
      isDraining = true;
      server.close();
      server.closeIdleConnections();
      await within(visits.ended(), parts.drainMs ?? DRAIN_MS);
      live.endWhere(() => ({ kind: 'draining' }));
      await visits.ended();
      await presence.end();
      server.closeAllConnections();
    },
  };
}

/** How many are under way, and when none is. */
function createVisits() {
  let count = 0;
  let waiting: (() => void)[] = [];
  return {
    enter: (): void => {
      count += 1;
    },
    leave: (): void => {
      count -= 1;
      if (count > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    ended: (): Promise<void> =>
      new Promise((resolve) => {
        if (count === 0) resolve();
        else waiting.push(resolve);
      }),
  };
}

/** A body has a limit of its own, and an answer may take the provider as long as it takes. */
function listen({ headersMs, idleMs, checkMs }: ConnectionLimits, onRequest: RequestListener): Server {
  const server = createServer(
    {
      ...{ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0 },
      ...{ headersTimeout: headersMs, keepAliveTimeout: idleMs, connectionsCheckingInterval: checkMs },
    },
    onRequest,
  );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function originOf(server: Server): string {
  const address = server.address();
  if (typeof address !== 'object' || !address) return '';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return new URL(`http://${host}:${address.port}`).origin;
}

type Route =
  | { readonly kind: 'call'; readonly dialect: Dialect }
  | { readonly kind: 'models'; readonly dialect: Dialect; readonly id: string | undefined }
  | { readonly kind: 'receipt'; readonly dialect: Dialect; readonly id: string }
  | { readonly kind: 'none'; readonly dialect: Dialect };

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly route: Route;
}

const MODELS = /^\/v1\/models(?:\/(.+))?$/;
const RECEIPT = /^\/v1\/receipts\/(call_[0-9a-f]{1,64})$/;

const CALLS: ReadonlyMap<string, Route> = new Map(DIALECTS.map((dialect) => [dialect.path, { kind: 'call', dialect }]));

function toRoute({ method, headers }: IncomingMessage, path: string): Route {
  const called = CALLS.get(path);
  if (called && method === 'POST') return called;
  const dialect = called?.dialect ?? (headers['anthropic-version'] === undefined ? openaiChat : anthropicMessages);
  const models = MODELS.exec(path);
  const receipt = RECEIPT.exec(path);
  if (method === 'GET' && models) return { kind: 'models', dialect, id: models[1] && decode(models[1]) };
  if (method === 'GET' && receipt?.[1]) return { kind: 'receipt', dialect, id: receipt[1] };
  return { kind: 'none', dialect };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One form that the clients of both protocols read. */
function sendModels(parts: GatewayParts, { response, headers, route }: Visit, caller: Caller, id?: string): void {
  const now = parts.clock.now();
  const granted = [...caller.grants.keys()].filter((each) => findGrant(caller, each, now) !== undefined);
  const show = (each: string) => ({
    ...{ id: each, object: 'model', type: 'model', display_name: each },
    ...{ created: 0, created_at: '1970-01-01T00:00:00Z', owned_by: 'headstart' },
  });
  if (id !== undefined && !granted.includes(id)) {
    sendRefusal(response, route.dialect, { kind: 'model-not-found' }, headers);
    return;
  }
  const list = { object: 'list', data: granted.map(show), has_more: false };
  const ends = { first_id: granted[0] ?? null, last_id: granted.at(-1) ?? null };
  sendJson(response, headers, JSON.stringify(id === undefined ? { ...list, ...ends } : show(id)));
}

async function sendReceipt(parts: GatewayParts, { response, headers, route }: Visit, caller: Caller, id: string) {
  const posting = await parts.findPosting(id);
  const { organisation, forOrganisation = organisation } = caller;
  // Another organisation's receipt is not told from one that does not exist.
  if (!posting?.receipt || !posting.limits.includes(`organisation:${forOrganisation}`)) {
    sendRefusal(response, route.dialect, { kind: 'receipt-not-found' }, headers);
    return;
  }
  sendJson(response, headers, posting.receipt);
}

function sendJson(response: ServerResponse, headers: Visit['headers'], body: string): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** For this machine alone, and not through a proxy that runs on it. */
function sendMetrics({ socket, headers }: IncomingMessage, response: ServerResponse, text: string): void {
  const isForwarded = ['forwarded', 'x-forwarded-for', 'via'].some((name) => headers[name] !== undefined);
  const isHere = LOOPBACK.test(socket.remoteAddress ?? '') && !isForwarded;
  response.writeHead(isHere ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  response.end(isHere ? text : '');
}

type Live = ReturnType<typeof createLiveCalls<LiveAttributes>>;

/** A stop ends at once the calls it matches; a revocation those whose key or grant is gone. */
function watchAuthority({ authority, clock, journal }: GatewayParts, live: Live): void {
  authority.onStop((stop) => {
    const ended = live.endWhere(({ stops }) =>
      stops.some((each) => matchesStop(stop, each)) ? { kind: 'stopped', stop: stop.id } : undefined,
    );
    if (ended > 0) journal.note({ type: 'stop', stop: stop.id, action: 'added', facts: { ended } });
  });
  authority.onChange(() => {
    const now = clock.now();
    live.endWhere(({ caller, models }) => {
      const current = authority.findKey(caller.key);
      const isGranted = current && models.every((model) => findGrant(current, model, now) !== undefined);
      return isGranted ? undefined : { kind: 'revoked' };
    });
  });
}

/** Access counts as ready from the first call on that was served. */
function createProver({ presence, clock, onTrouble }: GatewayParts): CallParts['onServed'] {
  const known = new Set<string>();
  return ({ key }, model, call) => {
    const name = `${key} ${model}`;
    if (known.has(name)) return;
    known.add(name);
    presence.prove(key, model, call, clock.now()).catch((error: Error) => {
      known.delete(name);
      onTrouble(error);
    });
  };
}

/** Tells the others every second that this gateway lives and what it carries. */
function keepPresence(parts: GatewayParts, live: Live) {
  const { presence, gateway, clock, onTrouble } = parts;
  let gateways = 1;
  let last: Promise<void> = Promise.resolve();
  const beat = async (): Promise<void> => {
    try {
      await presence.beat(gateway, summarise(live), clock.now());
      gateways = await presence.countGateways(clock.now());
    } catch (error) {
      onTrouble(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const next = (): void => {
    last = last.then(beat);
  };
  next();
  const timer = setInterval(next, BEAT_MS);
  return {
    gateways: () => gateways,
    async end(): Promise<void> {
      clearInterval(timer);
      next();
      await last;
    },
  };
}

function summarise(live: Live) {
  const groups = new Map<string, { key: string; model: string; tools: readonly string[]; count: number }>();
  for (const { attributes } of live.all()) {
    for (const { key, model, tools } of attributes.stops) {
      const name = JSON.stringify([key, model, tools]);
      const group = groups.get(name) ?? { key, model, tools, count: 0 };
      groups.set(name, { ...group, count: group.count + 1 });
    }
  }
  return [...groups.values()];
}

async function within(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
