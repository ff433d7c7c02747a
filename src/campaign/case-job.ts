/**
 * The steps of a campaign after a case is open, as jobs (docs/cycles.md, 1.3 and 2).
 *
 *   measure ──▶ (demonstration only) step ──▶ step ──▶ … ──▶ disclosed and published
 *
 * `step` looks where the case stands, takes the next step and writes the job for the one after it. It may run twice: a
 * step already taken is refused by the case's own machine, and what is published is published once.
 *
 * Only a demonstration moves by itself: its maintainer is simulated, its clock is explicit and starts where the case's
 * history ends. A real case stops after `measure` and waits for people.
 */
import type { Disclosure, OpenedCase, OwnTests } from '../disclosure/index.ts';
import {
  createCompressedClock,
  isDemonstration,
  nextSimulatedAnswer,
  packageOf,
  SIMULATED_ACTOR,
  type Step,
} from '../disclosure/index.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import { documentPaths } from '../publish/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { PackageTree } from '../target/index.ts';
import type { AffectedVersions, ConfirmedFinding, RunOutcome, Verification } from '../verify/index.ts';
import type { PublishAsOperator } from './operator-publishing-service.ts';
import type { CampaignEvent } from './progress.ts';
import { PRIORITIES, readId, SEARCH_JOBS } from './search-job.ts';
import type { TreeKeeper } from './tree-keeper-service.ts';

/** Chooses the random points of a measurement; fixed, so that it can be repeated. */
const MEASURE_SEED = 1;

export const STEP_JOB = 'campaign-step';

export interface PatchAttempt {
  /** Where it came from: the upstream's fixed version, a built-in template. */
  readonly source: string;
  readonly text: string;
  readonly verdict: string;
  readonly reasons: readonly string[];
  /** Null where the patch did not get so far. */
  readonly ownTests: OwnTests | null;
}

export interface CaseJobParts {
  readonly database: Database;
  readonly trees: TreeKeeper;
  /** Reads cases of any kind; moves those under the real clock. */
  readonly disclosure: Disclosure;
  /** The same under a compressed clock: moves demonstrations only. */
  readonly disclosureUnder: (clock: Clock) => Disclosure;
  readonly verification: Pick<Verification, 'measureAffected'>;
  /** What the finding's reproducer does on another published version of its package. */
  readonly tryVersion: (finding: ConfirmedFinding, version: string) => Promise<RunOutcome['outcome']>;
  /** Candidate patches in order of preference, each attacked; stops at the first that mends. */
  readonly attemptPatches: (
    finding: ConfirmedFinding,
    tree: PackageTree,
    fixedVersion: string | null,
  ) => Promise<readonly PatchAttempt[]>;
  readonly publishAsOperator: PublishAsOperator;
  /** Completes the release that a killed process left open; does nothing where there is none. */
  readonly completeRelease: (opened: OpenedCase, clock: Clock) => Promise<void>;
  readonly onEvent: (event: CampaignEvent) => void;
}

/** The parts, and the campaign of the job that runs: its successor belongs to it, too. */
type Running = CaseJobParts & { readonly of: string | undefined };

export function createCaseJobs(parts: CaseJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [SEARCH_JOBS.measure]: (payload, { of }) => measure({ ...parts, of }, readId(payload, 'caseId')),
    [STEP_JOB]: (payload, { of }) => step({ ...parts, of }, readId(payload, 'caseId')),
  };
}

async function getCase({ disclosure }: Running, caseId: string): Promise<OpenedCase> {
  const opened = await disclosure.find(caseId);
  if (!opened) throw new Error(`there is no case ${caseId}`);
  return opened;
}

async function measure(parts: Running, caseId: string): Promise<void> {
  const opened = await getCase(parts, caseId);
  const affected = opened.learnt.affected ? undefined : await measureVersions(parts, opened);
  await parts.database.transaction(async (tx) => {
    if (affected) await parts.disclosure.learnIn(tx, caseId, { affected, fixedVersion: affected.fixedIn });
    if (isDemonstration(opened.case)) await addStep(tx, parts, opened.case);
  });
  if (affected && isDemonstration(opened.case)) {
    parts.onEvent({ kind: 'measured', caseId, versions: affected.measured.length, range: rangeOf(affected) });
  }
}

async function measureVersions(
  { verification }: Running,
  { case: it, finding }: OpenedCase,
): Promise<AffectedVersions | undefined> {
  // What came from a path has no published versions; a registry's package of the same name is another one.
  if (!(finding.origin ?? 'pkg:').startsWith('pkg:')) return undefined;
  const { name, version } = packageOf(finding);
  const measured = await verification.measureAffected(finding, name, version, MEASURE_SEED);
  if (measured.ok) return measured.value;
  if (measured.refusal.kind === 'registry-unavailable') {
    throw new Error(`the registry does not answer; the versions of ${it.id} are measured later`);
  }
  return undefined;
}

function rangeOf({ introducedIn, fixedIn }: AffectedVersions): string {
  const from = introducedIn === '0' ? 'from the first version measured' : `introduced in ${introducedIn}`;
  return `${from}, ${fixedIn ? `fixed in ${fixedIn}` : 'no fixed version published'}`;
}

