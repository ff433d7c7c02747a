/** Who calls: the key, the proof that its holder has it in hand, and how often they may. From headers alone. */
import type { IncomingMessage } from 'node:http';
import type { Refusal } from '../dialect/index.ts';
import type { Clock } from '../lib/clock.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Authority, Caller, createPresenceStore } from '../program/index.ts';
import { PROOF_AGE_MS, PROOF_AHEAD_MS, type Proof, readProof } from './dpop.ts';
import type { RateLimiter } from './gcra.ts';

type Presence = ReturnType<typeof createPresenceStore>;

export interface CallerParts {
  readonly authority: Pick<Authority, 'isFresh' | 'findCaller' | 'findKey'>;
  readonly presence: Pick<Presence, 'useProof' | 'bindFirst'>;
  readonly rates: RateLimiter;
  /** Of the gateway as its callers know it. */
  readonly origin: () => string;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
}

type Outcome = Result<Caller, Refusal>;

export interface Callers {
  identify(request: IncomingMessage): Outcome | Promise<Outcome>;
  /** The same caller as they are now: what was known when the headers came may have ended before the body did. */
  lookAgain(caller: Caller): Outcome;
}

const MAX_KEY_CHARS = 256;
const unconfirmed = refuse<Refusal>({ kind: 'unavailable', detail: 'its authority is not confirmed' });
const unauthenticated = refuse<Refusal>({ kind: 'unauthenticated' });
const badProof = (detail: string) => refuse<Refusal>({ kind: 'proof-required', detail });

export function createCallers(parts: CallerParts): Callers {
  const { authority, rates, monotonicMs } = parts;
  const admit = (caller: Caller): Outcome => {
    const { key, person, organisation, forOrganisation = organisation, rate } = caller;
    const refused = rates.take(
      [
        { kind: 'key', id: key, rate: rate.key },
        { kind: 'person', id: person, rate: rate.person },
        { kind: 'organisation', id: forOrganisation, rate: rate.organisation },
      ],
      monotonicMs(),
    );
    if (!refused) return ok(caller);
    const retryAfterSeconds = Math.ceil(refused.retryAfterMs / 1_000);
    return refuse({ kind: 'rate-limited', limit: refused.kind, retryAfterSeconds });
  };
  return {
    identify(request) {
      if (!authority.isFresh(monotonicMs())) return unconfirmed;
      const presented = readKey(request);
      const caller = presented === undefined ? undefined : authority.findCaller(presented);
      if (presented === undefined || !caller) return unauthenticated;
      if (caller.bind === 'none') return admit(caller);
      const proof = checkProof(parts, request, presented, caller);
      if (!proof.ok) return proof;
      // Counted by now: who has the key and not its holder's proof uses up nobody's rate, and nobody writes past it.
      const admitted = admit(caller);
      return admitted.ok ? useProof(parts, caller, proof.value) : admitted;
    },
    lookAgain({ key }) {
      if (!authority.isFresh(monotonicMs())) return unconfirmed;
      const current = authority.findKey(key);
      return current ? ok(current) : unauthenticated;
    },
  };
}

/** `x-api-key`, or `authorization` with Bearer or DPoP. Two different keys are none. */
function readKey({ headers }: IncomingMessage): string | undefined {
  const own = headers['x-api-key'];
  const authorization = /^(?:bearer|dpop) +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const key = own ?? authorization;
  if (typeof key !== 'string' || key.length > MAX_KEY_CHARS) return undefined;
  return own !== undefined && authorization !== undefined && own !== authorization ? undefined : key;
}

/** What the proof itself says; nothing is written. */
function checkProof(
  { clock, origin }: CallerParts,
  request: IncomingMessage,
  accessKey: string,
  { bind }: Caller,
): Result<Proof, Refusal> {
  const { dpop } = request.headers;
  if (typeof dpop !== 'string') return badProof('the header DPoP is missing');
  const read = readProof({
    proof: dpop,
    method: request.method ?? '',
    origin: origin(),
    path: (request.url ?? '').split('?')[0] ?? '',
    accessKey,
    nowMs: clock.now().getTime(),
  });
  if (!read.ok) return badProof(read.refusal.detail);
  return typeof bind === 'object' && bind.jkt !== read.value.jkt ? badProof('the proof is of another holder') : read;
}

async function useProof(
  { presence, clock }: CallerParts,
  caller: Caller,
  { jkt, jti, issuedAtMs }: Proof,
): Promise<Outcome> {
  const { key, bind } = caller;
  const expiresAt = new Date(issuedAtMs + PROOF_AGE_MS + PROOF_AHEAD_MS);
  if (!(await presence.useProof(key, jti, expiresAt, clock.now()))) return badProof('the proof was used before');
  if (bind === 'first-use' && (await presence.bindFirst(key, jkt)) !== jkt)
    return badProof('the proof is of another holder');
  return ok(caller);
}
