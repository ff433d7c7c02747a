/**
 * Confirms one script against one package: three runs, the controls, and what a shell alone makes of the command. A
 * script that is not exactly what our renderer makes of its plan is screened before it is run.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type ProbePlan, readPlan, renderReproducer, reproducerFileName } from '../probe/index.ts';
import type { PackageTree } from '../target/index.ts';
import { withoutClimb } from './climb.ts';
import {
  type Confirmation,
  confirm,
  type JudgeOptions,
  judgeRun,
  judgeRuns,
  type ObservedRun,
  RUNS,
} from './confirm.ts';
import { codeContract, commandContract, withoutRoute } from './contract.ts';
import { spokenOf } from './contract-client.ts';
import type { ConfirmedFinding, Rejection, Reproducer, Reproduction } from './finding.ts';
import { EMPTY_STAGE, type ReproductionService, type Stage, stageOf } from './reproduce-service.ts';
import { screenReproducer } from './screen.ts';

/** A script and what it is said to show. */
export interface Claim {
  readonly reproducer: Reproducer;
  readonly flaw: FlawClass;
}

export interface Confirmed {
  readonly confirmation: Confirmation;
  readonly reproduction: Reproduction;
  readonly controls: ConfirmedFinding['controls'];
}

export async function confirmWith(
  runs: ReproductionService,
  claim: Claim,
  tree: PackageTree,
): Promise<Result<Confirmed, Rejection>> {
  const screened = screenClaim(claim, tree.name);
  return screened.ok ? await confirmByRunning(runs, claim, tree) : screened;
}

/** A script that is our own rendering of its plan can do nothing else; any other is read before it is run. */
export function screenClaim(claim: Claim, packageName: string): Result<null, Rejection> {
  if (judgeOptionsOf(claim, packageName).ownScript) return ok(null);
  const screened = screenReproducer(claim.reproducer.text, packageName);
  return screened.ok ? screened : reject('self-inflicted', `the script, ${screened.refusal.detail}`);
}

/** The same without reading the script first: what the observer and the controls catch by themselves. */
export async function confirmByRunning(
  runs: ReproductionService,
  claim: Claim,
  tree: PackageTree,
): Promise<Result<Confirmed, Rejection>> {
  const options = judgeOptionsOf(claim, tree.name);
  const stage = stageOf(tree);
  const observed = await runs.runTimes({ ...claim, stage }, RUNS);
  // What does not fire needs no controls.
  const fired = judgeRuns(observed, options);
  if (!fired.ok) return fired;
  const level = await climbControl(runs, claim, stage, options);
  if (!level.ok) return level;
  const [withoutTarget, onStub, alone] = await Promise.all([
    runs.runOnce({ ...claim, stage: EMPTY_STAGE }),
    runs.withStub(tree, (stub) => runs.runOnce({ ...claim, stage: stub })),
    replay(runs, observed[0], claim, stage, options),
  ]);
  const confirmation = confirm(
    { runs: observed, withoutTarget, onStub, ...(alone ? { shellAlone: alone.created } : {}) },
    options,
  );
  if (!confirmation.ok) return confirmation;
  const purpose = await contractControl({
    runs,
    claim,
    tree,
    options,
    run: observed[0],
    confirmation: confirmation.value,
  });
  if (!purpose.ok) return purpose;
  return ok({
    confirmation: confirmation.value,
    reproduction: reproductionOf(observed, options),
    controls: [
      { kind: 'target-absent', recordSha256: withoutTarget.recordSha256 },
      { kind: 'stub', recordSha256: onStub.recordSha256 },
      ...(alone ? [{ kind: 'command-replay', recordSha256: alone.recordSha256 } as const] : []),
      ...purpose.value,
    ],
  });
}

