/**
 * Skill at coordination, after Vultron: of twelve desired orders of events, how much more often each came about than it would
 * by chance: α = (observed − chance) / (1 − chance). 1 is always, 0 chance, negative worse. Letters as in `disclosure`.
 */
type Letter = 'V' | 'F' | 'D' | 'P' | 'X' | 'A';
export type EventDays = Readonly<Record<Letter, number>>;

const ORDERS = {
  'V<P': 1 / 3,
  'V<X': 2 / 3,
  'V<A': 3 / 4,
  'F<P': 1 / 9,
  'F<X': 1 / 3,
  'F<A': 3 / 8,
  'D<P': 1 / 27,
  'D<X': 1 / 6,
  'D<A': 3 / 16,
  'P<X': 1 / 2,
  'P<A': 2 / 3,
  'X<A': 1 / 2,
} as const satisfies Readonly<Record<string, number>>;

export type DesiredOrder = keyof typeof ORDERS;
export const DESIRED_ORDERS = Object.keys(ORDERS) as readonly DesiredOrder[];
export const chanceOf = (order: DesiredOrder): number => ORDERS[order];

export interface Skill {
  readonly observed: number;
  readonly alpha: number;
  /** Flaws in which at least one of the two events happened: only these tell an order. */
  readonly of: number;
}

export function skillOf(histories: readonly EventDays[]): Readonly<Record<DesiredOrder, Skill>> {
  const skills = DESIRED_ORDERS.map((order): [DesiredOrder, Skill] => {
    const [first, second] = [order[0] as Letter, order[2] as Letter];
    let of = 0;
    let held = 0;
    for (const days of histories) {
      if (days[first] === Number.POSITIVE_INFINITY && days[second] === Number.POSITIVE_INFINITY) continue;
      of += 1;
      // A fix and its publication on one day: the fix was there before the public knew.
      if (days[first] <= days[second]) held += 1;
    }
    const observed = of === 0 ? 0 : held / of;
    return [order, { observed, alpha: (observed - ORDERS[order]) / (1 - ORDERS[order]), of }];
  });
  return Object.fromEntries(skills) as Record<DesiredOrder, Skill>;
}
