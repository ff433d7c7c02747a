/**
 * Related findings are mended by one patch series: each is still a report of its own, but they leave together and count
 * once against what was learnt of the project. Against what it declared every report counts.
 */
import { type Harm, harmOf, type Waiting } from './harm.ts';

export interface Ranked {
  readonly waiting: Waiting;
  readonly harm: Harm;
}

/** Ordered by harm within and between; `members[0]` gives the bundle its place. */
export interface Bundle {
  readonly members: readonly Ranked[];
  readonly isExploited: boolean;
}

/** A patch series that a person reviews in one sitting. */
export const LARGEST_BUNDLE = 5;

export function bundleWaiting(waiting: readonly Waiting[], today: number): readonly Bundle[] {
  const ranked = waiting.map((each): Ranked => ({ waiting: each, harm: harmOf(each, today) })).sort(byPlace);
  const open = new Map<string, Ranked[]>();
  const bundles: Ranked[][] = [];
  for (const each of ranked) {
    const { relation } = each.waiting;
    const joined = relation === null ? undefined : open.get(relation);
    if (joined && joined.length < LARGEST_BUNDLE) {
      joined.push(each);
      continue;
    }
    const fresh = [each];
    bundles.push(fresh);
    if (relation !== null) open.set(relation, fresh);
  }
  return bundles
    .map((members) => ({ members, isExploited: members.some(({ waiting: { isExploited } }) => isExploited) }))
    .sort((left, right) => Number(right.isExploited) - Number(left.isExploited));
}

/** Exploited first, then the most harm, then the oldest; the id breaks the tie, so that the order is the same everywhere. */
function byPlace(left: Ranked, right: Ranked): number {
  return (
    Number(right.waiting.isExploited) - Number(left.waiting.isExploited) ||
    right.harm.total - left.harm.total ||
    left.waiting.foundDay - right.waiting.foundDay ||
    (left.waiting.id < right.waiting.id ? -1 : 1)
  );
}
