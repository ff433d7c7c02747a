/**
 * A rollout within an open stage: steps, each held for a time and then analysed. Three answers, after Argo Rollouts:
 *
 *   running ──success, held long enough──▶ next step … ──▶ done
 *      │ ▲─────────resume──────────── paused ◀── inconclusive, once more than the limit, or an incident of the model
 *      └──failure, once more than the limit──▶ rolled-back (closes the model)
 */
import type { RolloutPlan, RolloutStep } from './plan.ts';

export interface Rollout {
  readonly model: string;
  readonly plan: RolloutPlan;
  readonly step: number;
  readonly state: 'running' | 'paused' | 'done' | 'rolled-back';
  readonly failures: number;
  readonly inconclusive: number;
  readonly version: number;
  readonly updatedAt: Date;
  /** What is measured of a step is measured from here on. */
  readonly stepBeganAt: Date;
}

export type Analysis = 'success' | 'failure' | 'inconclusive';

/** What was measured, by name, each with where it is from. */
export type Measured = ReadonlyMap<string, number>;

const MINUTE_MS = 60_000;

/** A bound that is broken fails; what was not measured is inconclusive, and no metric at all is too. */
export function analyse({ metrics }: RolloutPlan, measured: Measured): Analysis {
  const each = metrics.map(({ name, atLeast, atMost }): Analysis => {
    const value = measured.get(name);
    if (value === undefined || !Number.isFinite(value)) return 'inconclusive';
    return value < (atLeast ?? value) || value > (atMost ?? value) ? 'failure' : 'success';
  });
  if (each.includes('failure')) return 'failure';
  return each.length === 0 || each.includes('inconclusive') ? 'inconclusive' : 'success';
}

/** The rollout after an analysis. What is not running does not move. */
export function advanceRollout(from: Rollout, analysis: Analysis, now: Date): Rollout {
  if (from.state !== 'running') return from;
  const { plan } = from;
  switch (analysis) {
    case 'failure': {
      const failures = from.failures + 1;
      return { ...from, failures, state: failures > plan.failureLimit ? 'rolled-back' : 'running' };
    }
    case 'inconclusive': {
      const inconclusive = from.inconclusive + 1;
      return { ...from, inconclusive, state: inconclusive > plan.inconclusiveLimit ? 'paused' : 'running' };
    }
    case 'success': {
      const held = now.getTime() - from.updatedAt.getTime();
      const current = plan.steps[from.step];
      if (!current || held < current.holdMinutes * MINUTE_MS) return from;
      const isLast = from.step + 1 >= plan.steps.length;
      const counts = { failures: 0, inconclusive: 0, updatedAt: now };
      if (isLast) return { ...from, ...counts, state: 'done' };
      return { ...from, ...counts, step: from.step + 1, stepBeganAt: now };
    }
  }
}

export function resumeRollout(from: Rollout, now: Date): Rollout | undefined {
  return from.state === 'paused' ? { ...from, state: 'running', inconclusive: 0, updatedAt: now } : undefined;
}

/** Whom gateways are to let in: the step it is at; after a failure that goes back, nobody but those from before. */
export function stepInForce({ plan, step, state }: Pick<Rollout, 'plan' | 'step' | 'state'>): RolloutStep | undefined {
  const at = plan.steps[step];
  return at && state === 'rolled-back' ? { ...at, share: 0 } : at;
}
