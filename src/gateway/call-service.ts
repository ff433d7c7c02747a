/**
 * The life of a call, the same for every route: judge, guard, reserve, admit, look again, pass on, settle. A step that
 * cannot be decided refuses. After the admit record is durable the call is settled whatever happens: one posting, one
 * receipt.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Refusal } from '../dialect/index.ts';
import { applyEdits, type Dialect, toWire, type Usage } from '../dialect/index.ts';
import type { Journal } from '../journal/index.ts';
import type { Meter, OverLimit, Reservation } from '../ledger/index.ts';
import type { Later } from '../lib/backlog.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type Id, type RandomBytes } from '../lib/id.ts';
import type { Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import type { Authority, Caller } from '../program/index.ts';
import type { CallFacts } from '../telemetry/index.ts';
import { type Judged, judge, USER_PROFILE_HEADER } from './admission-service.ts';
import { type AnswerLimits, type Outcome, RunningAnswer } from './answer-service.ts';
import type { RateLimiter } from './gcra.ts';
import type { Guard, GuardSession } from './guard-hook.ts';
import { Gate, type LiveCalls } from './live-calls.ts';
import { type Bound, boundCall } from './price.ts';
import { type Admitted, type CallEnd, toOutcomeName, toReceipt } from './receipt-service.ts';
import { sendRefusal } from './reply-service.ts';
import { type Settlement, settleCall } from './settlement.ts';
import { oneHeader, toUpstreamHeaders, type UpstreamListener, type Upstreams } from './upstream-client.ts';

export interface CallParts {
  readonly gateway: Id<'gateway'>;
  readonly authority: Pick<Authority, 'isFresh' | 'findStop' | 'epoch'>;
  readonly rates: RateLimiter;
  readonly meter: Pick<Meter, 'reserve' | 'stands' | 'post'>;
  readonly journal: Pick<Journal, 'admit' | 'settle' | 'note' | 'retain'>;
  readonly upstreams: Upstreams;
  readonly guards: readonly Guard[];
  readonly live: LiveCalls<LiveAttributes>;
  /** Of a provider, by the name of its variable. */
  readonly apiKey: (variable: string) => Secret | undefined;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly random: RandomBytes;
  readonly limits: AnswerLimits;
  readonly later: Later;
  readonly onEnd: (facts: CallFacts) => void;
  /** The provider served it. */
  readonly onServed: (caller: Caller, model: string, call: string) => void;
  /** The stable code of every refusal of ours. */
  readonly onRefusal: (code: string) => void;
  readonly onTrouble: (error: Error) => void;
}

/** What a stop or a revocation looks at. */
export interface LiveAttributes {
  readonly caller: Caller;
  readonly models: readonly string[];
  readonly stops: Judged['attributes'];
}

export interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly body: Buffer;
  readonly caller: Caller;
}

const NO_USAGE: Usage = { input: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };

class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

export function createCalls(parts: CallParts) {
  return {
    /** Answers whatever happens; the promise settles when the call is posted. */
    async serve(arrival: Arrival): Promise<void> {
      const { caller, requestId, request } = arrival;
      const judged = judge(parts, {
        dialect: arrival.dialect,
        caller,
        body: arrival.body,
        now: parts.clock.now(),
        nowMs: parts.monotonicMs(),
        scope: oneHeader(request, 'headstart-scope'),
        userProfile: oneHeader(request, USER_PROFILE_HEADER),
      });
      const call = createId('call', parts.random);
      let headers: Headers = { 'headstart-request-id': requestId };
      if (!judged.ok) return refuse(parts, arrival, call, undefined, judged.refusal, headers);
      const models = judged.value.grants.map(({ model }) => model.id);
      const attributes = { caller, models, stops: judged.value.attributes };
      const gate: Gate<LiveAttributes> = new Gate(call, attributes);
      parts.live.add(gate);
      try {
        const admitted = await admit(parts, arrival, call, judged.value, gate);
        headers = { 'headstart-request-id': requestId, 'headstart-receipt': call };
        const running = await start(parts, arrival, admitted, headers);
        gate.handOver(running);
        if (gate.refusal) running.end(gate.refusal);
        const outcome = await running.outcome;
        const settlement = charge(parts, arrival.dialect, admitted, outcome);
        await settle(parts, arrival, admitted, { outcome, settlement, refusal: outcome.refusal });
      } catch (error) {
        const refusal: Refusal =
          error instanceof Refused ? error.refusal : { kind: 'unavailable', detail: 'a part of it does not answer' };
        if (!(error instanceof Refused)) parts.onTrouble(toError(error));
        refuse(parts, arrival, call, judged.value, refusal, headers);
      } finally {
        parts.live.remove(gate);
      }
    },
  };
}

