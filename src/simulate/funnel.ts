/**
 * What really happened, to hold the model to: Glasswing by 22 May 2026, after 45 days, 1,596 reports to 281 projects of which
 * 97 were patched. How the reports were spread over these days is not published; they are spread evenly.
 */
import type { Abilities } from './maintainers.ts';
import type { Parameters } from './parameters.ts';
import { createWorld, type World } from './world.ts';
import { type Choose, runYear } from './year.ts';

export const FUNNEL = {
  projects: 281,
  days: 45,
  high: { reports: 530, patched: 75 },
  other: { reports: 1_066, patched: 22 },
} as const;

const REPORTS = FUNNEL.high.reports + FUNNEL.other.reports;

/** Exactly these reports arrive, all of them true. */
export function createFunnelWorld(parameters: Parameters, seed: number): World {
  const { fitted, reported, assumed } = parameters;
  const exact: Parameters = {
    ...parameters,
    fitted: { ...fitted, duplicateShare: 0 },
    reported: { ...reported, falseShare: 0, overRatedShare: 0, ratedHighShare: FUNNEL.high.reports / REPORTS },
    assumed: { ...assumed, verificationMedianDays: 0, declaredShare: 0 },
  };
  return createWorld({ findings: REPORTS, projects: FUNNEL.projects, days: FUNNEL.days }, exact, seed);
}

const sendAll: Choose = ({ waiting }) => waiting.map(({ id }) => id);

/** Shares patched at the last day, of the high or critical and of the others. */
export function patchedShares(worlds: readonly World[], abilities: Abilities): { high: number; other: number } {
  const counts = { high: 0, highFixed: 0, other: 0, otherFixed: 0 };
  for (const world of worlds) {
    const { flaws } = runYear(world, sendAll, abilities);
    for (const [index, { isHigh }] of world.flaws.entries()) {
      const isFixed = (flaws[index]?.fixedDay ?? Number.POSITIVE_INFINITY) <= FUNNEL.days;
      counts[isHigh ? 'high' : 'other'] += 1;
      if (isFixed) counts[isHigh ? 'highFixed' : 'otherFixed'] += 1;
    }
  }
  return { high: counts.highFixed / counts.high, other: counts.otherFixed / counts.other };
}

/** Of the 1,596, how many the model has patched at day 45. */
export function patchedAtEnd(worlds: readonly World[], abilities: Abilities): number {
  const { high, other } = patchedShares(worlds, abilities);
  return high * FUNNEL.high.reports + other * FUNNEL.other.reports;
}
