/**
 * Calls that wait for credit. One is refused only after an exchange that was about all it lacks; where others still hold
 * parts of that, it waits a moment for what they give back.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { CallId, LimitId } from './credit.ts';
import type { Holding, PartAnswer, Reservation } from './meter.ts';

export interface OverLimit {
  readonly kind: 'over-limit';
  /** The one that has least left. */
  readonly binding: LimitId;
  readonly availableMicro: number;
  readonly neededMicro: number;
}

export interface Waiter {
  readonly call: CallId;
  readonly limits: readonly LimitId[];
  readonly micro: number;
  readonly sinceMs: number;
  readonly settle: (outcome: Result<Reservation, OverLimit>) => void;
  readonly fail: (error: Error) => void;
}

interface Place extends Waiter {
  /** Set when a first exchange could not help. */
  untilMs: number | undefined;
}

/** Before a refusal, others get so long to give back what they do not use. */
const SHORTAGE_WAIT_MS = 300;
/** Without an answer from Postgres a waiting call is given up. */
const ANSWER_LIMIT_MS = 2_000;
const MAX_WAITING = 8_192;

export type Waiting = ReturnType<typeof createWaiting>;

export function createWaiting(holding: Holding) {
  let places: Place[] = [];

  return {
    add(waiter: Waiter): void {
      if (places.length >= MAX_WAITING) waiter.fail(new Error(`${MAX_WAITING} calls wait for credit already`));
      else places.push({ ...waiter, untilMs: undefined });
    },

    count: (): number => places.length,

    hasNew: (): boolean => places.some(({ untilMs }) => untilMs === undefined),

    demands: (): readonly Waiter[] => places,

    /** In their order; a small one may pass a large one that what is there does not serve. */
    serve(
      answers: readonly PartAnswer[],
      nowMs: number,
      tryReserve: (waiter: Waiter) => Reservation | undefined,
    ): void {
      const byLimit = new Map(answers.map((answer) => [answer.limit, answer]));
      places = places.filter((place) => {
        const reservation = tryReserve(place);
        const outcome = reservation ? ok(reservation) : refuseShort(place, holding, byLimit, nowMs);
        if (outcome) place.settle(outcome);
        return !outcome;
      });
    },

    /** Those that have waited too long for any answer; all of them where `everyone` is meant. */
    fail(nowMs: number, error: Error, everyone = false): void {
      const late = places.filter(({ sinceMs }) => everyone || nowMs - sinceMs >= ANSWER_LIMIT_MS);
      places = places.filter((place) => !late.includes(place));
      for (const { fail } of late) fail(new Error('the ledger did not answer in time', { cause: error }));
    },
  };
}

function refuseShort(
  place: Place,
  holding: Holding,
  answers: ReadonlyMap<LimitId, PartAnswer>,
  nowMs: number,
): Result<never, OverLimit> | undefined {
  const missing = holding.missing(place);
  const told = missing.flatMap((limit) => answers.get(limit) ?? []);
  if (told.length < missing.length) return undefined;
  const left = ({ limit, availableMicro }: PartAnswer): number => availableMicro + holding.freeMicro(limit);
  const lacking = told.filter((answer) => left(answer) < place.micro);
  const binding = lacking.toSorted((one, other) => left(one) - left(other))[0];
  if (!binding) return undefined;
  place.untilMs ??= nowMs + SHORTAGE_WAIT_MS;
  const mayReturn = lacking.every(({ elsewhereMicro }) => elsewhereMicro > 0);
  if (mayReturn && nowMs < place.untilMs) return undefined;
  return refuse({
    kind: 'over-limit',
    binding: binding.limit,
    availableMicro: left(binding),
    neededMicro: place.micro,
  });
}
