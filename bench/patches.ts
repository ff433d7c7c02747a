/**
 * Does the patch check refuse what only seems to be a fix, and accept what is one? Bad patches are made from real
 * flawed versions, true ones from the upstream's fixed versions. Prints progress to standard error and writes a dated
 * report of counts.
 *
 *   node bench/patches.ts [--packages 20] [--minutes 60] [--at-once 1] [--bad 8] [--only name,name] [--fixes-only]
 *                         [--repeated 24] [--repeats 20]   so many patches, judged so often; [--repeats-only]
 *                         [--keep DIRECTORY]   pairs found by an earlier run are taken from there
 *                         [--progress FILE]    a run that was ended goes on with what it had come to
 *
 * All targets with a listed fixed version are gone through in an order drawn from the seed, and every one that has a
 * usable pair counts: nothing is chosen by how it ends.
 *
 * With `--only` or `--fixes-only` nothing is written: they are for looking into something, and half a report would
 * stand in the place of a whole one.
 */

import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FlawClass } from '../src/formats/flaw-class.ts';
import { systemRandom } from '../src/lib/id.ts';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { attack } from '../src/patch/attack-service.ts';
import { type Baseline, type PatchParts, verifyPatch } from '../src/patch/index.ts';
import { evasionsOf } from '../src/patch/variants.ts';
import { renderReproducer, reproducerFileName } from '../src/probe/index.ts';
import { createRegistry, openTarget, type PackageSource } from '../src/target/index.ts';
import { BAD_KINDS, type Flawed, makeBadPatches } from './bad-patches.ts';
import { openPair, type Pair, type Row } from './fixed-pairs.ts';
import {
  type Entry,
  type Kind,
  type Made,
  type Outcome,
  patchesToRepeat,
  type Repeat,
  renderPatchReport,
} from './patch-report.ts';
import { openSandbox } from './report/open-sandbox.ts';

type Unfixed = Omit<Row, 'fixedVersion'> & { readonly fixedVersion: null };

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
    progress: { type: 'string' },
    'fixes-only': { type: 'boolean', default: false },
    'repeats-only': { type: 'boolean', default: false },
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
const sandbox = await openSandbox(join(home, 'state'));
const parts: PatchParts = { run: sandbox.run, random: systemRandom, scratch: join(home, 'copies') };
const entries: Entry[] = [];
const repeated: Repeat[] = [];

