/**
 * Rollouts of models: begun on an open stage, analysed by what their sources say, closed where they fail. The step that
 * gateways obey is written through the door of `program`, in the transaction that takes it.
 */
import { createHmac } from 'node:crypto';
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { ReleaseStage } from '../policy/index.ts';
import { createNoticeStore, isWithin, type RolloutNotice, type Stage, WHOLE_SHARE } from '../program/index.ts';
import { type EvidenceFiles, type Release, type ReleaseParts, type ReleaseRefusal, tierOf } from '../release/index.ts';
import { type Database, StaleWrite, type Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import { addJob } from '../store/jobs.ts';
import type { Instant } from '../timekeeping/index.ts';
import { type Measurement, readRolloutFile } from './metric.ts';
import { type PlanRefusal, type RolloutPlan, type RolloutStep, readPlan } from './plan.ts';
import { type Analysis, advanceRollout, analyse, type Rollout, resumeRollout, stepInForce } from './progress.ts';
import { createAnalysisStore, createRolloutStore, type PastAnalysis, type StoredRollout } from './rollout-store.ts';

export type RolloutRefusal =
  | ReleaseRefusal
  | { readonly kind: 'not-running'; readonly model: string; readonly state: string }
  /** Whatever suspends it comes first: while it is closed nothing is analysed, and no step is held. */
  | { readonly kind: 'closed'; readonly model: string };

/** What a metric is asked of: a model, from an instant on. */
export interface MeasureRequest {
  readonly model: string;
  readonly isDemonstration: boolean;
  readonly names: ReadonlySet<string>;
  readonly since: Date;
  readonly now: Date;
}

export interface RolloutParts extends Pick<ReleaseParts, 'log'> {
  readonly database: Database;
  readonly evidence: EvidenceFiles;
  readonly release: Pick<Release, 'suspendIn' | 'stageIn'>;
  /** The database's clock, and whether it is doubted: then nothing grows. */
  readonly instants: { read(tx: Transaction): Promise<Instant> };
  readonly measure: (request: MeasureRequest) => Promise<readonly Measurement[]>;
  /** What makes the order of organisations another one in each rollout, and the same in its dry run. */
  readonly shareKey: Uint8Array;
  /** Countries as gateways compare them. */
  readonly tagOf: (country: string) => string;
}

export interface Analysed {
  readonly rollout: Rollout;
  readonly analysis: Analysis;
  readonly measured: readonly Measurement[];
}

export interface OpenedStage {
  readonly model: string;
  readonly stage: ReleaseStage;
  readonly decision: string;
}

export const ROLLOUT = 'headstart/rollout/v1';
export const ROLLOUT_JOB = 'rollout.analyse';

const MINUTE_MS = 60_000;
const MAX_FILE_BYTES = 4_000_000;

export type Rollouts = ReturnType<typeof createRollouts>;
type Outcome<T> = Promise<Result<T, RolloutRefusal>>;

export function createRollouts(parts: RolloutParts) {
  const { database } = parts;
  return {
    /** On the stage that is open now; replaces what ran before. */
    begin: (model: string, plan: Json): Outcome<Rollout> => within(database, (tx) => begin(tx, parts, model, plan)),
    /** In the transaction that opens a stage: the rollout begins with it, goes on under a decision on the same stage, or ends. */
    settle: (tx: Transaction, opened: OpenedStage, plan?: Json): Promise<Result<unknown, ReleaseRefusal>> =>
      settle(tx, parts, opened, plan),
    /** One analysis. A failure beyond the limit closes the model, or goes back, in the same transaction. */
    analyse: (model: string): Outcome<Analysed> => takeAnalysis(parts, model),
    /** A file of results, for the metrics that come from files. It counts for the step that it was attached in. */
    attach: (model: string, bytes: Uint8Array, by: string): Outcome<readonly Measurement[]> =>
      attach(parts, model, bytes, by),
    /** Something went wrong with the model: nothing grows until a person lets it run again. False where none runs. */
    pauseIn: (tx: Transaction, model: string): Promise<boolean> => pause(tx, parts, model),
    resume: (model: string): Outcome<Rollout> => within(database, (tx) => resume(tx, parts, model)),
    find: (model: string): Promise<Rollout | undefined> => createRolloutStore(database).find(model),
    analyses: (model: string): Promise<readonly PastAnalysis[]> => createAnalysisStore(database).listAnalyses(model),
    /** What gateways would be told at each step of a plan on a stage. */
    foresee: async (
      model: string,
      stage: ReleaseStage,
      given: Json,
    ): Promise<Result<readonly RolloutNotice[], PlanRefusal>> => {
      const plan = readPlan(given);
      if (!plan.ok) return plan;
      const base = await baseOf(database, model, stage);
      return ok(plan.value.steps.map((step) => toNotice(parts, { model, stage, base }, step)));
    },
  };
}

async function begin(tx: Transaction, parts: RolloutParts, model: string, given: Json): Outcome<Rollout> {
  const plan = readPlan(given);
  if (!plan.ok) return plan;
  const { decided, stage } = await parts.release.stageIn(tx, model);
  if (!decided || stage === 'closed') return refuse({ kind: 'not-found', what: 'open stage of', named: model });
  return beginOn(tx, parts, { model, stage: decided.stage, decision: decided.decision }, plan.value);
}

async function beginOn(
  tx: Transaction,
  parts: RolloutParts,
  { model, stage, decision }: OpenedStage,
  plan: RolloutPlan,
): Promise<Result<Rollout, never>> {
  const store = createRolloutStore(tx);
  const before = await store.find(model);
  const base = before?.stage === stage ? before.base : await baseOf(tx, model, stage);
  const { at } = await parts.instants.read(tx);
  await store.begin({ model, decision, plan, base }, at);
  const begun = await store.find(model);
  if (!begun) throw new Error(`the rollout of ${model} vanished`);
  await publishStep(tx, parts, begun);
  await planAnalysis(tx, begun, at);
  await say(tx, parts, begun);
  return ok(begun);
}

async function settle(
  tx: Transaction,
  parts: RolloutParts,
  opened: OpenedStage,
  given?: Json,
): Promise<Result<unknown, ReleaseRefusal>> {
  if (given !== undefined) {
    const plan = readPlan(given);
    return plan.ok ? beginOn(tx, parts, opened, plan.value) : plan;
  }
  const store = createRolloutStore(tx);
  const running = await store.find(opened.model);
  if (!running) return ok(undefined);
  if (running.stage === opened.stage) {
    await store.rebind(opened.model, opened.decision);
    return ok(undefined);
  }
  await store.remove(opened.model);
  await createNoticeStore(tx).dropRollout(opened.model);
  return ok(undefined);
}

/** Who had the model before this stage: the ring of the newest decision before, where that was further in; else nobody. */
async function baseOf(tx: Transaction, model: string, stage: ReleaseStage): Promise<Stage> {
  const before = await createRolloutStore(tx).findStageBefore(model, stage);
  const base = before === undefined ? 'closed' : tierOf(before as ReleaseStage);
  return base !== 'closed' && isWithin(base, tierOf(stage)) ? base : 'closed';
}

async function takeAnalysis(parts: RolloutParts, model: string): Outcome<Analysed> {
  const { database, release } = parts;
  const seen = await createRolloutStore(database).find(model);
  if (!seen) return refuse({ kind: 'not-found', what: 'rollout of', named: model });
  if (seen.state !== 'running') return refuse({ kind: 'not-running', model, state: seen.state });
  const { isDemonstration } = await release.stageIn(database, model);
  const names = new Set(seen.plan.metrics.map(({ name }) => name));
  const { at: now } = await database.transaction((tx) => parts.instants.read(tx));
  const computed = await parts.measure({ model, isDemonstration, names, since: seen.stepBeganAt, now });
  return within(database, async (tx): Outcome<Analysed> => {
    const store = createRolloutStore(tx);
    const from = await store.find(model);
    // Measured of another state than the one that would be judged.
    if (!from || from.version !== seen.version) throw new StaleWrite('rollout', model);
    const { stage } = await release.stageIn(tx, model);
    if (stage === 'closed') return refuse({ kind: 'closed', model });
    const { at, heldSince } = await parts.instants.read(tx);
    const measured = [...computed, ...(await measureFiles(tx, parts, from))].filter(({ name }) => names.has(name));
    const analysis = analyse(from.plan, new Map(measured.map(({ name, value }) => [name, value])));
    const held = await heldFrom(tx, from);
    // A clock that is doubted lets nobody in; what fails, fails by any clock.
    const next = analysis === 'success' && heldSince !== null ? held : advanceRollout(held, analysis, at);
    await createAnalysisStore(tx).note(from, { analysis, measured, at });
    await move(tx, parts, from, next);
    return ok({ rollout: { ...next, version: from.version + 1 }, analysis, measured });
  });
}

/** While the model was closed no step was held: the time counts from when it was open again. */
async function heldFrom(tx: Transaction, from: StoredRollout): Promise<StoredRollout> {
  const reopened = await createRolloutStore(tx).lastReopened(from.model);
  return reopened && reopened > from.updatedAt ? { ...from, updatedAt: reopened } : from;
}

async function move(tx: Transaction, parts: RolloutParts, from: StoredRollout, next: Rollout): Promise<void> {
  await createRolloutStore(tx).save(from, next);
  if (next.state === from.state && next.step === from.step) return;
  const moved = { ...from, ...next };
  await publishStep(tx, parts, moved);
  await say(tx, parts, moved);
  if (next.state !== 'rolled-back' || next.plan.onFailure === 'back') return;
  const { model, step } = next;
  const asked = { model, kind: 'analysis' as const, reason: `step ${step + 1} failed`, askedBy: 'analysis' };
  const closed = await parts.release.suspendIn(tx, asked);
  if (!closed.ok) throw new Error(`${model} could not be closed after its rollout failed: ${closed.refusal.kind}`);
}

async function measureFiles(
  tx: Transaction,
  { evidence }: RolloutParts,
  { model, stepBeganAt }: Rollout,
): Promise<readonly Measurement[]> {
  const measured: Measurement[] = [];
  for (const { sha256 } of await createAnalysisStore(tx).listFiles(model, stepBeganAt)) {
    const bytes = await evidence.find(sha256);
    const read = bytes && readRolloutFile(Buffer.from(bytes).toString('utf8'));
    // Gone or changed: not measured.
    if (read?.ok) measured.push(...read.value.measured.map((each) => ({ ...each, sha256 })));
  }
  return measured;
}

async function attach(
  parts: RolloutParts,
  model: string,
  bytes: Uint8Array,
  by: string,
): Outcome<readonly Measurement[]> {
  if (bytes.length > MAX_FILE_BYTES)
    return refuse({ kind: 'malformed', what: `a file of results is at most ${MAX_FILE_BYTES} bytes` });
  const read = readRolloutFile(Buffer.from(bytes).toString('utf8'));
  if (!read.ok) return read;
  const sha256 = await parts.evidence.put(bytes);
  return within(parts.database, async (tx): Outcome<readonly Measurement[]> => {
    const store = createRolloutStore(tx);
    if (!(await store.find(model))) return refuse({ kind: 'not-found', what: 'rollout of', named: model });
    const { at: attachedAt } = await parts.instants.read(tx);
    await createAnalysisStore(tx).attach(model, { sha256, kind: read.value.kind, attachedAt }, by);
    return ok(read.value.measured.map((each) => ({ ...each, sha256 })));
  });
}

async function pause(tx: Transaction, parts: RolloutParts, model: string): Promise<boolean> {
  const store = createRolloutStore(tx);
  const from = await store.find(model);
  if (from?.state !== 'running') return false;
  const paused: Rollout = { ...from, state: 'paused' };
  await store.save(from, paused);
  await say(tx, parts, { ...from, ...paused });
  return true;
}

async function resume(tx: Transaction, parts: RolloutParts, model: string): Outcome<Rollout> {
  const store = createRolloutStore(tx);
  const from = await store.find(model);
  if (!from) return refuse({ kind: 'not-found', what: 'rollout of', named: model });
  const { at } = await parts.instants.read(tx);
  const next = resumeRollout(from, at);
  if (!next) return refuse({ kind: 'not-running', model, state: from.state });
  await store.save(from, next);
  await planAnalysis(tx, next, at);
  await say(tx, parts, { ...from, ...next });
  return ok({ ...next, version: from.version + 1 });
}

/** Of a model there is one analysis to come at a time. */
export async function planAnalysis(tx: Transaction, { model, plan }: Pick<Rollout, 'model' | 'plan'>, now: Date) {
  const runAt = new Date(now.getTime() + plan.everyMinutes * MINUTE_MS);
  await addJob(tx, ROLLOUT_JOB, { model }, { key: `${ROLLOUT_JOB} ${model}`, runAt });
}

/** A rollout that is done keeps what its last step limits; where that is nothing, no step is left. */
async function publishStep(tx: Transaction, parts: RolloutParts, rollout: StoredRollout): Promise<void> {
  const notices = createNoticeStore(tx);
  const step = stepInForce(rollout);
  const isWhole = step?.share === 1 && step.regions === undefined && Object.keys(step.rates).length === 0;
  if (step && !(isWhole && rollout.state === 'done')) await notices.setRollout(toNotice(parts, rollout, step));
  else await notices.dropRollout(rollout.model);
}

function toNotice(
  { shareKey, tagOf }: Pick<RolloutParts, 'shareKey' | 'tagOf'>,
  { model, stage, base }: Pick<StoredRollout, 'model' | 'stage' | 'base'>,
  { share, regions, rates }: RolloutStep,
): RolloutNotice {
  return {
    id: model,
    base,
    shareMillionths: Math.round(share * WHOLE_SHARE),
    salt: createHmac('sha256', shareKey).update(`${model}\0${stage}`).digest(),
    regions: regions?.map(tagOf),
    rates,
  };
}

/** The log names the decision, never the model, and no country. */
async function say(tx: Transaction, { log }: Pick<RolloutParts, 'log'>, at: StoredRollout): Promise<void> {
  const step = stepInForce(at);
  const facts = { step: at.step + 1, of: at.plan.steps.length, state: at.state, share: step?.share ?? 0 };
  const said = await log.append(tx, {
    ...{ type: 'statement', predicateType: ROLLOUT, subject: at.decision, documents: [], facts },
  });
  if (!said.ok) throw new Error(`the log refuses ${ROLLOUT}: ${said.refusal.kind}`);
}
