/**
 * A rollout within an open stage: steps, each held for a time and then analysed. Three answers, after Argo Rollouts:
 *
 *   running ──success, held long enough──▶ next step … ──▶ done
 *      │ ▲─────────resume──────────── paused ◀── inconclusive, once more than the limit
 *      └──failure, once more than the limit──▶ rolled-back (closes the model)
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface RolloutMetric {
  readonly name: string;
  readonly atLeast: number | undefined;
  readonly atMost: number | undefined;
}

export interface RolloutStep {
  readonly name: string;
  /** Minutes that a step is held before the next. */
  readonly holdMinutes: number;
}

export interface RolloutPlan {
  readonly steps: readonly RolloutStep[];
  readonly metrics: readonly RolloutMetric[];
  readonly failureLimit: number;
  readonly inconclusiveLimit: number;
}

export interface Rollout {
  readonly model: string;
  readonly plan: RolloutPlan;
  readonly step: number;
  readonly state: 'running' | 'paused' | 'done' | 'rolled-back';
  readonly failures: number;
  readonly inconclusive: number;
  readonly version: number;
  readonly updatedAt: Date;
}

export type Analysis = 'success' | 'failure' | 'inconclusive';

export interface PlanRefusal {
  readonly kind: 'malformed-plan';
  readonly place: string;
  readonly why: string;
}

/** What was measured, by name, each with where it is from. */
export type Measured = ReadonlyMap<string, number>;

const MAX_STEPS = 50;
const MAX_METRICS = 50;
const MAX_LIMIT = 100;
const MAX_HOLD_MINUTES = 525_600;
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
      return isLast ? { ...from, ...counts, state: 'done' } : { ...from, ...counts, step: from.step + 1 };
    }
  }
}

export function resumeRollout(from: Rollout, now: Date): Rollout | undefined {
  return from.state === 'paused' ? { ...from, state: 'running', inconclusive: 0, updatedAt: now } : undefined;
}

/** `{"steps":[{"name","holdMinutes"}],"metrics":[{"name","atLeast"?,"atMost"?}],"failureLimit","inconclusiveLimit"}` */
export function readPlan(value: Json): Result<RolloutPlan, PlanRefusal> {
  const malformed = (place: string, why: string) => refuse<PlanRefusal>({ kind: 'malformed-plan', place, why });
  if (!isObject(value)) return malformed('', 'it is not an object');
  if (Object.keys(value).sort().join() !== 'failureLimit,inconclusiveLimit,metrics,steps')
    return malformed('', 'it has steps, metrics, failureLimit and inconclusiveLimit, and nothing else');
  const { steps, metrics, failureLimit, inconclusiveLimit } = value;
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > MAX_STEPS)
    return malformed('/steps', `1 to ${MAX_STEPS} steps`);
  if (!Array.isArray(metrics) || metrics.length === 0 || metrics.length > MAX_METRICS)
    return malformed('/metrics', `1 to ${MAX_METRICS} metrics: without one nothing can be analysed`);
  for (const [name, limit] of Object.entries({ failureLimit, inconclusiveLimit })) {
    if (!isCount(limit, MAX_LIMIT)) return malformed(`/${name}`, `0 to ${MAX_LIMIT}`);
  }
  const readSteps: RolloutStep[] = [];
  for (const [at, step] of (steps as readonly Json[]).entries()) {
    const isStep = isObject(step) && isText(step.name) && isCount(step.holdMinutes, MAX_HOLD_MINUTES);
    if (!isStep) return malformed(`/steps/${at}`, 'a name, and whole minutes to hold');
    readSteps.push({ name: String(step.name), holdMinutes: Number(step.holdMinutes) });
  }
  const readMetrics: RolloutMetric[] = [];
  for (const [at, metric] of (metrics as readonly Json[]).entries()) {
    const place = `/metrics/${at}`;
    if (!isObject(metric) || !isText(metric.name)) return malformed(place, 'a name');
    const { name, atLeast, atMost } = metric;
    if (atLeast === undefined && atMost === undefined) return malformed(place, 'atLeast, atMost or both');
    if (![atLeast, atMost].every((bound) => bound === undefined || typeof bound === 'number'))
      return malformed(place, 'bounds are numbers');
    readMetrics.push({
      name: String(name),
      atLeast: atLeast as number | undefined,
      atMost: atMost as number | undefined,
    });
  }
  return ok({
    steps: readSteps,
    metrics: readMetrics,
    failureLimit: Number(failureLimit),
    inconclusiveLimit: Number(inconclusiveLimit),
  });
}

const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: Json | undefined): boolean =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 200;
const isCount = (value: Json | undefined, most: number): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most;
