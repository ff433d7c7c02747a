/**
 * How fast a project mends what it is told, learnt from its own reports and drawn to the population while these are few:
 * fixes are counted over the days that reports lay with it (Poisson with a gamma prior), so a project that was sent nothing is
 * not thought slow, one that is silent is, and one that is flooded shows it. A report that is not severe takes longer
 * everywhere; its days count for less.
 */
import type { SsvcOutcome } from './harm.ts';
import population from './population.json' with { type: 'json' };

export interface SentReport {
  readonly sentDay: number;
  /** The day on which it stopped being the project's to mend. Null while open. */
  readonly endedDay: number | null;
  /** `missed`: made public by its deadline; `answered`: withdrawn, or no flaw after all. Null while open. */
  readonly end: 'fixed' | 'missed' | 'answered' | null;
  readonly isSevere: boolean;
}

export interface Population {
  /** Fixes per day that one severe report lies with a project. */
  readonly fixesPerDay: number;
  /** Days of a project's own history that count as much as the population. */
  readonly weightDays: number;
  /** How much of that pace is left for what is not severe. */
  readonly otherPace: number;
}

/** Fitted by `scripts/fit-simulation.ts` and frozen. */
export const POPULATION: Population = population;

export interface Capacity {
  readonly fixes: number;
  /** Of all reports together, those not severe counted at their pace. */
  readonly reportDays: number;
  /** Landed within `DEADLINE_DAYS`. */
  readonly recentFixes: number;
  /** That a severe report, or another, is mended before its deadline. */
  readonly severeChance: number;
  readonly otherChance: number;
}

/** The usual disclosure deadline. */
export const DEADLINE_DAYS = 90;
/** What a project did earlier says little of today. */
export const MEMORY_DAYS = 365;

export const isSevere = (outcome: SsvcOutcome): boolean => outcome === 'out-of-cycle' || outcome === 'immediate';

export function capacityOf(sent: readonly SentReport[], today: number, prior: Population): Capacity {
  const since = today - MEMORY_DAYS;
  let fixes = 0;
  let recentFixes = 0;
  let reportDays = 0;
  for (const report of sent) {
    const ended = report.endedDay !== null && report.endedDay <= today ? report.endedDay : null;
    const days = (ended ?? today) - Math.max(report.sentDay, since);
    if (days > 0) reportDays += days * (report.isSevere ? 1 : prior.otherPace);
    if (report.end !== 'fixed' || ended === null || ended < since) continue;
    fixes += 1;
    if (ended > today - DEADLINE_DAYS) recentFixes += 1;
  }
  const { fixesPerDay, weightDays, otherPace } = prior;
  const pace = (fixesPerDay * weightDays + fixes) / (weightDays + reportDays);
  const severeChance = 1 - Math.exp(-pace * DEADLINE_DAYS);
  const otherChance = 1 - Math.exp(-pace * otherPace * DEADLINE_DAYS);
  return { fixes, reportDays, recentFixes, severeChance, otherChance };
}
