/**
 * Is it real? Turns a candidate into a finding, or says why not; runs a reproducer again; measures which versions are
 * affected. Trusts neither the engine that made the candidate nor the script that shows it.
 */
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { prerelease } from 'semver';
import type { Candidate } from '../finder/index.ts';
import type { FlawClass } from '../formats/flaw-class.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result } from '../lib/result.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import { entryText, type ProbePlan, readPlan, variantsOf } from '../probe/index.ts';
import type { PackageTree, PublishedVersion, TargetRefusal } from '../target/index.ts';
import { type AffectedVersions, type MeasuredVersion, nextVersion, summarise } from './affected.ts';
import { judgeRun, outcomeOf, type RunOutcome } from './confirm.ts';
import {
  type Claim,
  type Confirmed,
  claimOf,
  confirmWith,
  judgeOptionsOf,
  reproductionOf,
  screenClaim,
} from './confirm-service.ts';
import type { ConfirmedFinding, Rejection, Reproduction } from './finding.ts';
import { type RootCause, rootCauseOf } from './fingerprint.ts';
import { minimise } from './minimise.ts';
import { type ReleaseTrial, tryRelease } from './release-trial-service.ts';
import {
  createReproductionService,
  type ReproductionParts,
  type ReproductionService,
  stageOf,
} from './reproduce-service.ts';
import { evidenceOf, proposeSeverity } from './severity.ts';
import type { Position } from './witness.ts';

export interface VerificationParts extends ReproductionParts {
  /** Simpler plans to try, simplest first. */
  readonly simplifications: (plan: ProbePlan) => readonly ProbePlan[];
  readonly openTarget: (purl: string) => Promise<Result<PackageTree, TargetRefusal>>;
  readonly listVersions: (name: string) => Promise<Result<readonly PublishedVersion[], TargetRefusal>>;
}

const MAX_MINIMISING_RUNS = 12;
const MINIMISING_AT_ONCE = 2;
/** Variants that must stay silent, too, before a version is called so. */
const VARIANTS_OF_SILENCE = 4;
const VARIANT_SEED = 1;

export type Verification = ReturnType<typeof createVerification>;

export function createVerification(parts: VerificationParts) {
  const runs = createReproductionService(parts);
  const confirmClaim = (claim: Claim, tree: PackageTree) => confirmWith(runs, claim, tree);

  async function firesOnce(plan: ProbePlan, tree: PackageTree): Promise<boolean> {
    const claim = claimOf(plan, tree.name);
    const run = await runs.runOnce({ ...claim, stage: stageOf(tree) });
    return judgeRun(run, judgeOptionsOf(claim, tree.name)).fired;
  }

  return {
    /** Confirms, shrinks, confirms the smaller one. A sandbox that cannot start is thrown, not a rejection. */
    async verifyCandidate(candidate: Candidate, tree: PackageTree): Promise<Result<ConfirmedFinding, Rejection>> {
      const claim = claimOf(candidate.plan, tree.name);
      const first = await confirmClaim(claim, tree);
      if (!first.ok) return first;
      const smaller = await minimise(candidate.plan, {
        simplifications: parts.simplifications,
        fires: (plan) => firesOnce(plan, tree),
        atOnce: candidate.flaw === 'redos' ? 1 : MINIMISING_AT_ONCE,
        maxRuns: MAX_MINIMISING_RUNS,
      });
      const smallerClaim = claimOf(smaller, tree.name);
      const second = smaller === candidate.plan ? first : await confirmClaim(smallerClaim, tree);
      return second.ok
        ? ok(await toFinding(tree, smaller, smallerClaim, second.value))
        : ok(await toFinding(tree, candidate.plan, claim, first.value));
    },

    /** A script from anyone: confirmed by the same rules, and screened where it is not of our own making. */
    confirmClaim,

    /** Runs it again. Counts only runs in which the target was seen to cause the effect. */
    async reproduce(claim: Claim, tree: PackageTree, times: number): Promise<Reproduction> {
      const screened = screenClaim(claim, tree.name);
      if (!screened.ok)
        return { reproduced: 0, of: times, oracle: screened.refusal.detail, recordSha256: sha256Hex('') };
      const options = judgeOptionsOf(claim, tree.name);
      return reproductionOf(await runs.runTimes({ ...claim, stage: stageOf(tree) }, times), options);
    },

    /** One run against whatever lies at `node_modules` (a patched copy, another version). */
    async runAgainst(claim: Claim, packageName: string, nodeModules: string): Promise<RunOutcome> {
      const screened = screenClaim(claim, packageName);
      if (!screened.ok) return { outcome: 'not-comparable', reason: screened.refusal.detail };
      const run = await runs.runOnce({ ...claim, stage: { nodeModules } });
      return outcomeOf(run, judgeOptionsOf(claim, packageName));
    },

    /** Whether the flaw is still in another release, by the rule of three: see `release-trial-service.ts`. */
    async tryRelease(claim: Claim, tree: PackageTree): Promise<ReleaseTrial> {
      const screened = screenClaim(claim, tree.name);
      if (!screened.ok) return { outcome: 'unclear', reason: screened.refusal.detail, fired: 0, of: 0 };
      return await tryRelease(runs, claim, variantsOfClaim(claim, tree.name), tree);
    },

    /** Runs the reproducer over published versions. `seed` chooses the random points. */
    async measureAffected(
      finding: Pick<ConfirmedFinding, 'target' | 'flaw' | 'reproducer'>,
      name: string,
      found: string,
      seed: number,
    ): Promise<Result<AffectedVersions, TargetRefusal>> {
      const published = await parts.listVersions(name);
      if (!published.ok) return published;
      const versions = published.value
        .map(({ version }) => version)
        .filter((version) => version === found || prerelease(version, { loose: true }) === null);
      const measured = new Map<string, MeasuredVersion>([[found, { version: found, outcome: 'fires' }]]);
      const random = createSeededRandom(seed);
      for (let next = nextVersion(versions, measured, random); next; next = nextVersion(versions, measured, random)) {
        measured.set(next, await measure(parts, runs, finding, name, next));
      }
      return ok(summarise(versions, measured, found));
    },
  };
}

