/**
 * The arithmetic of credit, in whole micro-dollars. Double entry over four places:
 *
 *   fund ──grant──▶ available ──take──▶ leased ──spend──▶ spent
 *                       ▲                  │ give           │ refund
 *                       └──────────────────┴────────────────┘
 *
 * Every function moves an amount from one place to another, so granted = available + leased + spent by construction.
 */
import type { Id } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export type CallId = Id<'call'>;
export type LeaseId = Id<'lease'>;
export type GatewayId = Id<'gateway'>;
/** The organisation's is money; the others are caps on it. */
export type LimitId = `organisation:${string}` | `person:${string}` | `key:${string}`;

/** About nine billion dollars; above it integers are no longer exact, so nothing gets there. */
export const MAX_MICRO = Number.MAX_SAFE_INTEGER;

export interface LimitState {
  /** Undefined for a cap that nobody set. */
  readonly grantedMicro: number | undefined;
  readonly leasedMicro: number;
  readonly spentMicro: number;
}

/** What no lease holds and nobody spent. A cap lowered below what is used has nothing left, not less than nothing. */
export function availableMicro({ grantedMicro, leasedMicro, spentMicro }: LimitState): number {
  return Math.max(0, (grantedMicro ?? MAX_MICRO) - leasedMicro - spentMicro);
}

export interface Ask {
  /** Spent by calls that ended since the last exchange. */
  readonly spentMicro: number;
  /** Goes back. */
  readonly giveMicro: number;
  /** With less than this nothing is helped, and nothing is taken. */
  readonly needMicro: number;
  /** For all that waits. */
  readonly wantMicro: number;
  /** For what may come; shrinks with what is left. */
  readonly slackMicro: number;
}

/** Of what remains after all that waits is served, at most one part in so many is taken ahead of need. */
const SLACK_SHARE = 8;

export function takeMicro(available: number, { needMicro, wantMicro, slackMicro }: Ask): number {
  if (available < needMicro) return 0;
  const taken = Math.min(Math.max(needMicro, wantMicro), available);
  return taken + Math.min(slackMicro, Math.floor((available - taken) / SLACK_SHARE));
}

export interface Exchanged {
  readonly limit: LimitState;
  readonly heldMicro: number;
  readonly takenMicro: number;
}

/** One exchange between a limit and the part of it that a lease holds: spends, gives back, takes. Throws on a bug. */
export function exchange(limit: LimitState, heldMicro: number, ask: Ask): Exchanged {
  const { spentMicro, giveMicro, needMicro, wantMicro, slackMicro } = ask;
  for (const micro of [spentMicro, giveMicro, needMicro, wantMicro, slackMicro]) assertMicro(micro);
  const left = heldMicro - spentMicro - giveMicro;
  if (left < 0) throw new RangeError(`a lease cannot spend and give back more than the ${heldMicro} it holds`);
  const after = {
    ...limit,
    leasedMicro: limit.leasedMicro - spentMicro - giveMicro,
    spentMicro: limit.spentMicro + spentMicro,
  };
  const takenMicro = takeMicro(availableMicro(after), ask);
  return {
    limit: { ...after, leasedMicro: after.leasedMicro + takenMicro },
    heldMicro: left + takenMicro,
    takenMicro,
  };
}

export type AmountRefusal =
  | { readonly kind: 'too-much'; readonly micro: number; readonly limitMicro: number }
  | { readonly kind: 'not-an-amount'; readonly text: string };

export function assertMicro(micro: number): void {
  if (!Number.isSafeInteger(micro) || micro < 0) throw new RangeError(`${micro} is no amount of whole micro-dollars`);
}

/** Postgres gives bigint as text; what is not exact here is refused. */
export function fromBigint(text: string): number {
  const micro = Number(text);
  assertMicro(micro);
  return micro;
}

const DOLLARS = /^(0|[1-9]\d*)(?:\.(\d{1,6}))?$/;

/** `12`, `0.5`, `0.000001`: exact, without floating point. */
export function readDollars(text: string): Result<number, AmountRefusal> {
  const match = DOLLARS.exec(text);
  if (!match) return refuse({ kind: 'not-an-amount', text });
  const micro = BigInt(match[1] ?? 0) * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0'));
  if (micro > BigInt(MAX_MICRO)) return refuse({ kind: 'too-much', micro: Number(micro), limitMicro: MAX_MICRO });
  return ok(Number(micro));
}

/** For people: `$12.50`, with as many decimals as it needs and at least two. */
export function toDollars(micro: number): string {
  const text = String(micro).padStart(7, '0');
  return `$${text.slice(0, -6)}.${text.slice(-6).replace(/0{1,4}$/, '')}`;
}

export function isOrganisationLimit(limit: LimitId): boolean {
  return limit.startsWith('organisation:');
}
