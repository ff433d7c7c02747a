/**
 * What a project may be sent today. Three limits, and the least of them holds:
 *
 *   declared   what its maintainers said: so many open at once, so many in seven days; nothing passes it
 *   learnt     so many open as its recent fixes earn, and only what has a fair chance of being mended before its deadline;
 *              known attacks pass it
 *   channel    "not wanted", or a list it opted out on: nothing goes without a person
 */
import { type Capacity, capacityOf, isSevere, type Population, type SentReport } from './capacity.ts';
import type { Waiting } from './harm.ts';

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
  /** Reports open at once for each recent fix and one more; the larger, the smaller a chance is enough. */
  readonly growth: number;
}

/** As real reports are paced. */
export const USUAL_GROWTH = 2;

export interface Allowance {
  /** Patch series that may go by the learnt limit. Never negative. */
  readonly learntFree: number;
  /** Reports that may go by what was declared; Infinity where nothing was. Never negative. */
  readonly declaredFree: number;
  readonly learntLimit: number;
  readonly open: number;
  readonly sentThisWeek: number;
  readonly capacity: Capacity;
  /** The least chance of being mended in time with which a report goes. */
  readonly leastChance: number;
  /** A person must decide: the project does not want reports. */
  readonly isClosed: boolean;
}

const WEEK_DAYS = 7;
/** More open at once is learnt of nobody. */
const MOST_LEARNT = 100;
/** Enough at a growth of 1. */
const FAIR_CHANCE = 0.2;
/** Who waited so long goes when nothing is open, however small the chance. */
export const LONGEST_WAIT_DAYS = 365;
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
  const learnt = Math.floor(growth * (1 + capacity.recentFixes) * wishes.askedRate);
  const learntLimit = Math.min(MOST_LEARNT, Math.max(1, learnt));
  const isClosed = wishes.channel === 'not-wanted' || wishes.optedOutBy !== null;
  const declared = Math.min(left(wishes.mostOpen, open), left(wishes.mostPerWeek, sentThisWeek));
  return {
    learntFree: isClosed ? 0 : Math.max(0, learntLimit - open),
    declaredFree: isClosed ? 0 : declared,
    learntLimit,
    open,
    sentThisWeek,
    capacity,
    leastChance: FAIR_CHANCE / growth,
    isClosed,
  };
}

const left = (limit: number | null, used: number): number =>
  limit === null ? Number.POSITIVE_INFINITY : Math.max(0, limit - used);

/** That this one is mended before its deadline. */
export const chanceOf = ({ outcome }: Waiting, { severeChance, otherChance }: Capacity): number =>
  isSevere(outcome) ? severeChance : otherChance;

/** The chance is fair; or it goes alone, to a project nothing is known of or because it waited so long. */
export function isWorthSending(waiting: Waiting, { capacity, leastChance, open }: Allowance, today: number): boolean {
  if (chanceOf(waiting, capacity) >= leastChance) return true;
  return open === 0 && (capacity.reportDays === 0 || today - waiting.foundDay >= LONGEST_WAIT_DAYS);
}

/** The asked rate after one more "send me fewer" or "send me more". */
export function askedRateAfter(rate: number, asked: 'fewer' | 'more'): number {
  const next = asked === 'fewer' ? rate / 2 : rate * 2;
  return Math.min(ASKED_RATES.most, Math.max(ASKED_RATES.least, next));
}
