/** The figures of `bench/finder.ts` as Markdown: per class with Wilson 95 % intervals, per cluster, beside its peers. */
export interface CaseScore {
  readonly class: string;
  readonly cluster: string | null;
  /** A package without a known flaw: anything confirmed is to be explained. */
  readonly clean: boolean;
  readonly found: boolean;
  /** Confirmed findings beside the listed one. */
  readonly others: number;
  /** What the reproducer did on the fixed version: `none` (not listed), `silent`, `fires`, `not-comparable`. */
  readonly fixed: string;
  readonly seconds: number;
  readonly reason: string;
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

export function renderReport(
  scores: readonly CaseScore[],
  { half, classes }: { readonly half: string; readonly classes: readonly string[] },
): string {
  if (half === 'clean') {
    const noisy = scores.filter(({ others }) => others > 0).length;
    return `# Packages without a known flaw\n\n${noisy} of ${scores.length} packages with a confirmed finding; median ${quantile(
      scores.map(({ seconds }) => seconds),
      0.5,
    ).toFixed(1)} s.\n`;
  }
  const fixed = (outcome: string): number => scores.filter((score) => score.fixed === outcome).length;
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
    `The reproducer on the listed fixed version: silent ${fixed('silent')}, fires ${fixed('fires')}, not comparable ${fixed('not-comparable')}.`,
    `Confirmed findings other than the listed ones: ${scores.reduce((sum, { others }) => sum + others, 0)}.`,
    `Not found: ${['no-candidate', 'rejected', 'not-opened'].map((reason) => `${reason} ${scores.filter((score) => score.reason === reason).length}`).join(', ')}.`,
    ...PEERS,
  ].join('\n');
}
