/**
 * Which projects need maintainers' time most: the harm of what is open or waiting there, by how little of it is likely to be
 * mended in time. And a sum divided by that need, to the last unit.
 */
import { chanceOf } from './allowance.ts';
import type { Capacity } from './capacity.ts';
import { harmOf, type Waiting } from './harm.ts';

export interface ProjectNeed {
  readonly project: string;
  readonly openCases: number;
  /** Harm that is expected not to be mended before its deadline. */
  readonly need: number;
}

export function needOf(project: string, cases: readonly Waiting[], capacity: Capacity, today: number): ProjectNeed {
  const need = cases.reduce((sum, each) => sum + harmOf(each, today).total * (1 - chanceOf(each, capacity)), 0);
  return { project, openCases: cases.length, need };
}

/** Whole units that add up to `amount`; what does not divide goes where the largest part was cut off. */
export function divideByNeed(
  needs: readonly ProjectNeed[],
  amount: number,
): readonly (ProjectNeed & { readonly part: number })[] {
  const total = needs.reduce((sum, { need }) => sum + need, 0);
  if (total <= 0) return [];
  const exact = needs.map((each) => ({ ...each, share: (amount * each.need) / total }));
  const parts = exact.map((each) => ({ ...each, part: Math.floor(each.share) }));
  let left = amount - parts.reduce((sum, { part }) => sum + part, 0);
  const byRest = parts.toSorted((a, b) => b.share - b.part - (a.share - a.part) || (a.project < b.project ? -1 : 1));
  const extra = new Set<string>();
  for (const { project } of byRest) {
    if (left <= 0) break;
    extra.add(project);
    left -= 1;
  }
  return parts
    .map(({ share: _share, ...each }) => ({ ...each, part: each.part + Number(extra.has(each.project)) }))
    .sort((a, b) => b.need - a.need || (a.project < b.project ? -1 : 1));
}
