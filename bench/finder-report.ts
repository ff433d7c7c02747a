/** The figures of `bench/finder.ts` as Markdown: per class with Wilson 95 % intervals, per cluster, beside its peers. */
export interface CaseScore {
  readonly class: string;
  readonly cluster: string | null;
  readonly found: boolean;
  /** Classes of the confirmed findings beside the listed one. */
  readonly others: readonly string[];
  /** Candidates refused because the function is meant to do this. */
  readonly byContract: number;
  readonly fixed: FixedScore;
  readonly seconds: number;
  /** CPU of all sandbox runs and of the bench itself. */
  readonly cpuSeconds: number;
  readonly reason: 'found' | 'no-candidate' | 'rejected' | 'not-opened' | 'fires-on-fixed';
}

/** What was seen on the listed fixed version. */
export interface FixedScore {
  /** What the listed findings' reproducers did there; `none` where nothing could be asked. */
  readonly outcome: 'none' | 'silent' | 'fires' | 'not-comparable';
  /** Confirmed there with the root cause of a listed finding: the same sink and entry. */
  readonly ofListed: number;
  /** The same function by another entry, or another expression in it. */
  readonly sameSink: number;
  /** The list names no place, or none that can be told from the line (a minified file): for a person to look at. */
  readonly unplaced: number;
  readonly others: number;
  readonly byContract: number;
}

const Z95 = 1.959964;

/** Wilson's interval, per cent. */
export function wilson(hits: number, of: number): readonly [number, number] {
  if (of === 0) return [0, 100];
  const share = hits / of;
  const spread = Z95 * Math.sqrt((share * (1 - share)) / of + Z95 ** 2 / (4 * of ** 2));
  const centre = share + Z95 ** 2 / (2 * of);
  const scale = 1 + Z95 ** 2 / of;
  return [(100 * (centre - spread)) / scale, (100 * (centre + spread)) / scale];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function row(name: string, scores: readonly CaseScore[]): string {
  const hits = scores.filter(({ found }) => found).length;
  const [low, high] = wilson(hits, scores.length);
  const seconds = scores.map((score) => score.seconds);
  const share = scores.length === 0 ? 0 : (100 * hits) / scores.length;
  return `| ${name} | ${hits} of ${scores.length} | ${share.toFixed(1)} % | ${low.toFixed(0)}–${high.toFixed(0)} % | ${quantile(seconds, 0.5).toFixed(1)} | ${quantile(seconds, 0.9).toFixed(1)} |`;
}

/** One case per cluster: found when most of it is. */
function clustered(scores: readonly CaseScore[]): readonly CaseScore[] {
  const groups = Map.groupBy(scores, (score) => score.cluster ?? score);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    return [{ ...first, found: group.filter(({ found }) => found).length * 2 > group.length }];
  });
}

const PEERS = [
  '',
  'Published figures of peers, **on other subsets** of the same kind of packages, so only a rough comparison:',
  '',
  '| System | Advisory given? | Traversal | Command | Code | Pollution | ReDoS | All |',
  '|---|---|---|---|---|---|---|---|',
  '| Explode.js, SecBench.js part | no | 83/161 | 43/82 | 3/21 | 42/120 | – | 171/384 (44.5 %) |',
  '| NodeMedic-FINE, SecBench.js names | no | – | 28/90 | 2/27 | – | – | – |',
  '| PoCGen (gpt-5-mini) | yes | 133/167 | 81/92 | 24/35 | 116/180 | 39/85 | 395/560 (70 %) |',
  '',
];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function timeLine(scores: readonly CaseScore[]): string {
  const wall = scores.map(({ seconds }) => seconds);
  const cpu = scores.map(({ cpuSeconds }) => cpuSeconds);
  return `Seconds per package, median and 90 %: ${quantile(wall, 0.5).toFixed(1)} and ${quantile(wall, 0.9).toFixed(1)}; of CPU ${quantile(cpu, 0.5).toFixed(1)} and ${quantile(cpu, 0.9).toFixed(1)}.`;
}

/** Packages without a known flaw: everything confirmed there is to be explained by a person. */
export function renderClean(scores: readonly CaseScore[]): string {
  const noisy = scores.filter(({ others }) => others.length > 0);
  return [
    '# Packages without a known flaw',
    '',
    `${noisy.length} of ${scores.length} packages with a confirmed finding; ${sum(scores.map(({ others }) => others.length))} findings.`,
    `Candidates refused because the function is meant to do this: ${sum(scores.map(({ byContract }) => byContract))}.`,
    `Not opened: ${scores.filter(({ reason }) => reason === 'not-opened').length}.`,
    timeLine(scores),
    '',
  ].join('\n');
}

function fixedLines(scores: readonly CaseScore[]): readonly string[] {
  const outcome = (wanted: string): number => scores.filter(({ fixed }) => fixed.outcome === wanted).length;
  const cases = (of: (fixed: FixedScore) => number): number => scores.filter(({ fixed }) => of(fixed) > 0).length;
  return [
    `Reproducers on the listed fixed version: silent ${outcome('silent')}, fires ${outcome('fires')}, not comparable ${outcome('not-comparable')}.`,
    `Fixed versions with a confirmed finding: of the listed root cause (same sink, same entry) ${cases(({ ofListed }) => ofListed)}; of the same function by another entry or expression ${cases((fixed) => fixed.sameSink)}; where the listed place cannot be told ${cases(({ unplaced }) => unplaced)}; any other ${cases(({ others }) => others)}.`,
  ];
}

export function renderReport(
  scores: readonly CaseScore[],
  { half, classes }: { readonly half: string; readonly classes: readonly string[] },
): string {
  const reasons = ['no-candidate', 'rejected', 'fires-on-fixed', 'not-opened'];
  return [
    `# Search over the published targets, half: ${half}`,
    '',
    '| Class | Confirmed | Recall | Wilson 95 % | Median s | 90 % s |',
    '|---|---|---|---|---|---|',
    ...classes.map((name) =>
      row(
        name,
        scores.filter((score) => score.class === name),
      ),
    ),
    row('**all**', scores),
    row('all, one per cluster', clustered(scores)),
    '',
    ...fixedLines(scores),
    `Confirmed findings other than the listed ones: ${sum(scores.map(({ others }) => others.length))}.`,
    `Candidates refused because the function is meant to do this: ${sum(scores.map(({ byContract }) => byContract))}.`,
    `Not found: ${reasons.map((reason) => `${reason} ${scores.filter((score) => score.reason === reason).length}`).join(', ')}.`,
    timeLine(scores),
    ...PEERS,
  ].join('\n');
}
