/**
 * The plan of a rollout, read. A step says who is let in: a share of organisations, countries, rates. From step to step it
 * only grows: a plan that would take the model from somebody again is refused.
 *
 *   {"steps":[{"name","holdMinutes","share"?,"regions"?,"rates"?:{"organisation"?,"model"?}}],
 *    "metrics":[{"name","atLeast"?,"atMost"?}],"failureLimit","inconclusiveLimit","everyMinutes"?,"onFailure"?}
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { METRICS } from './metric.ts';

interface StepRate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RolloutStep {
  readonly name: string;
  /** Minutes that a step is held before the next. */
  readonly holdMinutes: number;
  /** Of organisations, from 0 to 1. */
  readonly share: number;
  /** Countries (ISO 3166-1 alpha-2); undefined: everywhere. */
  readonly regions: readonly string[] | undefined;
  readonly rates: { readonly organisation?: StepRate; readonly model?: StepRate };
}

export interface RolloutMetric {
  readonly name: string;
  readonly atLeast: number | undefined;
  readonly atMost: number | undefined;
}

export interface RolloutPlan {
  readonly steps: readonly RolloutStep[];
  readonly metrics: readonly RolloutMetric[];
  readonly failureLimit: number;
  readonly inconclusiveLimit: number;
  /** Minutes between two analyses. */
  readonly everyMinutes: number;
  /** `close`: nobody has the model any more. `back`: those keep it who had it before the rollout. */
  readonly onFailure: 'close' | 'back';
}

export interface PlanRefusal {
  readonly kind: 'malformed-plan';
  readonly place: string;
  readonly why: string;
}

const MAX_STEPS = 50;
const MAX_METRICS = 50;
const MAX_LIMIT = 100;
const MAX_MINUTES = 525_600;
const MAX_REGIONS = 250;
const MAX_RATE = 1_000_000;
const DEFAULT_EVERY_MINUTES = 5;
const COUNTRY = /^[A-Z]{2}$/;

class Unread extends Error {
  readonly place: string;

  constructor(place: string, why: string) {
    super(why);
    this.place = place;
  }
}

export function readPlan(value: Json): Result<RolloutPlan, PlanRefusal> {
  try {
    return ok(read(value));
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return refuse({ kind: 'malformed-plan', place: error.place, why: error.message });
  }
}

type Loose = { readonly [name: string]: Json };

function read(value: Json): RolloutPlan {
  const plan = toObject(value, '', [
    'steps',
    'metrics',
    'failureLimit',
    'inconclusiveLimit',
    'everyMinutes',
    'onFailure',
  ]);
  const { everyMinutes = DEFAULT_EVERY_MINUTES, onFailure = 'close' } = plan;
  if (onFailure !== 'close' && onFailure !== 'back') throw new Unread('/onFailure', 'close or back');
  const steps = toList(plan.steps, '/steps', MAX_STEPS).map((step, at) => readStep(step, `/steps/${at}`));
  for (const [at, step] of steps.entries()) {
    const before = steps[at - 1];
    if (before) checkGrowth(before, step, `/steps/${at}`);
  }
  return {
    steps,
    metrics: toList(plan.metrics, '/metrics', MAX_METRICS).map((each, at) => readMetric(each, `/metrics/${at}`)),
    failureLimit: toCount(plan.failureLimit, '/failureLimit', 0, MAX_LIMIT),
    inconclusiveLimit: toCount(plan.inconclusiveLimit, '/inconclusiveLimit', 0, MAX_LIMIT),
    everyMinutes: toCount(everyMinutes, '/everyMinutes', 1, MAX_MINUTES),
    onFailure,
  };
}

function readStep(value: Json, place: string): RolloutStep {
  const step = toObject(value, place, ['name', 'holdMinutes', 'share', 'regions', 'rates']);
  const { share = 1, rates = {}, regions } = step;
  if (typeof share !== 'number' || !(share >= 0 && share <= 1)) throw new Unread(`${place}/share`, 'from 0 to 1');
  const { organisation, model } = toObject(rates, `${place}/rates`, ['organisation', 'model']);
  return {
    name: toName(step.name, `${place}/name`),
    holdMinutes: toCount(step.holdMinutes, `${place}/holdMinutes`, 0, MAX_MINUTES),
    share,
    regions: regions === undefined ? undefined : readRegions(regions, `${place}/regions`),
    rates: {
      ...(organisation !== undefined && { organisation: readRate(organisation, `${place}/rates/organisation`) }),
      ...(model !== undefined && { model: readRate(model, `${place}/rates/model`) }),
    },
  };
}

function readRegions(value: Json, place: string): readonly string[] {
  return toList(value, place, MAX_REGIONS).map((each, at) => {
    if (typeof each !== 'string' || !COUNTRY.test(each)) throw new Unread(`${place}/${at}`, 'a country: CC');
    return each;
  });
}

function readRate(value: Json, place: string): StepRate {
  const { perSecond, burst } = toObject(value, place, ['perSecond', 'burst']);
  return {
    perSecond: toCount(perSecond, `${place}/perSecond`, 1, MAX_RATE),
    burst: toCount(burst, `${place}/burst`, 1, MAX_RATE),
  };
}

function checkGrowth(before: RolloutStep, step: RolloutStep, place: string): void {
  if (step.share < before.share) throw new Unread(`${place}/share`, 'a later step lets in no fewer');
  const isNarrower = step.regions && !before.regions?.every((each) => step.regions?.includes(each));
  if (isNarrower) throw new Unread(`${place}/regions`, 'a later step keeps every country of the one before');
}

function readMetric(value: Json, place: string): RolloutMetric {
  const { name, atLeast, atMost } = toObject(value, place, ['name', 'atLeast', 'atMost']);
  if (typeof name !== 'string' || !METRICS.has(name))
    throw new Unread(`${place}/name`, `it has no source here. There are ${[...METRICS.keys()].join(', ')}`);
  if (atLeast === undefined && atMost === undefined) throw new Unread(place, 'atLeast, atMost or both');
  const toBound = (bound: Json | undefined, at: string): number | undefined => {
    if (bound !== undefined && typeof bound !== 'number') throw new Unread(at, 'a number');
    return bound;
  };
  return { name, atLeast: toBound(atLeast, `${place}/atLeast`), atMost: toBound(atMost, `${place}/atMost`) };
}

function toObject(value: Json | undefined, place: string, known: readonly string[]): Loose {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unread(place, 'an object');
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Unread(`${place}/${unknown}`, `there is no such member beside ${known.join(', ')}`);
  return value as Loose;
}

function toList(value: Json | undefined, place: string, most: number): readonly Json[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    throw new Unread(place, `1 to ${most} of them`);
  return value as readonly Json[];
}

function toName(value: Json | undefined, place: string): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > 200) throw new Unread(place, 'a name');
  return value;
}

function toCount(value: Json | undefined, place: string, least: number, most: number): number {
  if (!Number.isSafeInteger(value) || Number(value) < least || Number(value) > most)
    throw new Unread(place, `a whole number from ${least} to ${most}`);
  return Number(value);
}