/** Plans bring their own request without the climb; of a script from anyone it is made here. */
async function climbControl(
  runs: ReproductionService,
  claim: Claim,
  stage: Stage,
  { flaw, ownScript }: JudgeOptions,
): Promise<Result<ConfirmedFinding['controls'], Rejection>> {
  if (flaw !== 'path-traversal' || ownScript) return ok([]);
  const text = withoutClimb(claim.reproducer.text);
  if (text === undefined) return reject('self-inflicted', 'the script climbs nowhere');
  const run = await runs.runOnce({ ...claim, reproducer: { ...claim.reproducer, text }, stage });
  if (run.verdict?.fired === true) return reject('self-inflicted', 'the file comes back without the climb, too');
  // A control that broke off proves nothing: the script has to look, and say that nothing came back.
  if (run.verdict === undefined) return reject('no-verdict', 'without the climb the script does not come to its end');
  return ok([{ kind: 'without-climb', recordSha256: run.recordSha256 }]);
}

interface Confirming {
  readonly runs: ReproductionService;
  readonly claim: Claim;
  readonly tree: PackageTree;
  readonly options: JudgeOptions;
  readonly run: ObservedRun | undefined;
  readonly confirmation: Confirmation;
}

/** Refuses what the function is there for. A script without a plan says too little of what it hands over to be judged. */
async function contractControl(it: Confirming): Promise<Result<ConfirmedFinding['controls'], Rejection>> {
  const { claim, tree, options, run } = it;
  const plan = options.ownScript ? readPlan(claim.reproducer.text) : undefined;
  if (!plan || !run) return ok([]);
  const byContract = (reason: string | undefined) => (reason ? reject('by-contract', reason) : ok([]));
  switch (claim.flaw) {
    case 'prototype-pollution':
      return await routeControl(it, plan);
    case 'command-injection': {
      const judgement = judgeRun(run, options);
      const command = judgement.fired ? judgement.command : null;
      return byContract(command ? commandContract(command, plan, run.canary) : undefined);
    }
    case 'code-injection':
      return byContract(codeContract(plan, await spokenOf(tree, run.events, it.confirmation.frames)));
    default:
      return ok([]);
  }
}

async function routeControl(
  { runs, tree, options }: Confirming,
  plan: ProbePlan,
): Promise<Result<ConfirmedFinding['controls'], Rejection>> {
  const level = claimOf(withoutRoute(plan), tree.name);
  const run = await runs.runOnce({ ...level, stage: stageOf(tree) });
  if (judgeRun(run, options).fired)
    return reject('by-contract', 'it writes to the prototype of what it is given without being led there');
  return ok([{ kind: 'without-route', recordSha256: run.recordSha256 }]);
}

async function replay(
  runs: ReproductionService,
  run: ObservedRun | undefined,
  claim: Claim,
  stage: Stage,
  options: JudgeOptions,
) {
  if (!run || claim.flaw !== 'command-injection') return undefined;
  const judgement = judgeRun(run, options);
  if (!judgement.fired || !judgement.command) return undefined;
  const programs = readPlan(claim.reproducer.text)?.programs ?? [];
  return await runs.runShellAlone(judgement.command, run.canary, stage, programs);
}

const reject = (reason: Rejection['reason'], detail: string) => refuse<Rejection>({ kind: 'rejected', reason, detail });

export function claimOf(plan: ProbePlan, packageName: string): Claim {
  const text = renderReproducer(plan, { packageName });
  return { flaw: plan.flaw, reproducer: { file: reproducerFileName(plan), text, sha256: sha256Hex(text) } };
}

/** A script is our own where it is, to the byte, what its plan renders to. */
export function judgeOptionsOf({ flaw, reproducer }: Claim, packageName: string): JudgeOptions {
  const plan = readPlan(reproducer.text);
  return { flaw, ownScript: plan?.flaw === flaw && rendersTo(plan, packageName, reproducer) };
}

function rendersTo(plan: ProbePlan, packageName: string, reproducer: Reproducer): boolean {
  try {
    return renderReproducer(plan, { packageName }) === reproducer.text && reproducerFileName(plan) === reproducer.file;
  } catch {
    // A plan from anyone may have any shape; what cannot be rendered is not ours.
    return false;
  }
}

export function reproductionOf(observed: readonly ObservedRun[], options: JudgeOptions): Reproduction {
  const fired = observed.filter((run) => judgeRun(run, options).fired);
  return {
    reproduced: fired.length,
    of: observed.length,
    oracle: (fired[0] ?? observed[0])?.verdict?.oracle ?? '',
    recordSha256: sha256Hex(observed.map(({ recordSha256 }) => recordSha256).join('\n')),
  };
}