async function measure(
  { openTarget }: VerificationParts,
  runs: ReproductionService,
  claim: Claim,
  name: string,
  version: string,
): Promise<MeasuredVersion> {
  const opened = await openTarget(`pkg:npm/${name}@${version}`);
  if (!opened.ok) return { version, outcome: 'not-comparable', reason: opened.refusal.kind };
  try {
    const options = judgeOptionsOf(claim, name);
    const attempt = { ...claim, stage: stageOf(opened.value) };
    const outcome = outcomeOf(await runs.runOnce(attempt), options);
    if (outcome.outcome !== 'silent') return { version, ...outcome };
    // One spelling of the payload may be refused by a version that another still gets through: a version is called
    // silent only if the reproducer stays so a second time, and its variants too.
    const repeats = [claim, ...variantsOfClaim(claim, name)].map((again) =>
      runs.runOnce({ ...again, stage: stageOf(opened.value) }),
    );
    const repeated = (await Promise.all(repeats)).map((run) => outcomeOf(run, options));
    return { version, ...(repeated.find((one) => one.outcome === 'fires') ?? outcome) };
  } finally {
    await opened.value.dispose();
  }
}

/** None for a script without a plan. */
function variantsOfClaim({ reproducer }: Claim, name: string): readonly Claim[] {
  const plan = readPlan(reproducer.text);
  return plan ? variantsOf(plan, VARIANTS_OF_SILENCE, VARIANT_SEED).map((variant) => claimOf(variant, name)) : [];
}

async function toFinding(
  tree: PackageTree,
  plan: ProbePlan,
  claim: Claim,
  { confirmation, reproduction, controls }: Confirmed,
): Promise<ConfirmedFinding> {
  const { position, frames, oracle, exponent } = confirmation;
  return {
    target: tree.purl,
    flaw: plan.flaw,
    entry: entryText(plan, tree.name),
    otherEntries: [],
    sink: { file: position.file, line: position.line },
    oracle,
    plan,
    reproducer: claim.reproducer,
    reproduction,
    controls,
    frames,
    rootCause: await readRootCause(tree, plan.flaw, position),
    severity: proposeSeverity(evidenceOf(plan, exponent)),
    affected: null,
  };
}

async function readRootCause(tree: PackageTree, flaw: FlawClass, position: Position): Promise<RootCause> {
  const inside = normalize(position.file);
  // The path was told from inside; it may not lead out of the tree.
  const source = inside.startsWith('..') ? '' : await readText(join(tree.directory, 'node_modules', inside));
  return rootCauseOf({ flaw, ...position, file: inside, source });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // A frame may name a file that does not exist; the root cause then has a place and no statement.
    return '';
  }
}