type Headers = Readonly<Record<string, string>>;

/** Throws Refused. When it returns, the record is durable and nothing has been sent. */
async function admit(
  parts: CallParts,
  arrival: Arrival,
  call: Id<'call'>,
  judged: Judged,
  gate: Gate<LiveAttributes>,
): Promise<Admitted> {
  const { caller, body } = arrival;
  const startedMs = parts.clock.now().getTime();
  const [{ id: grant, model }] = judged.grants;
  if (!parts.apiKey(model.apiKeyEnv)) throw unavailable('the operator has set no key of the provider for this model');
  const guards = parts.guards.length === 0 ? NO_GUARDS : await guardRequest(parts, caller, judged);
  const bound = boundOf(arrival, judged);
  const reservation = await reserve(parts, caller, call, bound.reservedMicro);
  const requestSha256 = sha256Hex(body);
  const { organisation, forOrganisation = organisation, person, key, limits } = caller;
  try {
    const position = await parts.journal.admit({
      call,
      lease: reservation.lease,
      limits,
      reservedMicro: bound.reservedMicro,
      organisation: forOrganisation,
      person,
      key,
      grant,
      tier: caller.tier,
      scope: judged.scope ?? undefined,
      model: model.id,
      requestSha256,
    });
    parts.journal.retain(call, body);
    const admitted: Admitted = { call, judged, bound, reservation, position, requestSha256, guards, startedMs };
    // The world may have changed while the disk wrote.
    const now = lookAgain(parts, arrival, admitted, gate);
    if (now) throw new Refused(await giveBack(parts, arrival, admitted, now));
    return admitted;
  } catch (error) {
    if (!(error instanceof Refused)) parts.meter.post(reservation, 0);
    throw error;
  }
}

const NO_GUARDS: readonly GuardSession[] = [];
const FREE: Bound = { reservedMicro: 0, inputTokens: 0, rates: [] };

/** Throws Refused. */
function boundOf({ dialect, body }: Arrival, { request, grants }: Judged): Bound {
  if (dialect.isFree) return FREE;
  const models = grants.map(({ model }) => model);
  const bound = boundCall(request, body.length, models);
  if (!bound.ok) throw new Refused({ kind: 'invalid-request', detail: 'No budget covers what this call asks for' });
  return bound.value;
}

/** Throws Refused. At once where what is in hand suffices. */
function reserve(
  { meter }: CallParts,
  { limits }: Caller,
  call: Id<'call'>,
  micro: number,
): Reservation | Promise<Reservation> {
  const reserved = meter.reserve(call, limits, micro);
  return reserved instanceof Promise ? reserved.then(toReservation) : toReservation(reserved);
}

function toReservation(reserved: Result<Reservation, OverLimit>): Reservation {
  if (reserved.ok) return reserved.value;
  const { binding, neededMicro, availableMicro } = reserved.refusal;
  throw new Refused({ kind: 'over-budget', limit: binding.split(':')[0] ?? '', neededMicro, availableMicro });
}

const unavailable = (detail: string) => new Refused({ kind: 'unavailable', detail });

async function guardRequest(parts: CallParts, caller: Caller, judged: Judged): Promise<readonly GuardSession[]> {
  const { document, request, scope, grants } = judged;
  const { organisation, forOrganisation = organisation, person } = caller;
  const model = grants[0].model.id;
  const guards = parts.guards.map((guard) =>
    guard.open({ organisation: forOrganisation, person, model, scope, request, document }),
  );
  for (const guard of guards) {
    const block = await guard.request();
    if (block) throw new Refused({ kind: 'guarded', ...block });
  }
  return guards;
}

function lookAgain(
  { authority, meter, monotonicMs }: CallParts,
  { request, response }: Arrival,
  { judged, reservation }: Admitted,
  gate: Gate<LiveAttributes>,
): Refusal | undefined {
  if (gate.refusal) return gate.refusal;
  if (!authority.isFresh(monotonicMs())) return { kind: 'unavailable', detail: 'its authority is not confirmed' };
  if (!meter.stands(reservation)) return { kind: 'unavailable', detail: 'its credit has to be counted anew' };
  for (const each of judged.attributes) {
    const stop = authority.findStop(each);
    if (stop) return { kind: 'stopped', stop: stop.id };
  }
  return response.closed || request.socket.destroyed ? { kind: 'too-slow' } : undefined;
}

