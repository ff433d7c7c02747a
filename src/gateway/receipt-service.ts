/** What is known of a call once it was admitted, and the receipt that says so when it has ended. */
import { type Refusal, toWire } from '../dialect/index.ts';
import type { Position, Receipt } from '../journal/index.ts';
import type { Reservation } from '../ledger/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Id } from '../lib/id.ts';
import type { Authority, Caller } from '../program/index.ts';
import type { Judged } from './admission-service.ts';
import type { Outcome } from './answer-service.ts';
import type { GuardSession } from './guard-hook.ts';
import type { Bound } from './price.ts';
import type { Settlement } from './settlement.ts';

export interface ReceiptParts {
  readonly gateway: Id<'gateway'>;
  readonly authority: Pick<Authority, 'epoch'>;
}

export interface Admitted {
  readonly call: Id<'call'>;
  readonly judged: Judged;
  readonly bound: Bound;
  readonly reservation: Reservation;
  readonly position: Position;
  readonly requestSha256: string;
  readonly guards: readonly GuardSession[];
  readonly startedMs: number;
}

export interface CallEnd {
  /** Undefined where nothing was sent. */
  readonly outcome: Outcome | undefined;
  readonly settlement: Settlement;
  readonly refusal: Refusal | undefined;
}

export function toOutcomeName(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'not-sent';
  return outcome.left ? 'client-left' : outcome.ending;
}

export function toReceipt(parts: ReceiptParts, caller: Caller, admitted: Admitted, end: CallEnd, now: Date): Receipt {
  const { call, judged, bound, position, requestSha256, guards } = admitted;
  const { organisation, forOrganisation = organisation, person, tier } = caller;
  const [{ id: grant, model }] = judged.grants;
  const served = end.outcome?.reading.servedModel;
  const isOther = served !== undefined && served !== model.upstreamName && !served.startsWith(`${model.upstreamName}-`);
  return {
    call,
    gateway: parts.gateway,
    organisation: forOrganisation,
    person,
    grant,
    tier,
    requestSha256,
    costMicro: end.settlement.costMicro,
    at: now.toISOString(),
    scope: judged.scope ?? undefined,
    asked: model.id,
    served: served ?? '',
    why: isOther ? "the provider's own fallback or choice" : '',
    verdicts: guards.map((guard) => guard.verdict()),
    tokens: end.settlement.usage,
    reservedMicro: bound.reservedMicro,
    outcome: toOutcomeName(end.outcome),
    admitted: position,
    facts: toFacts(parts.authority.epoch, judged, end),
  };
}

function toFacts(epoch: number, judged: Judged, { outcome, settlement, refusal }: CallEnd): Receipt['facts'] {
  const { declared } = judged.request;
  const { flags } = settlement;
  const facts: Record<string, Json> = { epoch };
  if (judged.scope === null) facts.scope = null;
  if (refusal) facts.code = toWire(refusal).code;
  if (flags.length > 0) facts.flags = flags;
  if (Object.keys(declared).length > 0) facts.declared = declared;
  if (judged.userProfile !== undefined) facts.userProfile = judged.userProfile;
  if (!outcome) return facts;
  const { status, providerRequestId, reading } = outcome;
  if (status !== undefined) facts.status = status;
  if (providerRequestId !== undefined) facts.providerRequestId = providerRequestId;
  if (reading.answerId !== undefined) facts.answerId = reading.answerId;
  if (reading.stopReason !== undefined) facts.stopReason = reading.stopReason;
  if (reading.stopDetails !== undefined) facts.stopDetails = reading.stopDetails;
  return facts;
}
