/**
 * Does the patch mend the flaw and break nothing? A patch is attacked, not believed:
 *
 *   applies ─▶ reproducer silent, same call reached ─▶ variants silent ─▶ ordinary calls as before ─▶ own tests ─▶ revert fires
 *
 * Everything runs in fresh sandboxes. What is known of the unpatched version is measured once (`measureBaseline`) and
 * serves any number of patches.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPackageHints } from '../finder/index.ts';
import type { RandomBytes } from '../lib/id.ts';
import { type ProbePlan, readPlan, variantsOf as respell, samplesOf } from '../probe/index.ts';
import type { PackageTree } from '../target/index.ts';
import {
  type Attack,
  type AttackEnd,
  attack,
  attackTogether,
  type Pace,
  type Reproducer,
  type RunInSandbox,
  type Version,
} from './attack-service.ts';
import { observeBehaviour } from './behaviour-service.ts';
import {
  type Behaviour,
  type BenignCall,
  benignCalls,
  type Comparison,
  compareBehaviour,
  functionsOf,
} from './benign.ts';
import { copyWith, readPatched } from './copy-service.ts';
import { isEnteredAgain, waysAt } from './coverage.ts';
import {
  breakingDifferences,
  judge,
  type PatchFacts,
  type PatchVerdict,
  type Silence,
  type TestComparison,
} from './judge.ts';
import { render } from './reproducer-service.ts';
import { brokenBy, type ChangedFile, newDependenciesOf, symptomsOf } from './symptoms.ts';
import { applyToFiles, type FileTexts, readPatch, reverse } from './unified-diff.ts';
import { crossingsOf, evasionsOf, type Variant, variantsOf } from './variants.ts';

export interface PatchParts {
  readonly run: RunInSandbox;
  readonly random: RandomBytes;
  /** For patched copies, a tmpfs where possible. */
  readonly scratch: string;
  /** Runs the package's own tests on both versions; left out, they count as not run. */
  readonly compareTests?: (before: Version, after: Version) => Promise<TestComparison>;
}

export interface Baseline {
  readonly tree: PackageTree;
  readonly reproducer: Reproducer;
  /** Null where the reproducer was written by hand: then no variants can be made of it. */
  readonly plan: ProbePlan | null;
  readonly first: Attack;
  readonly variants: readonly TriedVariant[];
  readonly calls: readonly BenignCall[];
  readonly behaviour: readonly [Behaviour, Behaviour];
}

interface TriedVariant {
  readonly variant: Variant;
  /** On the unpatched version. */
  readonly fires: boolean;
}

export interface PatchReport {
  readonly verdict: PatchVerdict;
  readonly reasons: readonly string[];
  /** Absent where the patch did not apply. */
  readonly checks: PatchFacts | null;
}

/** So many that fire before a patch are looked for; all that are found are run against it, and some others. */
const EFFECTIVE_SOUGHT = 22;
const OTHERS_RUN = 2;
const BEYOND_RUN = 4;
const REVERT_TRIES = 3;
/** Plain variants tried before what fired is crossed. */
const PLAIN_FIRST = 40;
const RESPELLED = 48;
const RESPELLING_SEED = 1;
const QUICK_VARIANTS = 6;
/** Of these, what is tried alone where each costs much time of the processor. */
const BUSY_FIRST = 2;
/** Variants tried in one go, however few are still needed. */
const TRIED_AT_LEAST = 8;
const NOTHING: Behaviour = { exports: null, outcomes: new Map() };
const NO_VARIANTS: PatchFacts['variants'] = { tried: 0, effective: 0, stillFiring: [], beyond: [], lost: [] };
const NOT_RUN: TestComparison = { outcome: 'not-run', reason: 'the patch was refused before' };
const NO_COMPARISON: Comparison = {
  compared: 0,
  comparedAtEntry: 0,
  keptAtEntry: 0,
  differences: [],
  unlike: [],
  missingExports: [],
};