/** Of several patches the first counts that at least silences the reproducer. */
async function tell(kind: Kind, { tree, baseline, fixed }: Pair, ...patches: string[]): Promise<Outcome> {
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
  say(
    `  ${tree.name}, ${kind}: ${verdict} (${seconds.toFixed(1)} s) ${verdict === 'fixes' ? '' : reasons.join(' | ').slice(0, 600)}`,
  );
  return { kind, verdict, seconds, beyond: checks?.variants.beyond.length ?? 0, isOpen };
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

const pairParts = {
  registry,
  sandbox,
  patching: parts,
  scratch: join(home, 'targets'),
  seed: SEED,
  kept: values.keep,
};

async function examine(row: Row, index: number): Promise<Entry> {
  const pair = await openPair(pairParts, row);
  if (typeof pair === 'string') {
    say(`${row.package}@${row.version} ${row.class}: ${pair}`);
    return { index, flaw: row.class, why: pair, outcomes: [], patches: [] };
  }
  const effective = pair.baseline.variants.filter(({ fires }) => fires).length;
  say(`${pair.tree.purl} ${row.class}: ${effective} variants fire`);
  const fix = await tell('upstream fix, smallest', pair, pair.fix);
  // The whole release says something only where the part of it that mends was refused.
  const whole = fix.verdict === 'fixes' ? [] : [await tell('upstream fix, whole', pair, pair.whole)];
  const { outcomes, patches } = values['fixes-only'] ? NONE : await attackBad(pair, row.class, index);
  await pair.dispose();
  return {
    index,
    flaw: row.class,
    outcomes: [fix, ...whole, ...outcomes],
    patches: [{ kind: fix.kind, patch: pair.fix }, ...patches],
  };
}

const NONE = { outcomes: [], patches: [] };

async function attackBad(pair: Pair, flaw: FlawClass, index: number): Promise<Pick<Entry, 'outcomes' | 'patches'>> {
  const flawed = await flawedOf(pair, flaw);
  const random = createSeededRandom(SEED + index);
  const kinds = BAD_KINDS.map((kind) => ({ kind, at: random.next() })).sort((left, right) => left.at - right.at);
  const patches: Made[] = [];
  const outcomes: Outcome[] = [];
  for (const { kind } of kinds) {
    const made = patches.length < Number(values.bad) ? makeBadPatches(kind, flawed, random) : [];
    const [first] = made;
    if (first === undefined) continue;
    patches.push({ kind, patch: first });
    outcomes.push(await tell(kind, pair, ...made));
  }
  return { outcomes, patches };
}

/** The same patch again and again: the verdict must be the same, and should be for the same reasons. */
async function repeat({ baseline }: Pair, { index, flaw }: Entry, { kind, patch }: Made): Promise<Repeat> {
  const verdicts = new Set<string>();
  const answers = new Set<string>();
  const times = Number(values.repeats);
  for (let run = 0; run < times; run += 1) {
    const { verdict, reasons } = await verifyPatch(parts, baseline, patch);
    verdicts.add(verdict);
    answers.add(`${verdict} ${reasons.join('|')}`);
  }
  say(`  ${kind}: ${times} times ${[...(answers.size > 1 ? answers : verdicts)].join('\n    ')}`);
  return { index, kind, flaw, times, verdicts: verdicts.size, answers: answers.size };
}

/** What an earlier run came to, and what this one adds to it. */
function readProgress(): void {
  if (values.progress === undefined || !existsSync(values.progress)) return;
  for (const line of readFileSync(values.progress, 'utf8').split('\n').filter(Boolean)) {
    const { entry, again } = JSON.parse(line) as { entry?: Entry; again?: Repeat };
    if (entry) entries.push(entry);
    if (again) repeated.push(again);
  }
}

function note(line: { readonly entry: Entry } | { readonly again: Repeat }): void {
  if ('entry' in line) entries.push(line.entry);
  else repeated.push(line.again);
  if (values.progress) appendFileSync(values.progress, `${JSON.stringify(line)}\n`);
  keepReport();
}

function report(): string {
  const load = loadavg().map((one) => one.toFixed(1));
  return [
    `# Patch check, ${new Date().toISOString().slice(0, 10)}`,
    '',
    renderPatchReport(entries, repeated, {
      conditions: `Node ${process.version}, ${cpus().length} cores, load ${load.join(' / ')}; sandbox profile ${sandbox.profile}; seed ${SEED}.`,
      targets: order.length,
      repeats: Number(values.repeats),
    }),
  ].join('\n');
}

function keepReport(): void {
  if (isPartial) return;
  const directory = join(import.meta.dirname, 'reports');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${new Date().toISOString().slice(0, 10)}-patches.md`), report());
}

const order = existsSync(targets) ? inOrder() : [];

function inOrder(): Row[] {
  const rows = (JSON.parse(readFileSync(targets, 'utf8')) as (Row | Unfixed)[]).filter(
    (row) => row.fixedVersion !== null,
  );
  const random = createSeededRandom(SEED);
  const drawn = rows.map((row) => ({ row, at: random.next() })).sort((left, right) => left.at - right.at);
  return drawn.map(({ row }) => row);
}

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) if (Date.now() < until) await work(item).catch((fault: Error) => say(`${fault.stack}`));
  };
  await Promise.all(Array.from({ length: Number(values['at-once']) }, worker));
}

if (order.length === 0) {
  say(`skipped: ${targets} is missing`);
} else {
  readProgress();
  const left = [...order.entries()].filter(
    ([index, row]) => (only?.includes(row.package) ?? true) && !entries.some((entry) => entry.index === index),
  );
  await sideBySide(values['repeats-only'] ? [] : left, async ([index, row]) => {
    if (entries.filter(({ why }) => why === undefined).length >= Number(values.packages)) return;
    note({ entry: await examine(row, index) });
  });
  const isDone = (entry: Entry, { kind }: Made) =>
    repeated.some((one) => one.index === entry.index && one.kind === kind);
  const again = patchesToRepeat(entries, isPartial ? 0 : Number(values.repeated));
  const wanting = again.filter(({ entry, made }) => !isDone(entry, made));
  await sideBySide(wanting, async ({ entry, made }) => {
    const row = order[entry.index];
    const pair = row && (await openPair(pairParts, row));
    if (!pair || typeof pair === 'string') return;
    note({ again: await repeat(pair, entry, made) });
    await pair.dispose();
  });
  process.stdout.write(report());
}
await sandbox.close();
rmSync(home, { recursive: true, force: true });
// The analysis of expressions keeps a helper process; an answer it never gives would keep this one for ever.
setTimeout(() => process.exit(), 2_000).unref();
