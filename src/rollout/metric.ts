/**
 * What an analysis of a rollout may look at: each metric by its name, with the source that it is computed from. None is
 * typed in; what its source cannot tell is not measured, and what is not measured is inconclusive.
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

type MetricSource = 'cases' | 'journal' | 'stops' | 'incidents' | 'file';

interface MetricMeaning {
  readonly source: MetricSource;
  readonly what: string;
}

export const METRICS: ReadonlyMap<string, MetricMeaning> = new Map<string, MetricMeaning>([
  ['patch-rate', { source: 'cases', what: 'share of reported findings with a fix' }],
  ['head-start-fixed-share', { source: 'cases', what: 'share of reported high and critical findings with a fix' }],
  ['head-start-day', { source: 'cases', what: 'days since the first report' }],
  ['deadline-breaches', { source: 'cases', what: 'deadlines that ran out without a fix, since the step began' }],
  ['refusals', { source: 'journal', what: 'share of calls for the model that the gate refused, since the step began' }],
  [
    'gate-errors',
    { source: 'journal', what: 'share of settled calls that were not served or broke off, since the step began' },
  ],
  ['stops', { source: 'stops', what: 'stops set on the model or on everything, since the step began' }],
  ['incidents', { source: 'incidents', what: 'incidents of the model, since the step began' }],
  [
    'serious-incidents',
    { source: 'incidents', what: 'serious and critical incidents of the model, since the step began' },
  ],
  ['containment-breach-bound', { source: 'file', what: 'upper 95 % bound on breaches, of a log of evaluations' }],
  ['limit-breaches', { source: 'file', what: 'limits breached under pressure' }],
]);

export interface Measurement {
  readonly name: string;
  readonly value: number;
  /** Where it is from, in words: of how many, in which records. */
  readonly source: string;
  /** Of the records it was counted from, where they are a file or a list. */
  readonly sha256?: string;
}

/** Results of evaluations and of pressure on limits come from elsewhere, as files. */
export type RolloutFileKind = 'evaluation-bounds' | 'limit-pressure';

export interface ReadRolloutFile {
  readonly kind: RolloutFileKind;
  readonly measured: readonly Measurement[];
}

type Refusal = { readonly kind: 'malformed'; readonly what: string };

/**
 * `{"verdicts":{"CONTAINED","ATTEMPT","BREACH","INCONCLUSIVE"},"upperBound95"}` of `eval run`, or lines
 * `{"limit","attempts","breaches",…}` of `pressure`.
 */
export function readRolloutFile(text: string): Result<ReadRolloutFile, Refusal> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const values = toValues(text, lines);
  if (!values || values.length === 0) return malformed('the file: JSON of `eval run`, or lines of `pressure`');
  const [first] = values;
  if (values.length === 1 && isObject(first) && 'verdicts' in first) return readBounds(first);
  return readPressure(values);
}

function readBounds({ verdicts, upperBound95 }: Loose): Result<ReadRolloutFile, Refusal> {
  if (!isObject(verdicts) || !Object.values(verdicts).every(isCount))
    return malformed('/verdicts: a count of each verdict');
  if (typeof upperBound95 !== 'number' || !(upperBound95 >= 0 && upperBound95 <= 1))
    return malformed('/upperBound95: from 0 to 1');
  const runs = Object.values(verdicts).reduce<number>((sum, each) => sum + Number(each), 0);
  // A bound that no run stands behind bounds nothing.
  if (runs === 0) return malformed('/verdicts: no run at all');
  const source = `evaluations: ${runs} runs, ${Number(verdicts.BREACH ?? 0)} breaches`;
  return ok({
    kind: 'evaluation-bounds',
    measured: [{ name: 'containment-breach-bound', value: upperBound95, source }],
  });
}

function readPressure(values: readonly Json[]): Result<ReadRolloutFile, Refusal> {
  let [attempts, breaches] = [0, 0];
  for (const [at, each] of values.entries()) {
    if (!isObject(each) || typeof each.limit !== 'string' || !isCount(each.attempts) || !isCount(each.breaches))
      return malformed(`line ${at + 1}: limit, attempts and breaches`);
    attempts += Number(each.attempts);
    breaches += Number(each.breaches);
  }
  if (attempts === 0) return malformed('the file: no attempt at all');
  const source = `pressure: ${attempts} attempts on ${values.length} limits`;
  return ok({ kind: 'limit-pressure', measured: [{ name: 'limit-breaches', value: breaches, source }] });
}

function toValues(text: string, lines: readonly string[]): Json[] | undefined {
  try {
    const whole = JSON.parse(text) as Json;
    return Array.isArray(whole) ? [...(whole as readonly Json[])] : [whole];
  } catch {
    // Lines, then.
  }
  try {
    return lines.map((line) => JSON.parse(line) as Json);
  } catch {
    return undefined;
  }
}

type Loose = { readonly [name: string]: Json };

const isObject = (value: Json | undefined): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: Json | undefined): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const malformed = (what: string) => refuse<Refusal>({ kind: 'malformed', what });