export async function measureBaseline(parts: PatchParts, tree: PackageTree, given: Reproducer): Promise<Baseline> {
  const { run, random } = parts;
  const plan = readPlan(given.text) ?? null;
  // Of a file with a plan nothing but the plan counts: its script could say what it likes.
  const reproducer = (plan && render(plan, tree.name)) ?? given;
  const first = await attack(run, random, tree, reproducer, true);
  if (plan === null || !first.verdict?.fired) {
    return { tree, reproducer, plan, first, variants: [], calls: [], behaviour: [NOTHING, NOTHING] };
  }
  const listed = await observe(parts, tree, tree.name, plan, []);
  const functions = functionsOf(listed.exports);
  const { examples } = await readPackageHints(tree.directory, tree.packagePath);
  const matching = plan.expression ? samplesOf(plan.expression.source, plan.expression.flags) : [];
  const calls = benignCalls(plan, { exports: listed.exports, examples, matching });
  const look = () => observe(parts, tree, tree.name, plan, calls);
  const [once, again, variants] = await Promise.all([look(), look(), findVariants(parts, tree, plan, functions)]);
  const behaviour = [once, again] as const;
  return { tree, reproducer, plan, first, variants, calls, behaviour };
}

/** Tries variants until enough of them fire; where too few do, what fired is crossed with other arguments. */
async function findVariants(
  parts: PatchParts,
  tree: PackageTree,
  plan: ProbePlan,
  functions: readonly (readonly string[])[],
): Promise<Baseline['variants']> {
  const tried: TriedVariant[] = [];
  const within = () => tried.filter(({ variant, fires }) => fires && !variant.isBeyond);
  const tryAll = async (variants: readonly Variant[]): Promise<void> => {
    for (let at = 0; at < variants.length && within().length < EFFECTIVE_SOUGHT; ) {
      // Nearly enough fire already: no more are started than may still be needed.
      const count = Math.max(TRIED_AT_LEAST, EFFECTIVE_SOUGHT - within().length);
      tried.push(...(await tryVariants(parts, tree, plan, variants.slice(at, at + count))));
      at += count;
    }
  };
  const plain = variantsOf(plan, functions, respell(plan, RESPELLED, RESPELLING_SEED));
  await tryAll(plain.slice(0, PLAIN_FIRST));
  const fired = within().map(({ variant }) => variant);
  await tryAll(crossingsOf(plan, fired));
  await tryAll(plain.slice(PLAIN_FIRST));
  return tried;
}

async function tryVariants(
  { run, random }: PatchParts,
  tree: PackageTree,
  plan: ProbePlan,
  variants: readonly Variant[],
): Promise<TriedVariant[]> {
  const written = variants.flatMap((variant) => {
    const reproducer = render(variant.plan, tree.name);
    return reproducer === undefined ? [] : [{ variant, reproducer }];
  });
  const reproducers = written.map(({ reproducer }) => reproducer);
  // That this version takes texts of full length, the reproducer has shown.
  const ends = await attackTogether(run, random, tree, reproducers, paceOf(plan, 'brief'));
  return written.map(({ variant }, at) => ({ variant, fires: ends[at]?.verdict?.fired === true }));
}

export async function verifyPatch(parts: PatchParts, baseline: Baseline, patchText: string): Promise<PatchReport> {
  const { tree } = baseline;
  const none = (reason: string): PatchReport => ({ verdict: 'does-not-apply', reasons: [reason], checks: null });
  const patches = readPatch(patchText);
  if (!patches.ok) return none(patches.refusal);
  const before = await readPatched(tree, patches.value);
  const after = applyToFiles(before, patches.value);
  if (!after.ok) return none(after.refusal);
  const files = patches.value.map(({ path }) => ({ path, before: before.get(path), after: after.value.get(path) }));
  const reverted = applyToFiles(after.value, reverse(patches.value));
  const revertedTexts = reverted.ok && sameTexts(reverted.value, before) ? reverted.value : undefined;
  const copy = await copyWith(tree, parts.scratch, before, after.value);
  try {
    const checks = await gather(parts, baseline, copy, files, before, revertedTexts);
    return { ...judge(checks), checks };
  } finally {
    await copy.dispose();
  }
}

