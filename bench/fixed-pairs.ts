/**
 * Finds for a published flaw the release that mends it: the last version on which a reproducer fires and the next, on
 * which it is silent. For `bench/patches.ts`.
 *
 *   the version before the listed fix, else the listed flawed one ─▶ search ─▶ fires there, silent on the fix ─▶ bisect
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, prerelease } from 'semver';
import { scanTree } from '../src/finder/index.ts';
import type { FlawClass } from '../src/formats/flaw-class.ts';
import { systemRandom } from '../src/lib/id.ts';
import { attack } from '../src/patch/attack-service.ts';
import {
  type Baseline,
  measureBaseline,
  openUpstream,
  type PatchParts,
  upstreamPatch,
  verifyPatch,
  wholeUpstreamPatch,
} from '../src/patch/index.ts';
import { type ProbePlan, renderReproducer, reproducerFileName } from '../src/probe/index.ts';
import type { Sandbox } from '../src/sandbox/index.ts';
import { listVersions, openTarget, type PackageSource, type PackageTree, type Registry } from '../src/target/index.ts';

export interface Row {
  readonly package: string;
  readonly version: string;
  readonly class: FlawClass;
  readonly fixedVersion: string;
}

export interface Pair {
  readonly tree: PackageTree;
  readonly fixed: PackageSource;
  readonly baseline: Baseline;
  /** The smallest form of it that still mends the flaw, or the whole. */
  readonly fix: string;
  readonly whole: string;
  dispose(): Promise<void>;
}

export interface PairParts {
  readonly registry: Registry;
  readonly sandbox: Sandbox;
  readonly patching: PatchParts;
  readonly scratch: string;
  readonly seed: number;
  /** Where versions, plans and cut fixes are kept from one run to the next, outside of the project. */
  readonly kept?: string | undefined;
}

interface Kept {
  readonly last: string;
  readonly fixedVersion: string;
  readonly plan: ProbePlan;
  readonly fix?: string;
}

const CANDIDATES = 3;
const NOT_THERE = 'a version is not in the registry';
const NOT_FOUND = 'nothing found to reproduce';
const NOT_SILENT = 'the fixed version does not silence this reproducer';
const OTHER_DEPENDENCIES =
  'the fixed version asks for other dependencies, and does not run or does not mend with those of the flawed one';

/** Gives the reason where there is none. */
export async function openPair(parts: PairParts, row: Row): Promise<Pair | string> {
  const file = parts.kept && join(parts.kept, `${row.package}@${row.version}.json`.replaceAll('/', '%'));
  if (file && existsSync(file)) {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Kept | string;
    if (typeof kept === 'string') return kept;
    const pair = await makePair(parts, row.package, kept.plan, [kept.last, kept.fixedVersion], kept.fix);
    keep(file, pair);
    return pair;
  }
  const pair = await findPair(parts, row);
  if (file) keep(file, pair);
  return pair;
}

function keep(file: string, pair: Pair | string): void {
  const { tree, fixed, baseline, fix } = typeof pair === 'string' ? ({} as Partial<Pair>) : pair;
  const kept = { last: tree?.version, fixedVersion: fixed?.version, plan: baseline?.plan, fix };
  writeFileSync(file, JSON.stringify(typeof pair === 'string' ? pair : kept));
}

async function findPair(parts: PairParts, row: Row): Promise<Pair | string> {
  const listed = await listVersions(parts.registry, row.package);
  const versions = (listed.ok ? listed.value : [])
    .map(({ version }) => version)
    .filter((one) => prerelease(one) === null || one === row.version || one === row.fixedVersion);
  // Where the listed fix itself is gone, the next one that was published has it.
  const fixed = versions.find((version) => compare(version, row.fixedVersion) >= 0) ?? row.fixedVersion;
  const [from, to] = [versions.indexOf(row.version), versions.indexOf(fixed)];
  if (from < 0 || to <= from) return NOT_THERE;
  let why = NOT_FOUND;
  // What the listed fix mends is seen best just before it; what was mended earlier is not there any more.
  for (const at of new Set([to - 1, from])) {
    const pair = await openPairFrom(parts, row, versions.slice(at, to + 1));
    if (typeof pair !== 'string') return pair;
    if (why === NOT_FOUND) why = pair;
  }
  return why;
}