/** Named by the stage it starts from, so that a job that ran twice adds one successor. */
async function addStep(tx: Transaction, { of }: Running, { id, stage }: OpenedCase['case']): Promise<void> {
  await addJob(tx, STEP_JOB, { caseId: id }, { key: `step ${id} ${stage}`, of, priority: PRIORITIES.step });
}

async function step(parts: Running, caseId: string): Promise<void> {
  const opened = await getCase(parts, caseId);
  if (!isDemonstration(opened.case)) return;
  const clock = createCompressedClock(lastInstant(opened));
  switch (opened.case.stage) {
    case 'received':
      return await take(parts, opened, 'confirm', 'verify', clock);
    case 'confirmed':
      // A report that brings a patch is what maintainers ask for: look for one before it is written.
      await findPatch(parts, opened);
      return await notify(parts, opened, clock);
    case 'notified':
    case 'acknowledged':
      return await answer(parts, opened, clock);
    case 'patched':
      return await releaseFix(parts, opened, clock);
    case 'fix-released':
      return await publish(parts, opened, clock);
    case 'disclosed':
      // This job ran before: what it left open is completed, nothing is signed anew.
      return await parts.completeRelease(opened, clock);
    default:
      return;
  }
}

function lastInstant(opened: OpenedCase): Date {
  const times = opened.history.map(({ at }) => at.getTime());
  return new Date(Math.max(opened.case.openedAt.getTime(), ...times));
}

async function take(
  parts: Running,
  { case: it }: OpenedCase,
  name: Step,
  actor: string,
  clock: Clock,
  note = '',
): Promise<void> {
  const taken = await parts.database.transaction(async (tx) => {
    const outcome = await parts.disclosureUnder(clock).takeIn(tx, name, it.id, { actor, note });
    if (outcome.ok) await addStep(tx, parts, outcome.value);
    return outcome;
  });
  if (!taken.ok && taken.refusal.kind !== 'wrong-stage') {
    throw new Error(`${name} of ${it.id} was refused: ${taken.refusal.kind}`);
  }
}

async function notify(parts: Running, opened: OpenedCase, clock: Clock): Promise<void> {
  await take(parts, opened, 'notify', 'coordinator', clock);
  const { case: it } = await getCase(parts, opened.case.id);
  if ('dueAt' in it && it.dueAt) {
    const due = `${it.dueAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    parts.onEvent({ kind: 'notified', caseId: it.id, due, simulated: true });
  }
}

/** The simulated maintainer answers, some days later by the compressed clock. */
async function answer(parts: Running, opened: OpenedCase, clock: { now(): Date; passDays(days: number): void }) {
  if (!isDemonstration(opened.case)) return;
  const next = nextSimulatedAnswer(opened.case, opened.learnt);
  if (!next) return;
  clock.passDays(next.afterDays);
  await take(parts, opened, next.step, SIMULATED_ACTOR, clock, next.note);
}

async function findPatch(parts: Running, { case: it, finding, learnt }: OpenedCase): Promise<void> {
  if (learnt.patch) return;
  const used = await parts.trees.use(finding.origin ?? finding.target, (tree) =>
    parts.attemptPatches(finding, tree, learnt.fixedVersion),
  );
  if (!used.ok) throw new Error(`the target of ${it.id} is not to be had any more: ${used.refusal.kind}`);
  for (const { source, verdict, reasons, ownTests } of used.value) {
    const why = verdict === 'fixes' ? toldOf(ownTests) : (reasons[0] ?? '');
    parts.onEvent({ kind: 'patch', caseId: it.id, source, verdict, why });
  }
  const good = used.value.find(({ verdict }) => verdict === 'fixes');
  if (good) await parts.disclosure.learn(it.id, { patch: good.text, ownTests: good.ownTests });
}

const toldOf = (ownTests: OwnTests | null): string =>
  ownTests?.outcome === 'not-run' ? `own tests not run: ${ownTests.reason}` : (ownTests?.reason ?? '');

/** The simulated answer names a version; the reproducer must have been run on it before it is believed. */
async function releaseFix(parts: Running, opened: OpenedCase, clock: ReturnType<typeof createCompressedClock>) {
  const { case: it, finding, learnt } = opened;
  const version = learnt.fixedVersion;
  if (version) {
    const measured = learnt.affected?.measured.find((one) => one.version === version);
    const outcome = measured?.outcome ?? (await parts.tryVersion(finding, version));
    if (outcome !== 'silent') throw new Error(`${it.id}: the version said to be fixed is ${outcome}`);
    parts.onEvent({ kind: 'fix-released', caseId: it.id, version, simulated: true });
    return await answer(parts, opened, clock);
  }
  // Nobody released a fix: the deadline passes, and the case is disclosed without one.
  const due = ('dueAt' in it ? it.dueAt : null) ?? addDays(clock.now(), 90);
  await publish(parts, opened, createCompressedClock(due));
}

async function publish(parts: Running, opened: OpenedCase, clock: Clock): Promise<void> {
  const published = await parts.publishAsOperator(opened, clock);
  if (!published.ok) throw new Error(`${opened.case.id} was not published: ${published.refusal.kind}`);
  parts.onEvent({ kind: 'published', caseId: opened.case.id, documents: documentPaths(published.value.advisory) });
}
