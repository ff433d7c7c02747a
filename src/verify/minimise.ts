/**
 * Shrinks a plan while it still fires: the first simplification in order that fires is taken, until none does or the
 * number of runs is used up. The same plan and the same answers always give the same result.
 */
import type { ProbePlan } from '../probe/index.ts';

export interface Minimisation {
  /** Simpler plans to try, simplest first; none is larger than the plan it was made from. */
  readonly simplifications: (plan: ProbePlan) => readonly ProbePlan[];
  readonly fires: (plan: ProbePlan) => Promise<boolean>;
  /** Plans tried side by side; the result does not depend on it. */
  readonly atOnce: number;
  readonly maxRuns: number;
}

export async function minimise(plan: ProbePlan, options: Minimisation): Promise<ProbePlan> {
  const tried = new Set([JSON.stringify(plan)]);
  let smallest = plan;
  let runs = 0;
  for (;;) {
    const next = await firstThatFires(
      untried(options.simplifications(smallest), tried),
      options,
      options.maxRuns - runs,
    );
    runs += next.runs;
    if (!next.plan) return smallest;
    smallest = next.plan;
  }
}

function untried(plans: readonly ProbePlan[], tried: Set<string>): ProbePlan[] {
  return plans.filter((plan) => {
    const spelled = JSON.stringify(plan);
    if (tried.has(spelled)) return false;
    tried.add(spelled);
    return true;
  });
}

interface Step {
  readonly plan: ProbePlan | undefined;
  readonly runs: number;
}

async function firstThatFires(plans: readonly ProbePlan[], options: Minimisation, budget: number): Promise<Step> {
  const within = plans.slice(0, Math.max(0, budget));
  for (let start = 0; start < within.length; start += options.atOnce) {
    const batch = within.slice(start, start + options.atOnce);
    const answers = await Promise.all(batch.map((plan) => options.fires(plan)));
    const hit = answers.indexOf(true);
    if (hit >= 0) return { plan: batch[hit], runs: start + batch.length };
  }
  return { plan: undefined, runs: within.length };
}