/** Admitted, and then not sent: settled at nothing. */
async function giveBack(parts: CallParts, arrival: Arrival, admitted: Admitted, refusal: Refusal): Promise<Refusal> {
  const settlement = { costMicro: 0, usage: NO_USAGE, flags: [] };
  await settle(parts, arrival, admitted, { outcome: undefined, settlement, refusal });
  return refusal;
}

/** Throws Refused where it could not be sent. */
function start(
  parts: CallParts,
  arrival: Arrival,
  admitted: Admitted,
  headers: Headers,
): RunningAnswer | Promise<never> {
  try {
    return send(parts, arrival, admitted, headers);
  } catch (error) {
    // Not a byte has left.
    parts.onTrouble(toError(error));
    const refusal: Refusal = { kind: 'unavailable', detail: 'the call could not be sent' };
    return giveBack(parts, arrival, admitted, refusal).then(() => {
      throw new Refused(refusal);
    });
  }
}

function send(
  parts: CallParts,
  { request, response, dialect, body }: Arrival,
  { judged, guards }: Admitted,
  headers: Headers,
): RunningAnswer {
  const { document, grants } = judged;
  const [{ model }] = grants;
  const names = grants.map((grant) => grant.model.upstreamName);
  const edits = dialect.toEdits(document, names);
  const { url = '' } = request;
  const query = url.indexOf('?');
  const key = parts.apiKey(model.apiKeyEnv)?.reveal() ?? '';
  const sent = {
    base: model.url,
    path: query < 0 ? dialect.path : dialect.path + url.slice(query),
    headers: toUpstreamHeaders(request, model, key),
    body: edits.length === 0 ? body : Buffer.from(applyEdits(document.text, edits)),
  };
  return new RunningAnswer({
    response,
    dialect,
    guards,
    headers,
    limits: parts.limits,
    later: parts.later,
    onLeave: model.onLeave,
    reader: dialect.createReader(document),
    send: (listener: UpstreamListener) => parts.upstreams.send(sent, listener),
  });
}

/** Where even that fails, the provider may have billed anything up to what was reserved. */
function charge(parts: CallParts, dialect: Dialect, { judged, bound }: Admitted, outcome: Outcome): Settlement {
  const { ending, reading, answerBytes } = outcome;
  if (dialect.isFree) return { costMicro: 0, usage: reading.usage, flags: [] };
  const [{ model }, ...others] = judged.grants;
  const models = [model, ...others.map((grant) => grant.model)] as const;
  try {
    return settleCall({ ending, stream: judged.request.stream, reading, answerBytes, bound, models });
  } catch (error) {
    parts.onTrouble(toError(error));
    return { costMicro: bound.reservedMicro, usage: NO_USAGE, flags: ['usage-unreadable'] };
  }
}

/** One receipt and one posting. Where the journal fails the posting stands without a receipt. */
async function settle(parts: CallParts, { caller, dialect, request }: Arrival, admitted: Admitted, end: CallEnd) {
  const { reservation, judged, startedMs, call } = admitted;
  const { outcome, settlement, refusal } = end;
  const { usage, costMicro } = settlement;
  const now = parts.clock.now();
  try {
    const receipt = toReceipt(parts, caller, admitted, end, now);
    parts.meter.post(reservation, costMicro, await parts.journal.settle(receipt));
  } catch (error) {
    parts.onTrouble(toError(error));
    parts.meter.post(reservation, costMicro);
  }
  const model = judged.grants[0].model.id;
  if (outcome?.ending === 'complete') parts.onServed(caller, model, call);
  const reading = outcome?.reading;
  parts.onEnd({
    call,
    costMicro,
    protocol: dialect.protocol,
    tokens: usage,
    model,
    stream: judged.request.stream,
    startedMs,
    traceparent: oneHeader(request, 'traceparent'),
    operation: dialect.isFree ? 'count_tokens' : 'chat',
    servedModel: reading?.servedModel,
    answerId: reading?.answerId,
    stopReason: reading?.stopReason,
    outcome: toOutcomeName(outcome),
    code: refusal && toWire(refusal).code,
    endedMs: now.getTime(),
  });
}

function refuse(
  parts: CallParts,
  { dialect, response, caller }: Arrival,
  call: Id<'call'>,
  judged: Judged | undefined,
  refusal: Refusal,
  headers: Headers,
): void {
  const { organisation, forOrganisation = organisation, person, key } = caller;
  const model = judged?.grants[0].model.id;
  const rule = refusal.kind === 'guarded' ? refusal.rule : undefined;
  const { code } = toWire(refusal);
  parts.onRefusal(code);
  parts.journal.note({ type: 'refuse', call, code, person, key, organisation: forOrganisation, model, rule });
  if (!response.headersSent) sendRefusal(response, dialect, refusal, headers);
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