async function openPairFrom(parts: PairParts, row: Row, versions: readonly string[]): Promise<Pair | string> {
  const { sandbox, seed } = parts;
  const [base = '', listedFix = ''] = [versions[0], versions.at(-1)];
  const tree = await open(parts, row.package, base);
  if (!tree.ok) return NOT_THERE;
  const scan = await scanTree({ tree: tree.value, sandbox, seed, classes: [row.class] });
  await tree.value.dispose();
  let why = NOT_FOUND;
  for (const { plan } of scan.candidates.slice(0, CANDIDATES)) {
    if ((await outcomeOn(parts, row.package, base, plan)) !== 'fires') continue;
    why = NOT_SILENT;
    if ((await outcomeOn(parts, row.package, listedFix, plan)) !== 'silent') continue;
    const pair = await makePair(parts, row.package, plan, await narrow(parts, row.package, versions, plan));
    if (typeof pair !== 'string') return pair;
    why = pair;
  }
  return why;
}

/** Two neighbours; versions that cannot be compared are left out. */
async function narrow(
  parts: PairParts,
  name: string,
  versions: readonly string[],
  plan: ProbePlan,
): Promise<readonly string[]> {
  let range = versions;
  while (range.length > 2) {
    const at = range.length >> 1;
    const outcome = await outcomeOn(parts, name, range[at] ?? '', plan);
    if (outcome === 'fires') range = range.slice(at);
    else if (outcome === 'silent') range = range.slice(0, at + 1);
    else range = range.toSpliced(at, 1);
  }
  return range;
}

async function outcomeOn(parts: PairParts, name: string, version: string, plan: ProbePlan) {
  const tree = await open(parts, name, version);
  if (!tree.ok) return undefined;
  const { verdict } = await attack(parts.sandbox.run, systemRandom, tree.value, written(plan, name));
  await tree.value.dispose();
  return verdict?.fired ? 'fires' : verdict?.reached ? 'silent' : undefined;
}

async function makePair(
  parts: PairParts,
  name: string,
  plan: ProbePlan,
  [last = '', fixedVersion = '']: readonly string[],
  knownFix?: string,
): Promise<Pair | string> {
  const { patching, registry, scratch } = parts;
  const tree = await open(parts, name, last);
  if (!tree.ok) return NOT_THERE;
  const upstream = await openUpstream({ registry, scratch }, tree.value, fixedVersion);
  if (!upstream.ok) return NOT_THERE;
  const { fixed } = upstream.value;
  const baseline = await measureBaseline(patching, tree.value, written(plan, name));
  const whole = await wholeUpstreamPatch(tree.value, fixed);
  if (!whole.ok) return whole.refusal;
  const dispose = async () => {
    await tree.value.dispose();
    await upstream.value.dispose();
  };
  const pair = { tree: tree.value, fixed, baseline, whole: whole.value, dispose };
  if (knownFix !== undefined) return { ...pair, fix: knownFix };
  const smallest = await upstreamPatch(patching, baseline, upstream.value);
  if (smallest.ok) return { ...pair, fix: smallest.value };
  // Usable is a pair whose fix silences this reproducer; whether the check accepts it is the measurement.
  const report = await verifyPatch(patching, baseline, whole.value);
  if (report.checks?.after === 'silent') return { ...pair, fix: whole.value };
  const [old, now] = [join(tree.value.directory, tree.value.packagePath), fixed.directory].map(dependenciesOf);
  await dispose();
  return old === now ? NOT_SILENT : OTHER_DEPENDENCIES;
}

const open = ({ registry, scratch }: PairParts, name: string, version: string) =>
  openTarget({ target: `pkg:npm/${name}@${version}`, scratch, registry });

const written = (plan: ProbePlan, packageName: string) => ({
  file: reproducerFileName(plan),
  text: renderReproducer(plan, { packageName }),
});

function dependenciesOf(directory: string): string {
  return JSON.stringify(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).dependencies ?? {});
}
