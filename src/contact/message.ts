/**
 * A message on its way out.
 *
 *   pending ──▶ sending ──▶ sent | refused | uncertain
 *      ▲           │ the attempt is known not to have arrived, or reading back shows that it did not
 *      └───────────┘
 *
 * `sending` is written and committed before the first byte leaves, and ends only by an answer or by reading back. What
 * can be read back nowhere stands as `uncertain`, until a person says what became of it; it is never sent again by itself.
 *
 * Pure: `advance` is the only way a message moves.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Delivery, ReadBack } from './channel.ts';

export type MessageState = 'pending' | 'sending' | 'sent' | 'refused' | 'uncertain';

/** Who knew what became of it. */
export type SettledBy = 'answer' | 'read-back' | 'person';

export interface Progress {
  readonly state: MessageState;
  /** Begun so far. The number of the current one tells its worker from a later one. */
  readonly attempts: number;
  /** How often the current attempt was read back without an answer. */
  readonly reads: number;
  /** Of the current attempt; set in `sending` and `uncertain`. */
  readonly begunAt: Date | null;
  /** Set in `sent`. */
  readonly sentAt: Date | null;
  /** Set in `sent` and `refused`. */
  readonly settledBy: SettledBy | null;
  readonly trouble: string | null;
}

export const FRESH: Progress = {
  state: 'pending',
  attempts: 0,
  reads: 0,
  begunAt: null,
  sentAt: null,
  settledBy: null,
  trouble: null,
};

export const PERSONS_WORDS = ['arrived', 'again', 'give-up'] as const;
/** What a person says of a message that waits: it did arrive; send it once more; it is not to be sent. */
export type PersonsWord = (typeof PERSONS_WORDS)[number];

export const isPersonsWord = (text: string): text is PersonsWord => PERSONS_WORDS.some((word) => word === text);

export type Step =
  | { readonly kind: 'begin' }
  | { readonly kind: 'attempted'; readonly delivery: Delivery; readonly settleMs: number }
  | { readonly kind: 'read'; readonly found: ReadBack; readonly settleMs: number }
  /** A sign of it came from the other side: an answer, a receipt. */
  | { readonly kind: 'seen' }
  | { readonly kind: 'said'; readonly word: PersonsWord };

export interface Moved {
  readonly to: Progress;
  /** When to look again, counted from `now`; null where nothing happens by itself. */
  readonly nextMs: number | null;
}

export interface NoStep {
  readonly kind: 'no-such-step';
  readonly state: MessageState;
  readonly step: Step['kind'];
}

/** Attempts known not to have arrived, after which a person has to look. */
export const MAX_ATTEMPTS = 12;
/** Times that reading back may fail by itself, after which a person has to look. */
export const MAX_READS = 12;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;

/** Doubled with every try. */
const pauseMs = (tries: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, tries - 1));

export function advance(from: Progress, step: Step, now: Date): Result<Moved, NoStep> {
  const no = refuse<NoStep>({ kind: 'no-such-step', state: from.state, step: step.kind });
  switch (step.kind) {
    case 'begin':
      if (from.state !== 'pending') return no;
      return moved({ ...from, state: 'sending', attempts: from.attempts + 1, reads: 0, begunAt: now });
    case 'attempted':
      return from.state === 'sending' ? ok(afterAttempt(from, step.delivery, step.settleMs, now)) : no;
    case 'read':
      return from.state === 'sending' ? ok(afterReading(from, step.found, step.settleMs, now)) : no;
    case 'seen':
      return from.state === 'sending' || from.state === 'uncertain' ? moved(sent(from, 'read-back', now)) : no;
    case 'said':
      return afterWord(from, step.word, now);
    default:
      return no;
  }
}

function afterAttempt(from: Progress, delivery: Delivery, settleMs: number, now: Date): Moved {
  switch (delivery.kind) {
    case 'delivered':
      return { to: sent(from, 'answer', now), nextMs: null };
    case 'declined':
      return { to: refused(from, 'answer', delivery.reason), nextMs: null };
    case 'not-delivered':
      return again(from, delivery.reason, delivery.retryAfterMs);
    case 'unknown':
      return { to: { ...from, trouble: delivery.reason }, nextMs: untilSettled(from, settleMs, now) };
  }
}

function afterReading(from: Progress, found: ReadBack, settleMs: number, now: Date): Moved {
  if (found.kind === 'there') return { to: sent(from, 'read-back', now), nextMs: null };
  if (found.kind === 'absent') {
    const waitMs = untilSettled(from, settleMs, now);
    // Not there yet is not the same as not there.
    return waitMs > 0 ? { to: from, nextMs: waitMs } : again(from, 'read back: it did not arrive');
  }
  const reads = from.reads + 1;
  const reason = `${from.trouble ?? 'the attempt had no answer'}; reading back: ${found.reason}`;
  if (found.isForGood || reads >= MAX_READS) {
    return { to: { ...from, state: 'uncertain', reads, trouble: reason }, nextMs: null };
  }
  return { to: { ...from, reads }, nextMs: pauseMs(reads) };
}

function afterWord(from: Progress, word: PersonsWord, now: Date): Result<Moved, NoStep> {
  const isWaiting = from.state === 'uncertain' || from.state === 'refused';
  if (word === 'again' && isWaiting) {
    return ok({ to: pending(from, 'to be sent again, on the word of a person'), nextMs: 0 });
  }
  if (word === 'arrived' && isWaiting) return moved(sent(from, 'person', now));
  if (word === 'give-up' && (from.state === 'uncertain' || from.state === 'pending')) {
    return moved(refused(from, 'person', from.trouble ?? 'a person gave it up'));
  }
  return refuse({ kind: 'no-such-step', state: from.state, step: 'said' });
}

/** From the beginning of the attempt on; 0 when that time has passed. */
export function untilSettled(from: Progress, settleMs: number, now: Date): number {
  if (!from.begunAt) return 0;
  return Math.max(0, from.begunAt.getTime() + settleMs - now.getTime());
}

/** A person may have set off another round: the number of attempts itself never goes back. */
function again(from: Progress, reason: string, retryAfterMs = 0): Moved {
  const ofRound = from.attempts % MAX_ATTEMPTS;
  if (ofRound === 0) {
    return { to: refused(from, 'answer', `given up after ${from.attempts} attempts: ${reason}`), nextMs: null };
  }
  const waitMs = Math.min(LONGEST_PAUSE_MS, Math.max(retryAfterMs, pauseMs(ofRound)));
  return { to: pending(from, reason), nextMs: waitMs };
}

const moved = (to: Progress): Result<Moved, never> => ok({ to, nextMs: null });

const pending = (from: Progress, trouble: string): Progress => ({
  ...from,
  state: 'pending',
  reads: 0,
  begunAt: null,
  sentAt: null,
  settledBy: null,
  trouble,
});

const sent = (from: Progress, settledBy: SettledBy, now: Date): Progress => ({
  ...from,
  state: 'sent',
  begunAt: null,
  sentAt: now,
  settledBy,
  trouble: null,
});

const refused = (from: Progress, settledBy: SettledBy, trouble: string): Progress => ({
  ...from,
  state: 'refused',
  begunAt: null,
  sentAt: null,
  settledBy,
  trouble,
});
