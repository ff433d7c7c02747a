/**
 * Does the patch check refuse what only seems to be a fix, and accept what is one? Bad patches are made from real
 * flawed versions, true ones from the upstream's fixed versions. Prints progress to standard error and writes a dated
 * report of counts.
 *
 *   node bench/patches.ts [--packages 20] [--minutes 60] [--at-once 1] [--bad 8] [--only name,name] [--fixes-only]
 *                         [--repeated 24] [--repeats 20]   so many patches, judged so often
 *                         [--keep DIRECTORY]   pairs found by an earlier run are taken from there
 *
 * All targets with a listed fixed version are gone through in an order drawn from the seed, and every one that has a
 * usable pair counts: nothing is chosen by how it ends.
 *
 * With `--only` or `--fixes-only` nothing is written: they are for looking into something, and half a report would
 * stand in the place of a whole one.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FlawClass } from '../src/formats/flaw-class.ts';
import { systemClock } from '../src/lib/clock.ts';
import { systemRandom } from '../src/lib/id.ts';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { attack } from '../src/patch/attack-service.ts';
import { type Baseline, type PatchParts, verifyPatch } from '../src/patch/index.ts';
import { evasionsOf } from '../src/patch/variants.ts';
import { renderReproducer, reproducerFileName } from '../src/probe/index.ts';
import { chooseProfile, createSandbox } from '../src/sandbox/index.ts';
import { createRegistry, openTarget, type PackageSource } from '../src/target/index.ts';
import { BAD_KINDS, type BadKind, type Flawed, makeBadPatches } from './bad-patches.ts';
import { openPair, type Pair, type Row } from './fixed-pairs.ts';

type Unfixed = Omit<Row, 'fixedVersion'> & { readonly fixedVersion: null };

type Kind = BadKind | 'upstream fix, smallest' | 'upstream fix, whole';

interface Outcome {
  readonly kind: Kind;
  readonly verdict: string;
  readonly seconds: number;
  readonly beyond: number;
  /** The published fixed version itself falls to one of the variants that got through. */
  readonly isOpen: boolean;
}

const { values } = parseArgs({
  options: {
    packages: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '60' },
    bad: { type: 'string', default: '8' },
    repeats: { type: 'string', default: '20' },
    repeated: { type: 'string', default: '24' },
    'at-once': { type: 'string', default: '1' },
    only: { type: 'string' },
    keep: { type: 'string' },
    'fixes-only': { type: 'boolean', default: false },
  },
});
/** On the way to the effect, where a seeming defence may stand. */
const FRAMES = 6;
const only = values.only?.split(',');
const isPartial = only !== undefined || values['fixes-only'];
const SEED = 20_261_121;
const until = Date.now() + Number(values.minutes) * 60_000;
const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', 'shared');
const targets = join(shared, 'data', 'npm-targets.json');
const say = (text: string) => process.stderr.write(`${text}\n`);

const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headstart-bench-'));
const registry = createRegistry({ mode: 'cache-first' });
const made = await createSandbox({
  profile: chooseProfile(),
  stateDirectory: join(home, 'state'),
  nodeBinary: process.execPath,
  random: systemRandom,
  clock: systemClock,
});
if (!made.ok) throw new Error(made.refusal.reason);
const sandbox = made.value;
const parts: PatchParts = { run: sandbox.run, random: systemRandom, scratch: join(home, 'copies') };
const outcomes: Outcome[] = [];
const skipped = new Map<string, number>();
let packages = 0;

/** One patch judged again and again. */
interface Repeat {
  readonly kind: Kind;
  readonly flaw: FlawClass;
  readonly verdicts: number;
  /** Verdicts together with their reasons. */
  readonly answers: number;
}
const repeats: Repeat[] = [];
const begun: Kind[] = [];

/** Of several patches the first counts that at least silences the reproducer. */
async function tell(kind: Outcome['kind'], { tree, baseline, fixed }: Pair, ...patches: string[]): Promise<string> {
  let start = performance.now();
  let judged = await verifyPatch(parts, baseline, patches[0] ?? '');
  for (const patch of patches.slice(1)) {
    if (judged.verdict !== 'does-not-fix') break;
    start = performance.now();
    judged = await verifyPatch(parts, baseline, patch);
  }
  const { verdict, reasons, checks } = judged;
  const seconds = (performance.now() - start) / 1_000;
  const still = kind.startsWith('upstream') ? (checks?.variants.stillFiring ?? []) : [];
  const isOpen = still.length > 0 && (await firesOnPublished(baseline, fixed, still));
  outcomes.push({ kind, verdict, seconds, beyond: checks?.variants.beyond.length ?? 0, isOpen });
  say(
    `  ${tree.name}, ${kind}: ${verdict} (${seconds.toFixed(1)} s) ${verdict === 'fixes' ? '' : reasons.join(' | ').slice(0, 600)}`,
  );
  return verdict;
}

