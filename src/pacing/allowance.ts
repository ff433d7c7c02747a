/**
 * How many reports a project may be sent today. Three limits, and the least of them holds:
 *
 *   declared   what its maintainers said: so many open at once, so many in seven days; nothing passes it
 *   learnt     twice what it mended in as long as a deadline runs; known attacks pass it
 *   channel    "not wanted", or a list it opted out on: nothing goes without a person
 */
import { type Capacity, capacityOf, type Population, type SentReport } from './capacity.ts';

export const CHANNELS = ['private', 'public', 'cna', 'not-wanted'] as const;
export type Channel = (typeof CHANNELS)[number];

/** What the maintainers of a project asked for. */
export interface Wishes {
  readonly channel: Channel;
  /** The list that says the project takes no reports; null where none does. */
  readonly optedOutBy: string | null;
  /** Reports open at once. Null: nothing declared. */
  readonly mostOpen: number | null;
  /** Reports in any seven days. Null: nothing declared. */
  readonly mostPerWeek: number | null;
  /** 1, halved by each "send me fewer" and doubled by each "more". */
  readonly askedRate: number;
}

export const NO_WISHES: Wishes = {
  channel: 'private',
  optedOutBy: null,
  mostOpen: null,
  mostPerWeek: null,
  askedRate: 1,
};

export interface PacingRules {
  readonly population: Population;
  /** Open at once, over what is mended in `WINDOW_DAYS`. Above 1, so that who keeps up is sent more. */
  readonly growth: number;
}

export interface Allowance {
  /** Patch series that may go by the learnt limit. Never negative. */
  readonly learntFree: number;
  /** Reports that may go by what was declared; Infinity where nothing was. Never negative. */
  readonly declaredFree: number;
  readonly learntLimit: number;
  readonly open: number;
  readonly sentThisWeek: number;
  readonly capacity: Capacity;
  /** After a deadline that passed, the learnt limit is 0 until then. */
  readonly restsUntilDay: number | null;
  /** A person must decide: the project does not want reports. */
  readonly isClosed: boolean;
}

/** As long as the usual disclosure deadline. */
const WINDOW_DAYS = 90;
const WEEK_DAYS = 7;
/** More open at once is learnt of nobody. */
const MOST_LEARNT = 100;
const LONGEST_REST_DAYS = 180;
const ASKED_RATES = { least: 1 / 16, most: 16 } as const;

export function allowanceOf(
  sent: readonly SentReport[],
  wishes: Wishes,
  today: number,
  { population, growth }: PacingRules,
): Allowance {
  const capacity = capacityOf(sent, today, population);
  let open = 0;
  let sentThisWeek = 0;
  for (const { sentDay, endedDay } of sent) {
    if (endedDay === null || endedDay > today) open += 1;
    if (sentDay > today - WEEK_DAYS) sentThisWeek += 1;
  }
  const learnt = Math.floor(growth * capacity.fixesPerDay * WINDOW_DAYS * wishes.askedRate);
  const learntLimit = Math.min(MOST_LEARNT, Math.max(1, learnt));
  const restsUntilDay = restAfterMissed(sent, today, capacity);
  const isClosed = wishes.channel === 'not-wanted' || wishes.optedOutBy !== null;
  const declared = Math.min(left(wishes.mostOpen, open), left(wishes.mostPerWeek, sentThisWeek));
  return {
    learntFree: restsUntilDay === null && !isClosed ? Math.max(0, learntLimit - open) : 0,
    declaredFree: isClosed ? 0 : declared,
    learntLimit,
    open,
    sentThisWeek,
    capacity,
    restsUntilDay,
    isClosed,
  };
}

/** The asked rate after one more "send me fewer" or "send me more". */
export function askedRateAfter(rate: number, asked: 'fewer' | 'more'): number {
  const next = asked === 'fewer' ? rate / 2 : rate * 2;
  return Math.min(ASKED_RATES.most, Math.max(ASKED_RATES.least, next));
}

const left = (limit: number | null, used: number): number =>
  limit === null ? Number.POSITIVE_INFINITY : Math.max(0, limit - used);

/** Who let a deadline pass, and answered nothing since, is sent the next one after as long as one fix takes it. */
function restAfterMissed(sent: readonly SentReport[], today: number, { fixesPerDay }: Capacity): number | null {
  let missed = Number.NEGATIVE_INFINITY;
  let answered = Number.NEGATIVE_INFINITY;
  for (const { endedDay, end } of sent) {
    if (endedDay === null || endedDay > today) continue;
    if (end === 'missed') missed = Math.max(missed, endedDay);
    else answered = Math.max(answered, endedDay);
  }
  if (missed <= answered) return null;
  const until = missed + Math.min(LONGEST_REST_DAYS, 1 / fixesPerDay);
  return until > today ? until : null;
}