async function gather(
  parts: PatchParts,
  baseline: Baseline,
  copy: Version,
  files: readonly ChangedFile[],
  before: FileTexts,
  reverted: FileTexts | undefined,
): Promise<PatchFacts> {
  const { tree, plan, first, calls, behaviour } = baseline;
  const patched = await attackSurely(parts, baseline, copy);
  const silence = silenceOf(patched);
  const loaded = new Set(first.coverage.loaded);
  const facts = {
    firesBefore: first.verdict?.fired === true,
    after: silence,
    wayEntered: wayEntered(baseline, patched),
    symptoms: symptomsOf(files, plan?.payload ?? ''),
    brokenFiles: brokenBy(files),
    newDependencies: newDependenciesOf(files),
    touchesLoadedFile: files.some(({ path }) => path === 'package.json' || loaded.has(`${tree.name}/${path}`)),
  };
  const isDecided = !facts.firesBefore || silence === 'fired' || facts.brokenFiles.length > 0;
  if (isDecided || plan === null) {
    return { ...facts, variants: NO_VARIANTS, benign: NO_COMPARISON, tests: NOT_RUN, firesAfterRevert: false };
  }
  const observed = await observe(parts, copy, tree.name, plan, calls);
  const benign = compareBehaviour(calls, behaviour, observed);
  // What breaks the package is refused for that; the rest of the attack would only take time.
  if (silence === 'not-reached' || breakingDifferences(benign).length > 0 || benign.missingExports.length > 0) {
    return { ...facts, variants: NO_VARIANTS, benign, tests: NOT_RUN, firesAfterRevert: false };
  }
  const variants = await attackVariants(parts, baseline, copy);
  if (variants.stillFiring.length > 0) return { ...facts, variants, benign, tests: NOT_RUN, firesAfterRevert: false };
  const [tests, firesAfterRevert] = await Promise.all([
    parts.compareTests?.(tree, copy) ?? { outcome: 'not-run' as const, reason: 'no test run was asked for' },
    firesReverted(parts, baseline, before, reverted),
  ]);
  return { ...facts, variants, benign, tests, firesAfterRevert };
}

/** What is measured by time may once seem silent on a busy machine, and seldom twice. */
async function attackSurely(
  { run, random }: PatchParts,
  { reproducer, plan }: Baseline,
  copy: Version,
): Promise<Attack> {
  const seen = await attack(run, random, copy, reproducer, true);
  if (plan?.flaw !== 'redos' || silenceOf(seen) !== 'silent') return seen;
  const again = await attack(run, random, copy, reproducer, true);
  return silenceOf(again) === 'silent' ? seen : again;
}

async function attackVariants(
  { run, random }: PatchParts,
  { variants, tree, plan }: Baseline,
  copy: Version,
): Promise<PatchFacts['variants']> {
  const effective = variants.filter(({ variant, fires }) => fires && !variant.isBeyond);
  const beyond = evenly(
    variants.filter(({ variant, fires }) => fires && variant.isBeyond),
    BEYOND_RUN,
  );
  const others = evenly(
    variants.filter(({ fires }) => !fires),
    OTHERS_RUN,
  );
  const evasions = (plan ? evasionsOf(plan) : []).map((variant) => ({ variant, fires: false }));
  const chosen = [...effective, ...beyond, ...others, ...evasions].flatMap(({ variant, fires }) => {
    const reproducer = render(variant.plan, tree.name);
    return reproducer === undefined ? [] : [{ variant, fires, reproducer }];
  });
  const reproducers = chosen.map(({ reproducer }) => reproducer);
  const silences = (await attackTogether(run, random, copy, reproducers, paceOf(plan))).map(silenceOf);
  const ends = chosen.map(({ variant, fires }, at) => ({
    label: variant.label,
    isBeyond: variant.isBeyond === true,
    fires,
    silence: silences[at] ?? 'no-verdict',
  }));
  const within = ends.filter(({ isBeyond }) => !isBeyond);
  const labelled = (some: typeof ends) => some.map(({ label }) => label);
  return {
    tried: within.length,
    effective: within.filter(({ fires }) => fires).length,
    stillFiring: labelled(within.filter(({ silence }) => silence === 'fired')),
    beyond: labelled(ends.filter(({ isBeyond, silence }) => isBeyond && silence === 'fired')),
    lost: labelled(within.filter(({ fires, silence }) => fires && silence !== 'fired' && silence !== 'silent')),
  };
}

/** What the quick look at a copy says, while a patch is made: `mended` has nothing in `changed`. */
export interface QuickLook {
  readonly isSilent: boolean;
  /** Ordinary calls that differ and exports that are gone. */
  readonly changed: ReadonlySet<string>;
  /** The same and every other call that does not do exactly what it did. */
  readonly unlike: ReadonlySet<string>;
}

