/** What `bench/patches.ts` keeps of each target and of each patch judged again and again, and the report made of it. */
import type { FlawClass } from '../src/formats/flaw-class.ts';
import { BAD_KINDS, type BadKind } from './bad-patches.ts';

export type Kind = BadKind | 'upstream fix, smallest' | 'upstream fix, whole';

export interface Outcome {
  readonly kind: Kind;
  readonly verdict: string;
  readonly seconds: number;
  readonly beyond: number;
  /** The published fixed version itself falls to one of the variants that got through. */
  readonly isOpen: boolean;
}

export interface Made {
  readonly kind: Kind;
  readonly patch: string;
}

/** One target, looked at to its end. */
export interface Entry {
  /** Its place in the order drawn from the seed. */
  readonly index: number;
  readonly flaw: FlawClass;
  /** Why no pair of it is usable. */
  readonly why?: string;
  readonly outcomes: readonly Outcome[];
  readonly patches: readonly Made[];
}

/** One patch judged again and again. */
export interface Repeat {
  readonly index: number;
  readonly kind: Kind;
  readonly flaw: FlawClass;
  readonly times: number;
  readonly verdicts: number;
  /** Verdicts together with their reasons. */
  readonly answers: number;
}

export interface Run {
  /** Of the machine and the sandbox, in words. */
  readonly conditions: string;
  readonly targets: number;
  readonly repeats: number;
}

const VERDICTS = ['fixes', 'does-not-fix', 'symptom-only', 'breaks', 'does-not-apply', 'inconclusive'];

const share = (part: number, all: number) => (all === 0 ? '–' : `${((100 * part) / all).toFixed(1)} %`);
const accepts = ({ verdict }: Outcome) => verdict === 'fixes';
const isBad = ({ kind }: { readonly kind: Kind }) => (BAD_KINDS as readonly string[]).includes(kind);

function line(name: string, rows: readonly Outcome[]): string {
  const counts = VERDICTS.map((verdict) => rows.filter((row) => row.verdict === verdict).length);
  return `| ${name} | ${rows.length} | ${counts.join(' | ')} |`;
}

function counted(words: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort().map(([word, count]) => `- ${count}: ${word}`);
}

export function renderPatchReport(entries: readonly Entry[], repeated: readonly Repeat[], run: Run): string {
  const outcomes = entries.flatMap((entry) => entry.outcomes);
  const pairs = entries.filter(({ why }) => why === undefined);
  const bad = outcomes.filter(isBad);
  const refused = bad.filter((one) => !accepts(one)).length;
  const small = outcomes.filter(({ kind }) => kind === 'upstream fix, smallest');
  const accepted = small.filter(accepts);
  const open = small.filter((one) => !accepts(one) && one.isOpen).length;
  const seconds = outcomes.map((one) => one.seconds).sort((left, right) => left - right);
  const same = repeated.filter(({ verdicts }) => verdicts === 1).length;
  const alike = repeated.filter(({ answers }) => answers === 1).length;
  const kinds = new Set(repeated.map(({ kind }) => kind)).size;
  return [
    run.conditions,
    '',
    `All ${run.targets} targets with a listed fixed version were put in an order drawn from the seed; ${entries.length} were reached, and every one of them counts that has a usable pair: ${pairs.length} packages.`,
    'A pair is the last version on which a reproducer fires and the next, on which it is silent: what lies between is the release that mends.',
    'The own tests of the packages were not part of this run.',
    '',
    `- Bad patches refused: **${refused} of ${bad.length}** (${share(refused, bad.length)}; wanted 95 %)`,
    `- Upstream fixes accepted, smallest form: **${accepted.length} of ${small.length}** (${share(accepted.length, small.length)}); ${open} of those refused leave the published fixed version itself open, with its own dependencies, to a variant that got through the patch: shown there by running it`,
    `- True upstream fixes (without those ${open}) accepted: **${accepted.length} of ${small.length - open}** (${share(accepted.length, small.length - open)}; wanted 90 %)`,
    `- Accepted fixes that input of another type still gets around (told beside the verdict): ${accepted.filter(({ beyond }) => beyond > 0).length}`,
    `- The same verdict ${run.repeats} times of ${run.repeats}: **${same} of ${repeated.length} patches** (${kinds} kinds; wanted: all); to the letter of the reasons: ${alike} of ${repeated.length}`,
    `- Seconds a check: median ${seconds[seconds.length >> 1]?.toFixed(1) ?? '–'}, longest ${seconds.at(-1)?.toFixed(1) ?? '–'}`,
    '',
    `| Patch | Tried | ${VERDICTS.join(' | ')} |`,
    `|---|${'---|'.repeat(VERDICTS.length + 1)}`,
    ...[...BAD_KINDS, 'upstream fix, smallest', 'upstream fix, whole'].map((kind) =>
      line(
        kind,
        outcomes.filter((one) => one.kind === kind),
      ),
    ),
    '',
    'The whole release is tried only where its smallest part was refused.',
    '',
    'Usable pairs by class of flaw:',
    '',
    ...counted(pairs.map(({ flaw }) => flaw)),
    '',
    'Targets left out, with the reason:',
    '',
    ...counted(entries.flatMap(({ why }) => why ?? [])),
    '',
    'Patches judged again and again, by kind:',
    '',
    ...counted(repeated.map(({ kind, verdicts }) => `${kind}${verdicts > 1 ? ', not always the same' : ''}`)),
    '',
  ].join('\n');
}

/**
 * Which patches are judged again: a true fix of each class of flaw, and of every package a bad one of the kind that had
 * its turn least often.
 */
export function patchesToRepeat(
  entries: readonly Entry[],
  most: number,
): { readonly entry: Entry; readonly made: Made }[] {
  const chosen: { entry: Entry; made: Made }[] = [];
  const times = (kind: Kind) => chosen.filter(({ made }) => made.kind === kind).length;
  const classes = new Set<FlawClass>();
  for (const entry of entries.toSorted((left, right) => left.index - right.index)) {
    const fix = entry.patches.find(({ kind }) => kind === 'upstream fix, smallest');
    if (fix && !classes.has(entry.flaw)) chosen.push({ entry, made: fix });
    if (fix) classes.add(entry.flaw);
    const [least] = entry.patches.filter(isBad).toSorted((left, right) => times(left.kind) - times(right.kind));
    if (least) chosen.push({ entry, made: least });
  }
  return chosen.slice(0, most);
}
