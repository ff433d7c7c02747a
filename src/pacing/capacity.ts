/**
 * How fast a project mends what it is told, learnt from its own reports and drawn to the population while these are few:
 * fixes are counted over the days on which at least one report lay with it (Poisson with a gamma prior), so a project
 * that was sent nothing is not thought slow, and one that is silent is.
 */
import population from './population.json' with { type: 'json' };

export interface SentReport {
  readonly sentDay: number;
  /** The day on which it stopped being the project's to mend. Null while open. */
  readonly endedDay: number | null;
  /** `missed`: made public by its deadline; `answered`: withdrawn, or no flaw after all. Null while open. */
  readonly end: 'fixed' | 'missed' | 'answered' | null;
}

export interface Population {
  /** Of a project that has at least one report, in the mean. */
  readonly fixesPerDay: number;
  /** Days of a project's own history that count as much as the population. */
  readonly weightDays: number;
}

/** Fitted by `scripts/fit-simulation.ts` and frozen. */
export const POPULATION: Population = population;

export interface Capacity {
  readonly fixesPerDay: number;
  readonly fixes: number;
  /** Days within memory on which at least one report lay with the project. */
  readonly busyDays: number;
}

/** What a project did earlier says little of today. */
export const MEMORY_DAYS = 365;

export function capacityOf(sent: readonly SentReport[], today: number, prior: Population): Capacity {
  const since = today - MEMORY_DAYS;
  let fixes = 0;
  for (const { endedDay, end } of sent) {
    if (end === 'fixed' && endedDay !== null && endedDay >= since && endedDay <= today) fixes += 1;
  }
  const busyDays = daysCovered(sent, since, today);
  const fixesPerDay = (prior.fixesPerDay * prior.weightDays + fixes) / (prior.weightDays + busyDays);
  return { fixesPerDay, fixes, busyDays };
}

/** Length of the union of the reports' days. */
function daysCovered(sent: readonly SentReport[], since: number, today: number): number {
  let covered = 0;
  let reached = since;
  for (const { sentDay, endedDay } of inOrder(sent)) {
    const from = Math.max(sentDay, reached);
    const to = Math.min(endedDay ?? today, today);
    if (to <= from) continue;
    covered += to - from;
    reached = to;
  }
  return covered;
}

/** Reports are mostly kept in the order in which they left. */
function inOrder(sent: readonly SentReport[]): readonly SentReport[] {
  const isOrdered = sent.every(({ sentDay }, index) => index === 0 || (sent[index - 1]?.sentDay ?? sentDay) <= sentDay);
  return isOrdered ? sent : sent.toSorted((left, right) => left.sentDay - right.sentDay);
}
