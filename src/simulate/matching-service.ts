/** Policies made comparable: each set so that it brings about as many fixes, then compared by what that cost. */
import type { Outcome } from './outcome.ts';
import { type PolicyName, type PolicySettings, SETTINGS } from './policy-service.ts';

export interface Matched {
  readonly settings: PolicySettings;
  /** The one setting that was moved, for people. */
  readonly setting: string;
  readonly outcome: Outcome;
}

const STEPS = 8;
const DIALS: Readonly<
  Record<PolicyName, { readonly of: keyof PolicySettings; readonly least: number; readonly most: number }>
> = {
  paced: { of: 'growth', least: 0.25, most: 512 },
  fixed: { of: 'perWeek', least: 1 / 52, most: 28 },
  flood: { of: 'share', least: 1 / 512, most: 1 },
};

/** The outcome with at least `wanted` reports fixed within 180 days and the least of the dial; its most where it cannot. */
export function matchFixes(policy: PolicyName, wanted: number, run: (settings: PolicySettings) => Outcome): Matched {
  const { of, least, most } = DIALS[policy];
  const at = (value: number): Matched => {
    const settings = { ...SETTINGS, [of]: value };
    return { settings, setting: `${of} ${Number(value.toPrecision(3))}`, outcome: run(settings) };
  };
  let best = at(most);
  if (best.outcome.fixedWithin180 < wanted) return best;
  let [low, high] = [Math.log(least), Math.log(most)];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    const tried = at(Math.exp(middle));
    if (tried.outcome.fixedWithin180 >= wanted) [best, high] = [tried, middle];
    else low = middle;
  }
  return best;
}
