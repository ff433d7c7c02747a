/**
 * Whether answers tell two kinds of question apart: a classifier over the bytes and the times of probes, trained on one
 * half and judged on the other. It takes whichever of three methods does best within its own half.
 */
import type { SeededRandom } from '../../src/lib/seeded-random.ts';

export interface Probe {
  /** What the classifier has to guess. */
  readonly isHidden: boolean;
  /** How it was asked; the asker knows. */
  readonly route: string;
  /** The whole answer, with its headers. */
  readonly text: string;
  readonly firstByteMicros: number;
  readonly lastByteMicros: number;
}

export interface Interval {
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

export interface Distinguished extends Interval {
  readonly method: string;
  readonly tested: number;
  /** Answers that differ, once what is random in them is set to one value. */
  readonly texts: number;
  readonly byMethod: Readonly<Record<string, number>>;
}

interface Row {
  readonly label: 0 | 1;
  readonly textId: number;
  readonly features: readonly number[];
}

type Model = (row: Row) => 0 | 1;

const FOLDS = 5;
const STEPS = 200;
const STEP_SIZE = 0.5;
const SHRINK = 1e-3;
/** The answers just before on the same route say how busy the machine is. */
const NEIGHBOURS = 9;
export const Z_95 = 1.96;

const REQUEST_ID = /request_[0-9a-f]+/g;
const DATE = /\r\ndate: [^\r]+/i;

/** Sets what is random, and what is only the time of day, to one value; length and form stay. */
export const normalise = (text: string): string =>
  text
    .replace(REQUEST_ID, (id) => `request_${'0'.repeat(id.length - 8)}`)
    .replace(DATE, (date) => date.replace(/[a-z0-9]/gi, 'x'));

export function distinguish(probes: readonly Probe[], random: SeededRandom, z = Z_95): Distinguished {
  const ids = new Map<string, number>();
  const rows = toRows(probes, ids);
  const order = shuffle(rows, random);
  const half = Math.floor(order.length / 2);
  const [train, test] = [order.slice(0, half), order.slice(half)];
  const trainers: Readonly<Record<string, (rows: readonly Row[]) => Model>> = {
    bytes: trainOnTexts,
    stump: trainStump,
    'logistic regression': trainLogistic,
  };
  const within = Object.entries(trainers).map(([method, trainer]) => ({
    method,
    score: crossValidate(train, trainer),
  }));
  const best = within.toSorted((one, other) => other.score - one.score)[0];
  const byMethod: Record<string, number> = {};
  for (const [method, trainer] of Object.entries(trainers)) byMethod[method] = score(trainer(train), test);
  const method = best?.method ?? 'bytes';
  const accuracy = byMethod[method] ?? 0;
  return { method, ...interval(accuracy, test.length, z), tested: test.length, texts: ids.size, byMethod };
}

/** Wilson. */
export function interval(accuracy: number, count: number, z: number): Interval {
  const spread = z * z;
  const centre = (accuracy + spread / (2 * count)) / (1 + spread / count);
  const half =
    (z / (1 + spread / count)) * Math.sqrt((accuracy * (1 - accuracy)) / count + spread / (4 * count * count));
  return { accuracy, low: centre - half, high: centre + half };
}

function toRows(probes: readonly Probe[], ids: Map<string, number>): Row[] {
  const recent = new Map<string, number[]>();
  return probes.map(({ isHidden, route, text, firstByteMicros, lastByteMicros }) => {
    const plain = `${route}\n${normalise(text)}`;
    const textId = ids.get(plain) ?? ids.size;
    ids.set(plain, textId);
    const before = recent.get(route) ?? [];
    const usual =
      before.length > 0 ? (before.toSorted((a, b) => a - b)[before.length >> 1] ?? 0) : Math.log(firstByteMicros);
    recent.set(route, [...before, Math.log(firstByteMicros)].slice(-NEIGHBOURS));
    const id = text.match(REQUEST_ID)?.[0] ?? '';
    const features = [
      Math.log(firstByteMicros) - usual,
      Math.log(firstByteMicros),
      Math.log(1 + lastByteMicros - firstByteMicros),
      text.length,
      textId,
      id.length,
      id.replace(/\D/g, '').length,
      id.charCodeAt(8) || 0,
      id.charCodeAt(id.length - 1) || 0,
    ];
    return { label: isHidden ? 1 : 0, textId, features };
  });
}

function shuffle<T>(items: readonly T[], random: SeededRandom): T[] {
  const order = [...items];
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = random.below(index + 1);
    [order[index], order[other]] = [order[other] as T, order[index] as T];
  }
  return order;
}

