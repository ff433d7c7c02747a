/**
 * The first two steps of a campaign as jobs: search a target, verify each candidate (docs/cycles.md, 1.1 and 1.2).
 *
 * Both may run twice: the search settles its target once, and a second finding of one root cause is a duplicate. No
 * error text leaves here that could name what was found: jobs lie in the database in the clear.
 */
import { type CaseId, packageOf } from '../disclosure/index.ts';
import type { Candidate, ScanResult } from '../finder/index.ts';
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import type { Result } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import type { PackageTree } from '../target/index.ts';
import type { ConfirmedFinding, FindingId, Rejection, RunOutcome } from '../verify/index.ts';
import { findKnownAdvisory, type KnownAdvisory } from './campaign-file.ts';
import { type Campaign, createCampaignStore, type ScanCost, type TargetId, type TargetRow } from './campaign-store.ts';
import { openCandidate, sealCandidate } from './candidate-seal.ts';
import { type CandidateId, createCandidateStore } from './candidate-store.ts';
import type { CampaignEvent } from './progress.ts';
import type { TreeKeeper } from './tree-keeper-service.ts';

export interface OpenedCase {
  readonly caseId: CaseId;
  readonly findingId: FindingId;
  /** False where the same root cause has its case already. */
  readonly isNew: boolean;
  /** Of the commitment promised to the log, hexadecimal. */
  readonly commitmentRoot: string;
}

export interface SearchParts {
  readonly database: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly trees: TreeKeeper;
  readonly scan: (tree: PackageTree, seed: number) => Promise<ScanResult>;
  readonly verifyCandidate: (candidate: Candidate, tree: PackageTree) => Promise<Result<ConfirmedFinding, Rejection>>;
  /** Finding, case, clock, data key, ciphertext and commitment, in this transaction. */
  readonly openCase: (
    tx: Transaction,
    finding: ConfirmedFinding,
    options: { readonly kind: Campaign['kind']; readonly campaignId: string; readonly knownAs: readonly string[] },
  ) => Promise<OpenedCase>;
  /** What the finding's reproducer does on another published version of its package. */
  readonly tryVersion: (finding: ConfirmedFinding, version: string) => Promise<RunOutcome['outcome']>;
  /** Takes the finding of a case in as the report it would be from outside. The same again changes nothing. */
  readonly reportFinding: (caseId: string) => Promise<void>;
  readonly onEvent: (event: CampaignEvent) => void;
}

/** Of a reason that a target or a registry worded. */
const REASON_CHARACTERS = 500;

/**
 * What is nearer to its end goes first: the chain of steps of the first target runs through beside the other targets,
 * instead of all chains ending one after the other when nothing is left to run beside them.
 */
export const PRIORITIES = { verify: -1, measure: -2, step: -3 } as const;

export const SEARCH_JOBS = {
  scan: 'campaign-scan',
  verify: 'campaign-verify',
  measure: 'campaign-measure',
  report: 'campaign-report',
} as const;

export function createSearchJobs(parts: SearchParts): Readonly<Record<string, JobHandler>> {
  return {
    [SEARCH_JOBS.scan]: (payload) => scanTarget(parts, readId(payload, 'targetId') as TargetId),
    [SEARCH_JOBS.verify]: (payload) => verifyOne(parts, readId(payload, 'candidateId') as CandidateId),
    [SEARCH_JOBS.report]: (payload) => parts.reportFinding(readId(payload, 'caseId')),
  };
}

async function scanTarget(parts: SearchParts, id: TargetId): Promise<void> {
  const store = createCampaignStore(parts.database, parts.vault);
  const target = await store.findTarget(id);
  const campaign = target && (await store.find(target.campaignId));
  if (!campaign || target.state !== 'waiting') return;
  if (isOverTime(campaign, parts.clock.now())) {
    await store.settleTarget(id, { reason: `not started within ${campaign.file.minutes} minutes` });
    return;
  }
  const used = await parts.trees.use(target.target, async (tree) => {
    parts.onEvent({ kind: 'fetched', target: target.target, dependencies: tree.dependencies.length });
    return await parts.scan(tree, campaign.file.seed);
  });
  if (!used.ok) {
    const reason = toPlainLine(`${used.refusal.kind}: ${used.refusal.reason}`, REASON_CHARACTERS);
    if (await store.settleTarget(id, { reason })) {
      parts.onEvent({ kind: 'unavailable', target: target.target, reason });
    }
    return;
  }
  const result = used.value;
  const cost = toCost(result);
  const skipped = toSkipped(result);
  if (await keepCandidates(parts, target, result.candidates, { cost, skipped })) {
    const { candidates, runs, cpuMs } = cost;
    const cached = runs === 0;
    parts.onEvent({ kind: 'scanned', target: target.target, candidates, runs, cpuMs, cached, skipped: skipped.length });
  }
}

function isOverTime({ file, startedAt }: Campaign, now: Date): boolean {
  return file.minutes !== undefined && now.getTime() - startedAt.getTime() > file.minutes * 60_000;
}

function toCost(result: ScanResult): ScanCost {
  return {
    cpuMs: Math.round(result.cpuMs),
    wallMs: Math.round(result.wallMs),
    runs: result.runs,
    candidates: result.candidates.length,
  };
}

function toSkipped({ coverage }: ScanResult): string[] {
  return coverage.skipped.map(({ what, reason }) => {
    const part = reason.startsWith(`${what}: `) ? reason : `${what}: ${reason}`;
    return toPlainLine(part, REASON_CHARACTERS);
  });
}

