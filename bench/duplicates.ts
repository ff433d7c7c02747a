/**
 * Duplicates among crash reports, measured by leaving out one project at a time: the score that judges a project's pairs was
 * learnt from the other projects only. Counts pairs that were open at the same time, as the pairs of a list and as the
 * clusters that `dedupe` makes of it.
 *
 *   HEADSTART_SHARED=… node bench/duplicates.ts [--keep]
 */
import { parseArgs } from 'node:util';
import { candidatePairs, clusterSignatures } from '../src/duplicates/cluster.ts';
import { crashFeatures } from '../src/duplicates/crash-features.ts';
import { MERGE_AT } from '../src/duplicates/judge.ts';
import { logOdds, probabilityOf, type Score } from '../src/duplicates/score.ts';
import type { Signature } from '../src/duplicates/signature.ts';
import { openReport } from './report/dated.ts';
import { type LabelledPair, type LabelledStock, learn, readLabelledStock } from './report/duplicate-pairs.ts';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const report = openReport('duplicates', 'Duplicates', values.keep);
const stock = readLabelledStock();

interface Judged extends LabelledPair {
  readonly likeliness: number;
}

/** Precision and recall that issue 4 asks for. */
const ASKED = { precision: 0.8, recall: 0.4 };
const THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8];

/** One score for each project, learnt from all others. */
function learnFolds({ pairs }: LabelledStock): ReadonlyMap<string, Score> {
  const projects = [...new Set(pairs.map(({ project }) => project))];
  return new Map(projects.map((left) => [left, learn(pairs.filter(({ project }) => project !== left))]));
}

const share = (part: number, whole: number): string => (whole === 0 ? '–' : (part / whole).toFixed(3));

function line(name: string, said: readonly LabelledPair[], all: number): string {
  const right = said.filter(({ isDuplicate }) => isDuplicate).length;
  return `| ${name} | ${said.length} | ${right} | ${share(right, said.length)} | ${share(right, all)} |`;
}

/** The most that is found where at least so many of what is said are right. */
function recallAt(precision: number, judged: readonly Judged[], all: number): number {
  let [right, best] = [0, 0];
  [...judged]
    .sort((one, other) => other.likeliness - one.likeliness)
    .forEach(({ isDuplicate }, at) => {
      if (isDuplicate) right += 1;
      if (right / (at + 1) >= precision) best = right / all;
    });
  return best;
}

/** Mean square of what was said against what was so. */
function brier(judged: readonly Judged[]): number {
  return (
    judged.reduce((sum, { likeliness, isDuplicate }) => sum + (likeliness - (isDuplicate ? 1 : 0)) ** 2, 0) /
    judged.length
  );
}

function clusteredPairs(folds: ReadonlyMap<string, Score>): readonly LabelledPair[] {
  const likelinessOf = (a: Signature, b: Signature): number => {
    const score = folds.get(a.project);
    return score && a.project === b.project ? probabilityOf(logOdds(score, crashFeatures(a, b, stock.census))) : 0;
  };
  const clusterOf = new Map(clusterSignatures(stock.signatures, likelinessOf).map(({ id, cluster }) => [id, cluster]));
  return stock.pairs.filter(({ a, b }) => clusterOf.get(a.id) === clusterOf.get(b.id));
}

const started = performance.now();
const folds = learnFolds(stock);
const judged = stock.pairs.map((pair): Judged => {
  const score = folds.get(pair.project);
  return { ...pair, likeliness: score ? probabilityOf(logOdds(score, pair.features)) : 0 };
});
const learnt = performance.now();
const duplicates = judged.filter(({ isDuplicate }) => isDuplicate).length;
const rate = duplicates / judged.length;
const candidates = new Set(candidatePairs(stock.signatures).map(([left, right]) => `${left} ${right}`));
const placeOf = new Map(stock.signatures.map((signature, at) => [signature, at]));
const isCandidate = ({ a, b }: LabelledPair): boolean => {
  const [left = 0, right = 0] = [placeOf.get(a) ?? 0, placeOf.get(b) ?? 0].sort((one, other) => one - other);
  return candidates.has(`${left} ${right}`);
};
const found = judged.filter((pair) => pair.isDuplicate && isCandidate(pair)).length;
const clustering = performance.now();
const clustered = clusteredPairs(folds);
const clusteringSeconds = (performance.now() - clustering) / 1_000;
const rightClustered = clustered.filter(({ isDuplicate }) => isDuplicate).length;
const precision = rightClustered / clustered.length;
const recall = rightClustered / duplicates;
const isMet = precision >= ASKED.precision && recall >= ASKED.recall;
const bestRecall = recallAt(ASKED.precision, judged, duplicates);
const topFrame = judged.filter(({ a, b }) => a.frames[0] !== undefined && a.frames[0].name === b.frames[0]?.name);

report.end(
  [
    report.conditions(`${folds.size} scores learnt in ${((learnt - started) / 1_000).toFixed(0)} s.`),
    '',
    `${judged.length} pairs of one project that were open at the same time, ${duplicates} of them duplicates (${(100 * rate).toFixed(0)} %). ` +
      'Each project is judged by a score that was learnt from the other projects only; the label serves for learning and measuring, never as a feature. ' +
      'Frequencies are counted over the whole list, as `dedupe` does.',
    '',
    '| Rule | Said | Right | Precision | Recall |',
    '|---|---|---|---|---|',
    line('same top frame, normalised', topFrame, duplicates),
    ...THRESHOLDS.map((at) =>
      line(
        `score ≥ ${at}`,
        judged.filter(({ likeliness }) => likeliness >= at),
        duplicates,
      ),
    ),
    line(`clusters at ${MERGE_AT}`, clustered, duplicates),
    '',
    `Greatest recall at precision ${ASKED.precision}: **${bestRecall.toFixed(3)}**. Brier score ${brier(judged).toFixed(3)}, against ` +
      `${(rate * (1 - rate)).toFixed(3)} for always saying the base rate. Keys make ${share(found, duplicates)} of the duplicates candidates. ` +
      `Clustering ${stock.signatures.length} records took ${clusteringSeconds.toFixed(1)} s.`,
    '',
    `Asked: precision ≥ ${ASKED.precision} and recall ≥ ${ASKED.recall}. **${isMet ? 'Met' : 'Not met'}** by the clusters. ` +
      'The published same-top-frame rule has 0.781 / 0.110 there.',
    '',
    'Ceiling: the labels say that one change closed both, and are right in about 80 % of cases by their authors’ own count ' +
      '(some shared fixes are rolls of a dependency). A perfect judge would be marked wrong on about every fifth pair, so neither figure ' +
      'can be read to the last percent, and a measured precision near 0.80 is near what can be measured at all.',
  ],
  isMet,
);