const score = (model: Model, rows: readonly Row[]): number =>
  rows.filter((row) => model(row) === row.label).length / Math.max(1, rows.length);

function crossValidate(rows: readonly Row[], trainer: (rows: readonly Row[]) => Model): number {
  let sum = 0;
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const [kept, held] = [rows.filter((_, at) => at % FOLDS !== fold), rows.filter((_, at) => at % FOLDS === fold)];
    sum += score(trainer(kept), held);
  }
  return sum / FOLDS;
}

/** For each answer as it reads: which kind it came with more often. */
function trainOnTexts(rows: readonly Row[]): Model {
  const balance = new Map<number, number>();
  for (const { textId, label } of rows) balance.set(textId, (balance.get(textId) ?? 0) + (label === 1 ? 1 : -1));
  return ({ textId }) => ((balance.get(textId) ?? 0) > 0 ? 1 : 0);
}

/** One threshold on one feature, at any hundredth of its values. */
function trainStump(rows: readonly Row[]): Model {
  let best = { correct: -1, feature: 0, at: 0, above: 1 as 0 | 1 };
  const width = rows[0]?.features.length ?? 0;
  for (let feature = 0; feature < width; feature += 1) {
    const sorted = rows
      .map((row) => ({ value: row.features[feature] ?? 0, label: row.label }))
      .toSorted((one, other) => one.value - other.value);
    const hidden = sorted.reduce((sum, { label }) => sum + label, 0);
    const step = Math.floor(sorted.length / 100);
    let [below, next] = [0, 0];
    for (const [index, { value, label }] of sorted.entries()) {
      if (index >= next && value !== sorted[index - 1]?.value) {
        next = index + step;
        // At or above the threshold: hidden. `below` are the hidden ones that would be missed.
        const correct = hidden - below + (index - below);
        const isHigher = correct * 2 >= sorted.length;
        const count = isHigher ? correct : sorted.length - correct;
        if (count > best.correct) best = { correct: count, feature, at: value, above: isHigher ? 1 : 0 };
      }
      below += label;
    }
  }
  const { feature, at, above } = best;
  return (row) => ((row.features[feature] ?? 0) >= at ? above : above === 1 ? 0 : 1);
}

function trainLogistic(rows: readonly Row[]): Model {
  const width = rows[0]?.features.length ?? 0;
  const means = columnMeans(rows, width, (value) => value);
  const spreads = columnMeans(rows, width, (value, column) => (value - (means[column] ?? 0)) ** 2).map(
    (v) => Math.sqrt(v) || 1,
  );
  const standard = (row: Row): number[] =>
    row.features.map((value, at) => (value - (means[at] ?? 0)) / (spreads[at] ?? 1));
  const inputs = rows.map((row) => ({ label: row.label, values: standard(row) }));
  const weights = new Float64Array(width + 1);
  const lean = (values: readonly number[]): number =>
    values.reduce((sum, value, at) => sum + value * (weights[at] ?? 0), weights[width] ?? 0);
  for (let step = 0; step < STEPS; step += 1) {
    const slope = new Float64Array(width + 1);
    for (const { label, values } of inputs) {
      const error = 1 / (1 + Math.exp(-lean(values))) - label;
      for (const [at, value] of values.entries()) slope[at] = (slope[at] ?? 0) + error * value;
      slope[width] = (slope[width] ?? 0) + error;
    }
    for (let at = 0; at <= width; at += 1) {
      weights[at] = (weights[at] ?? 0) - STEP_SIZE * ((slope[at] ?? 0) / inputs.length + SHRINK * (weights[at] ?? 0));
    }
  }
  return (row) => (lean(standard(row)) > 0 ? 1 : 0);
}

function columnMeans(rows: readonly Row[], width: number, pick: (value: number, column: number) => number): number[] {
  const sums = new Array<number>(width).fill(0);
  for (const { features } of rows)
    for (const [at, value] of features.entries()) sums[at] = (sums[at] ?? 0) + pick(value, at);
  return sums.map((sum) => sum / Math.max(1, rows.length));
}