/** Asks the published fixed version, with its own dependencies, whether those variants get through. */
async function firesOnPublished(baseline: Baseline, fixed: PackageSource, labels: readonly string[]): Promise<boolean> {
  const tree = await openTarget({ target: fixed.purl, scratch: join(home, 'targets'), registry });
  if (!tree.ok) return false;
  try {
    const known = baseline.variants.map(({ variant }) => variant);
    const evasions = baseline.plan ? evasionsOf(baseline.plan) : [];
    for (const { plan } of [...known, ...evasions].filter(({ label }) => labels.includes(label)).slice(0, 4)) {
      const text = renderReproducer(plan, { packageName: fixed.name });
      const reproducer = { file: reproducerFileName(plan), text };
      if ((await attack(parts.run, systemRandom, tree.value, reproducer)).verdict?.fired) return true;
    }
    return false;
  } finally {
    await tree.value.dispose();
  }
}

async function flawedOf({ tree, baseline, fix }: Pair, flaw: FlawClass): Promise<Flawed> {
  const root = join(tree.directory, tree.packagePath);
  const own = (baseline.first.verdict?.frames ?? []).filter((frame) => frame.startsWith(`${tree.name}/`));
  const places = own.slice(0, FRAMES).flatMap((frame) => {
    const [, file, line] = /^(.+):(\d+)$/.exec(frame.slice(tree.name.length + 1)) ?? [];
    return file === undefined ? [] : [{ file, line: Number(line) }];
  });
  const texts = new Map<string, string>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    if (entry.isFile() && /\.[cm]?js$/.test(path)) texts.set(path, await readFile(join(root, path), 'utf8'));
  }
  const loaded = new Set(baseline.first.coverage.loaded.map((path) => path.slice(tree.name.length + 1)));
  return { flaw, texts, places, payload: baseline.plan?.payload ?? '', loaded, fix };
}

async function examine(row: Row, index: number): Promise<void> {
  const pair = await openPair(
    { registry, sandbox, patching: parts, scratch: join(home, 'targets'), seed: SEED, kept: values.keep },
    row,
  );
  if (typeof pair === 'string') {
    skipped.set(pair, (skipped.get(pair) ?? 0) + 1);
    say(`${row.package}@${row.version} ${row.class}: ${pair}`);
    return;
  }
  packages += 1;
  const effective = pair.baseline.variants.filter(({ fires }) => fires).length;
  say(`${packages}. ${pair.tree.purl} ${row.class}: ${effective} variants fire`);
  const accepted = (await tell('upstream fix, smallest', pair, pair.fix)) === 'fixes';
  // The whole release says something only where the part of it that mends was refused.
  if (!accepted) await tell('upstream fix, whole', pair, pair.whole);
  if (!values['fixes-only']) {
    const bad = await attackBad(pair, row.class, index);
    // The kind that was repeated least so far, so that every kind has its turn.
    const timesBegun = ({ kind }: Made) => begun.filter((one) => one === kind).length;
    const [least] = bad.toSorted((left, right) => timesBegun(left) - timesBegun(right));
    const fix: Made = { kind: 'upstream fix, smallest', patch: pair.fix };
    for (const made of [fix, ...(least ? [least] : [])]) await repeat(pair, row.class, made);
  }
  await pair.dispose();
}

interface Made {
  readonly kind: Kind;
  readonly patch: string;
}

async function attackBad(pair: Pair, flaw: FlawClass, index: number): Promise<readonly Made[]> {
  const flawed = await flawedOf(pair, flaw);
  const random = createSeededRandom(SEED + index);
  const kinds = BAD_KINDS.map((kind) => ({ kind, at: random.next() })).sort((left, right) => left.at - right.at);
  const bad: Made[] = [];
  for (const { kind } of kinds) {
    const patches = bad.length < Number(values.bad) ? makeBadPatches(kind, flawed, random) : [];
    const [first] = patches;
    if (first === undefined) continue;
    bad.push({ kind, patch: first });
    await tell(kind, pair, ...patches);
  }
  return bad;
}

/** The same patch again and again: the verdict must be the same, and should be for the same reasons. */
async function repeat({ baseline }: Pair, flaw: FlawClass, { kind, patch }: Made): Promise<void> {
  if (begun.length >= Number(values.repeated)) return;
  begun.push(kind);
  const verdicts = new Set<string>();
  const answers = new Set<string>();
  for (let run = 0; run < Number(values.repeats); run += 1) {
    const { verdict, reasons } = await verifyPatch(parts, baseline, patch);
    verdicts.add(verdict);
    answers.add(`${verdict} ${reasons.join('|')}`);
  }
  repeats.push({ kind, flaw, verdicts: verdicts.size, answers: answers.size });
  if (answers.size > 1) say(`  ${kind}, not the same each time: ${[...answers].join('\n    ')}`);
}

