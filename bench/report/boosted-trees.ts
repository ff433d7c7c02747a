/**
 * Fits a sum of small trees to yes-or-no answers (gradient boosting with Newton steps over quantile bins). Without
 * randomness: the same rows give the same trees.
 */

import { probabilityOf, type Score, type Tree } from '../../src/duplicates/score.ts';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';

export interface Row {
  readonly features: readonly number[];
  readonly answer: boolean;
  readonly weight: number;
}

export interface FitOptions {
  readonly trees: number;
  readonly depth: number;
  readonly rate: number;
  /** Least sum of curvature in a leaf: how many doubtful rows it must hold. */
  readonly leastCurvature: number;
  readonly penalty: number;
  readonly bins: number;
  /** Share of the features that each tree may ask about, drawn by the seed: what no single one decides is learnt more broadly. */
  readonly columns: number;
  readonly seed: number;
  /** For each feature whether more of it may only speak for (1) or only against (-1), or either (0). */
  readonly directions: readonly (-1 | 0 | 1)[];
}

interface Binned {
  readonly edges: readonly (readonly number[])[];
  readonly columnBins: readonly Uint8Array[];
}

export function fitTrees(rows: readonly Row[], options: FitOptions): Score {
  const binned = toBins(rows, options.bins);
  const total = rows.reduce((sum, { weight }) => sum + weight, 0);
  const right = rows.reduce((sum, { answer, weight }) => sum + (answer ? weight : 0), 0);
  const start = Math.log((right + 1) / (total - right + 1));
  const odds = new Float64Array(rows.length).fill(start);
  const slope = new Float64Array(rows.length);
  const curve = new Float64Array(rows.length);
  const everyRow = Int32Array.from(rows.keys());
  const trees: Tree[] = [];
  const random = createSeededRandom(options.seed);
  for (let round = 0; round < options.trees; round += 1) {
    rows.forEach(({ answer, weight }, row) => {
      const chance = probabilityOf(odds[row] ?? 0);
      slope[row] = weight * ((answer ? 1 : 0) - chance);
      curve[row] = weight * chance * (1 - chance);
    });
    const asked = options.directions.map(() => random.next() < options.columns);
    trees.push(grow(everyRow, options.depth, EVERY_VALUE, { ...options, ...binned, slope, curve, odds, asked }));
  }
  return { start, trees };
}

interface Growing extends FitOptions, Binned {
  readonly slope: Float64Array;
  readonly curve: Float64Array;
  readonly odds: Float64Array;
  readonly asked: readonly boolean[];
}

/** What a leaf below may be worth, so that a direction that was kept above is kept below, too. */
type Range = readonly [least: number, most: number];
const EVERY_VALUE: Range = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

function grow(rows: Int32Array, depth: number, range: Range, growing: Growing): Tree {
  const { odds, rate, penalty, columnBins, edges, directions } = growing;
  const split = depth > 0 ? bestSplit(rows, growing) : undefined;
  if (!split) {
    const [up, down] = sums(rows, growing);
    const value = Math.round(rate * Math.min(range[1], Math.max(range[0], up / (down + penalty))) * 1e5) / 1e5;
    for (const row of rows) odds[row] = (odds[row] ?? 0) + value;
    return { value };
  }
  const column = columnBins[split.feature] ?? new Uint8Array();
  const low = rows.filter((row) => (column[row] ?? 0) <= split.bin);
  const high = rows.filter((row) => (column[row] ?? 0) > split.bin);
  const direction = directions[split.feature] ?? 0;
  const [below, above]: readonly [Range, Range] =
    direction === 0
      ? [range, range]
      : direction > 0
        ? [
            [range[0], split.middle],
            [split.middle, range[1]],
          ]
        : [
            [split.middle, range[1]],
            [range[0], split.middle],
          ];
  return {
    feature: split.feature,
    at: edges[split.feature]?.[split.bin] ?? 0,
    low: grow(low, depth - 1, below, growing),
    high: grow(high, depth - 1, above, growing),
  };
}

function sums(rows: Int32Array, { slope, curve }: Growing): readonly [slope: number, curve: number] {
  let [up, down] = [0, 0];
  for (const row of rows) {
    up += slope[row] ?? 0;
    down += curve[row] ?? 0;
  }
  return [up, down];
}

interface Split {
  readonly feature: number;
  readonly bin: number;
  readonly middle: number;
}

function bestSplit(rows: Int32Array, growing: Growing): Split | undefined {
  const { slope, curve, columnBins, edges, penalty, leastCurvature, directions, asked } = growing;
  const [allSlope, allCurve] = sums(rows, growing);
  let best: Split | undefined;
  let bestGain = 1e-6;
  columnBins.forEach((column, feature) => {
    if (!asked[feature]) return;
    const size = (edges[feature]?.length ?? 0) + 1;
    const slopes = new Float64Array(size);
    const curves = new Float64Array(size);
    for (const row of rows) {
      const bin = column[row] ?? 0;
      slopes[bin] = (slopes[bin] ?? 0) + (slope[row] ?? 0);
      curves[bin] = (curves[bin] ?? 0) + (curve[row] ?? 0);
    }
    let [leftSlope, leftCurve] = [0, 0];
    for (let bin = 0; bin < size - 1; bin += 1) {
      leftSlope += slopes[bin] ?? 0;
      leftCurve += curves[bin] ?? 0;
      const rightCurve = allCurve - leftCurve;
      if (leftCurve < leastCurvature || rightCurve < leastCurvature) continue;
      const gain =
        leftSlope ** 2 / (leftCurve + penalty) +
        (allSlope - leftSlope) ** 2 / (rightCurve + penalty) -
        allSlope ** 2 / (allCurve + penalty);
      if (gain <= bestGain) continue;
      const low = leftSlope / (leftCurve + penalty);
      const high = (allSlope - leftSlope) / (rightCurve + penalty);
      if ((high - low) * (directions[feature] ?? 0) < 0) continue;
      bestGain = gain;
      best = { feature, bin, middle: (low + high) / 2 };
    }
  });
  return best;
}

/** A row's bin is the first whose edge it does not pass. */
function toBins(rows: readonly Row[], most: number): Binned {
  const width = rows[0]?.features.length ?? 0;
  const edges = Array.from({ length: width }, (_, feature) => {
    const values = [...new Set(rows.map(({ features }) => features[feature] ?? 0))].sort((left, right) => left - right);
    const step = Math.max(1, values.length / most);
    const chosen: number[] = [];
    for (let at = step; at < values.length; at += step) {
      const [before, after] = [values[Math.floor(at) - 1] ?? 0, values[Math.floor(at)] ?? 0];
      chosen.push(Math.round(((before + after) / 2) * 1e6) / 1e6);
    }
    return [...new Set(chosen)];
  });
  const columnBins = edges.map((column, feature) =>
    Uint8Array.from(rows, ({ features }) => {
      const found = column.findIndex((edge) => (features[feature] ?? 0) <= edge);
      return found < 0 ? column.length : found;
    }),
  );
  return { edges, columnBins };
}