/** Candidates, their jobs and the settled target stand or fall together. False where another run was faster. */
function keepCandidates(
  { database, vault, random }: SearchParts,
  target: TargetRow,
  candidates: readonly Candidate[],
  outcome: { readonly cost: ScanCost; readonly skipped: readonly string[] },
): Promise<boolean> {
  return database.transaction(async (tx) => {
    if (!(await createCampaignStore(tx, vault).settleTarget(target.id, outcome))) return false;
    for (const [ordinal, candidate] of candidates.entries()) {
      const id = createId('candidate', random);
      const sealed = sealCandidate(vault, id, candidate);
      await createCandidateStore(tx, vault).insert({ id, targetId: target.id, ordinal, sealed });
      const options = { key: `verify ${id}`, of: target.campaignId, priority: PRIORITIES.verify };
      await addJob(tx, SEARCH_JOBS.verify, { candidateId: id }, options);
    }
    return true;
  });
}

async function verifyOne(parts: SearchParts, id: CandidateId): Promise<void> {
  const { database, vault } = parts;
  const row = await createCandidateStore(database, vault).find(id);
  const target = row && (await createCampaignStore(database, vault).findTarget(row.targetId));
  const campaign = target && (await createCampaignStore(database, vault).find(target.campaignId));
  if (!campaign || row.outcome) return;
  const candidate = openCandidate(vault, row);
  const used = await parts.trees.use(target.target, (tree) => parts.verifyCandidate(candidate, tree));
  if (!used.ok) throw new Error(`the target of ${id} is not to be had any more: ${used.refusal.kind}`);
  const verified = used.value;
  if (verified.ok) await openCaseOf(parts, campaign, target, id, { ...verified.value, origin: target.target });
  else await reject(parts, campaign, target, id, candidate, verified.refusal);
}

async function reject(
  { database, vault, onEvent }: SearchParts,
  campaign: Campaign,
  target: TargetRow,
  id: CandidateId,
  candidate: Candidate,
  rejection: Rejection,
): Promise<void> {
  const reason = `${rejection.reason}: ${rejection.detail}`;
  const settled = await createCandidateStore(database, vault).settle(id, { state: 'rejected', reason });
  if (settled && findKnownAdvisory(campaign.file, target.target, candidate.flaw)) {
    onEvent({ kind: 'rejected', target: target.target, flaw: candidate.flaw, reason: rejection.reason });
  }
}

/**
 * The public advisory that this finding is known by, or undefined: then nothing of it is simulated or published. It takes
 * the class and target an advisory of the file names, a sink in the target's own code, and that the same reproducer,
 * its call reached, is silent on the version the advisory calls fixed: another flaw of the same class is not.
 */
async function knownAdvisoryOf(
  { tryVersion }: SearchParts,
  campaign: Campaign,
  target: TargetRow,
  finding: ConfirmedFinding,
): Promise<KnownAdvisory | undefined> {
  if (campaign.kind !== 'demonstration') return undefined;
  const known = findKnownAdvisory(campaign.file, target.target, finding.flaw);
  if (!known?.fixedVersion || !isInOwnCode(finding)) return undefined;
  return (await tryVersion(finding, known.fixedVersion)) === 'silent' ? known : undefined;
}

function isInOwnCode({ sink, target }: ConfirmedFinding): boolean {
  const { name } = packageOf({ target });
  const inside = sink?.file.startsWith(`${name}/`) ? sink.file.slice(name.length + 1) : undefined;
  return inside !== undefined && !inside.split('/').includes('node_modules');
}

async function openCaseOf(
  parts: SearchParts,
  campaign: Campaign,
  target: TargetRow,
  id: CandidateId,
  finding: ConfirmedFinding,
): Promise<void> {
  const known = await knownAdvisoryOf(parts, campaign, target, finding);
  const kind = known ? 'demonstration' : 'real';
  const opened = await parts.database
    .transaction(async (tx) => {
      const it = await parts.openCase(tx, finding, { kind, campaignId: campaign.id, knownAs: known?.ids ?? [] });
      const state = it.isNew ? 'confirmed' : 'duplicate';
      if (!(await createCandidateStore(tx, parts.vault).settle(id, { state, caseId: it.caseId })))
        throw new AlreadySettled();
      if (!it.isNew) return it;
      const measure = { key: `measure ${it.caseId}`, of: campaign.id, priority: PRIORITIES.measure };
      await addJob(tx, SEARCH_JOBS.measure, { caseId: it.caseId }, measure);
      await addJob(tx, SEARCH_JOBS.report, { caseId: it.caseId }, { key: `report ${it.caseId}`, of: campaign.id });
      return it;
    })
    .catch((error: unknown) => {
      if (error instanceof AlreadySettled) return undefined;
      throw error;
    });
  if (!opened?.isNew) return;
  if (kind === 'demonstration') {
    const { reproduced, of } = finding.reproduction;
    parts.onEvent({
      kind: 'confirmed',
      target: target.target,
      flaw: finding.flaw,
      entry: finding.entry,
      sink: finding.sink ? `${finding.sink.file}:${finding.sink.line}` : 'no position',
      reproduced: `${reproduced} of ${of}`,
      severity: `CVSS 4.0 ${finding.severity.score} proposed`,
    });
    parts.onEvent({ kind: 'sealed', caseId: opened.caseId, root: opened.commitmentRoot });
  } else {
    parts.onEvent({ kind: 'kept-sealed', count: 1 });
  }
}

/** Another run of the same job opened the case first: this transaction leaves nothing. */
class AlreadySettled extends Error {
  override readonly name = 'AlreadySettled';
}

/** Payloads are our own rows, but a row may be older than the program. */
export function readId(payload: unknown, name: string): string {
  const value = (payload as Record<string, unknown> | null)?.[name];
  if (typeof value !== 'string') throw new Error(`the job's payload has no ${name}`);
  return value;
}