function report(): string {
  const of = (kind: string) => outcomes.filter((outcome) => outcome.kind === kind);
  const bad = outcomes.filter(({ kind }) => (BAD_KINDS as readonly string[]).includes(kind));
  const refused = bad.filter(({ verdict }) => verdict !== 'fixes');
  const share = (part: number, all: number) => (all === 0 ? '–' : `${((100 * part) / all).toFixed(1)} %`);
  const line = (kind: string, rows: readonly Outcome[]) => {
    const count = (verdict: string) => rows.filter((row) => row.verdict === verdict).length;
    const verdicts = ['fixes', 'does-not-fix', 'symptom-only', 'breaks', 'does-not-apply', 'inconclusive'].map(count);
    return `| ${kind} | ${rows.length} | ${verdicts.join(' | ')} |`;
  };
  const small = of('upstream fix, smallest');
  const accepted = small.filter(({ verdict }) => verdict === 'fixes').length;
  const open = small.filter(({ verdict, isOpen }) => verdict !== 'fixes' && isOpen).length;
  const same = repeats.filter(({ verdicts }) => verdicts === 1).length;
  const alike = repeats.filter(({ answers }) => answers === 1).length;
  const kindsRepeated = new Set(repeats.map(({ kind }) => kind)).size;
  const classesRepeated = new Set(repeats.map(({ flaw }) => flaw)).size;
  const seconds = outcomes.map((outcome) => outcome.seconds).sort((left, right) => left - right);
  return [
    `# Patch check, ${new Date().toISOString().slice(0, 10)}`,
    '',
    `Node ${process.version}, ${cpus().length} cores, load ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' / ')}; sandbox profile ${sandbox.profile}; seed ${SEED}.`,
    `${packages} packages with a usable fixed version; own tests of the packages were not part of this run.`,
    'A pair is the last version on which a reproducer fires and the next, on which it is silent: what lies between is the release that mends.',
    ...(packages < Number(values.packages)
      ? [`Ended early: ${packages} of ${values.packages} packages were reached in the ${values.minutes} minutes given.`]
      : []),
    '',
    `- Bad patches refused: **${refused.length} of ${bad.length}** (${share(refused.length, bad.length)}; wanted 95 %)`,
    `- Upstream fixes accepted, smallest form: **${accepted} of ${small.length}** (${share(accepted, small.length)}); ${open} of those refused leave the published fixed version itself open, with its own dependencies, to a variant that got through the patch: shown there by running it`,
    `- True upstream fixes (without those ${open}) accepted: **${accepted} of ${small.length - open}** (${share(accepted, small.length - open)}; wanted 90 %)`,
    `- Accepted fixes that input of another type still gets around (told beside the verdict): ${small.filter(({ verdict, beyond }) => verdict === 'fixes' && beyond > 0).length}`,
    `- The same verdict ${values.repeats} times of ${values.repeats}: **${same} of ${repeats.length} patches** (${kindsRepeated} kinds, ${classesRepeated} classes of flaw; of each of the first packages the true fix and a bad one of the kind repeated least so far); for the same reasons to the letter: ${alike} of ${repeats.length}`,
    `- Seconds a check: median ${seconds[seconds.length >> 1]?.toFixed(1) ?? '–'}, longest ${seconds.at(-1)?.toFixed(1) ?? '–'}`,
    '',
    '| Patch | Tried | fixes | does-not-fix | symptom-only | breaks | does-not-apply | inconclusive |',
    '|---|---|---|---|---|---|---|---|',
    ...BAD_KINDS.map((kind) => line(kind, of(kind))),
    line('upstream fix, smallest', small),
    line('upstream fix, whole', of('upstream fix, whole')),
    '',
    'The whole release is tried only where its smallest part was refused.',
    '',
    'Pairs left out, with the reason:',
    '',
    ...[...skipped].sort().map(([why, count]) => `- ${count}: ${why}`),
    '',
  ].join('\n');
}

function keepReport(): void {
  if (isPartial) return;
  const directory = join(import.meta.dirname, 'reports');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${new Date().toISOString().slice(0, 10)}-patches.md`), report());
}

if (!existsSync(targets)) {
  say(`skipped: ${targets} is missing`);
} else {
  const rows = (JSON.parse(readFileSync(targets, 'utf8')) as (Row | Unfixed)[]).filter(
    (row) => row.fixedVersion !== null,
  );
  const random = createSeededRandom(SEED);
  const order = rows.map((row) => ({ row, at: random.next() })).sort((left, right) => left.at - right.at);
  const waiting = order.entries();
  const worker = async () => {
    for (const [index, { row }] of waiting) {
      if (only !== undefined && !only.includes(row.package)) continue;
      if (packages >= Number(values.packages) || Date.now() > until) return;
      await examine(row, index).catch((fault: Error) => {
        const why = 'the run failed';
        skipped.set(why, (skipped.get(why) ?? 0) + 1);
        say(`${row.package}: ${fault.stack}`);
      });
      keepReport();
    }
  };
  await Promise.all(Array.from({ length: Number(values['at-once']) }, worker));
  process.stdout.write(report());
}
await sandbox.close();
rmSync(home, { recursive: true, force: true });
// The analysis of expressions keeps a helper process; an answer it never gives would keep this one for ever.
setTimeout(() => process.exit(), 2_000).unref();