export const LOUD: QuickLook = { isSilent: false, changed: new Set(), unlike: new Set() };

/** Reproducer silent but reached, and which ordinary calls differ? */
export async function glanceAt(parts: PatchParts, baseline: Baseline, copy: Version): Promise<QuickLook> {
  const { tree, reproducer, plan, calls, behaviour } = baseline;
  if (plan === null || silenceOf(await attack(parts.run, parts.random, copy, reproducer)) !== 'silent') return LOUD;
  const comparison = compareBehaviour(calls, behaviour, await observe(parts, copy, tree.name, plan, calls));
  const breaking = breakingDifferences(comparison).map(({ id }) => id);
  const { missingExports, unlike } = comparison;
  return {
    isSilent: true,
    changed: new Set([...breaking, ...missingExports]),
    unlike: new Set([...unlike, ...missingExports]),
  };
}

/** Whether some of the variants that fire before the patch stay silent after it. */
export async function resistsVariants(
  { run, random }: PatchParts,
  { variants, tree, plan }: Baseline,
  copy: Version,
): Promise<boolean> {
  const within = variants.filter(({ variant, fires }) => fires && !variant.isBeyond);
  const chosen = evenly(within, QUICK_VARIANTS);
  const reproducers = chosen.flatMap(({ variant }) => render(variant.plan, tree.name) ?? []);
  const pace = paceOf(plan);
  // One that fires is enough to know, and where it computes for a second the others need not.
  const first = pace === 'busy' ? BUSY_FIRST : reproducers.length;
  for (const some of [reproducers.slice(0, first), reproducers.slice(first)]) {
    const ends = await attackTogether(run, random, copy, some, pace);
    if (ends.some((end) => silenceOf(end) === 'fired')) return false;
  }
  return true;
}

export async function isMended(parts: PatchParts, baseline: Baseline, copy: Version): Promise<boolean> {
  const { isSilent, changed } = await glanceAt(parts, baseline, copy);
  return isSilent && changed.size === 0 && (await resistsVariants(parts, baseline, copy));
}

/** The patch is taken back on a fresh copy: the very text of before, and the flaw with it. */
async function firesReverted(
  { run, random, scratch }: PatchParts,
  { tree, reproducer }: Baseline,
  before: FileTexts,
  reverted: FileTexts | undefined,
): Promise<boolean> {
  if (reverted === undefined) return false;
  const copy = await copyWith(tree, scratch, before, reverted);
  try {
    // On a busy machine an effect may come too late to be seen; that it comes at all is what is asked.
    for (let tried = 0; tried < REVERT_TRIES; tried += 1) {
      if ((await attack(run, random, copy, reproducer)).verdict?.fired) return true;
    }
    return false;
  } finally {
    await copy.dispose();
  }
}

function silenceOf({ verdict, end }: AttackEnd): Silence {
  if (verdict === undefined || end !== 'exited') return 'no-verdict';
  if (verdict.fired) return 'fired';
  return verdict.reached ? 'silent' : 'not-reached';
}

function wayEntered({ tree, first }: Baseline, patched: Attack): boolean | null {
  const textOf = (file: string) => {
    try {
      return readFileSync(join(tree.directory, 'node_modules', file), 'utf8');
    } catch {
      return undefined;
    }
  };
  const way = waysAt(first.verdict?.frames ?? [], first.coverage.entered, textOf);
  return way.length === 0 ? null : isEnteredAgain(way, patched.coverage);
}

function observe(
  { run, random }: PatchParts,
  version: Version,
  name: string,
  { file, format, reach }: ProbePlan,
  calls: readonly BenignCall[],
): Promise<Behaviour> {
  const token = `t${Buffer.from(random(12)).toString('hex')}`;
  return observeBehaviour(run, version, { name, file, format, reach, calls, token });
}

const paceOf = (plan: ProbePlan | null, busy: Pace = 'busy'): Pace => (plan?.flaw === 'redos' ? busy : 'waiting');

const sameTexts = (left: FileTexts, right: FileTexts) =>
  left.size === right.size && [...left].every(([path, text]) => right.get(path) === text);

function evenly<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return items.filter(
    (_, index) => Math.floor((index * most) / items.length) !== Math.floor(((index - 1) * most) / items.length),
  );
}
