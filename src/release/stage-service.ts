/**
 * What gateways are told of a model: the stage that a decision opened, unless something suspends it or the decision is over. Every
 * change is written in the transaction that decides it, and stands in the log.
 */
import type { Json } from '../lib/canonical-json.ts';
import { createId } from '../lib/id.ts';
import { ok, refuse } from '../lib/result.ts';
import type { ReleaseStage } from '../policy/index.ts';
import { createNoticeStore, lockEpoch, type Stage } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import { createDecisionStore, createStageStore, type OpenStage, type Suspension } from './decision-store.ts';
import type { Outcome, ReleaseParts } from './release.ts';

export interface StageOf {
  readonly model: string;
  readonly isDemonstration: boolean;
  /** From then on it opens by decisions alone. */
  readonly isRegistered: boolean;
  /** What gateways obey; undefined where neither a decision nor a suspension speaks. */
  readonly stage: Stage | undefined;
  /** What a decision opened, suspended, over or neither. */
  readonly decided: OpenStage | undefined;
  readonly suspensions: readonly Suspension[];
}

export type AskedSuspension = Pick<Suspension, 'model' | 'kind' | 'reason' | 'askedBy'>;

const MAX_TEXT = 500;

export const SUSPENDED = 'headstart/stage-suspended/v1';
export const RESUMED = 'headstart/stage-resumed/v1';
export const ENDED = 'headstart/stage-ended/v1';
export const STAGE_END_JOB = 'release.end-stage';

export async function suspend(tx: Transaction, parts: ReleaseParts, asked: AskedSuspension): Outcome<Suspension> {
  if (asked.reason.trim() === '' || asked.reason.length > MAX_TEXT)
    return refuse({ kind: 'malformed', what: `the reason: 1 to ${MAX_TEXT} characters` });
  await lockEpoch(tx);
  const store = createStageStore(tx);
  const [standing] = await store.listSuspensions(asked.model);
  const notices = createNoticeStore(tx);
  const suspension: Suspension = {
    ...{ ...asked, id: createId('suspension', parts.random), suspendedAt: parts.clock.now() },
    stageBefore: standing ? standing.stageBefore : await notices.findStage(asked.model),
  };
  await store.suspend(suspension);
  // A model that the gate knows is closed even where release has never heard of it.
  const isKnown = await notices.setStage(asked.model, { stage: 'closed', isByDecision: true });
  const registered = await createDecisionStore(tx).findModel(asked.model);
  if (!isKnown && !registered) return refuse({ kind: 'not-found', what: 'model', named: asked.model });
  await say(tx, parts, SUSPENDED, suspension.id, { kind: asked.kind, by: asked.askedBy });
  return ok(suspension);
}

export async function resume(
  tx: Transaction,
  parts: ReleaseParts,
  id: string,
  { actor, second }: { readonly actor: string; readonly second?: string | undefined },
): Outcome<StageOf> {
  if (second === undefined || second === actor) return refuse({ kind: 'second-person-needed' });
  await lockEpoch(tx);
  const lifted = await createStageStore(tx).lift(id, `${actor} and ${second}`, parts.clock.now());
  if (!lifted) return refuse({ kind: 'not-found', what: 'suspension', named: id });
  await say(tx, parts, RESUMED, id, { by: [actor, second] });
  return publishStage(tx, lifted.model, lifted.stageBefore ?? undefined);
}

const TIER_OF: Readonly<Record<ReleaseStage, Stage>> = {
  internal: 'internal',
  partners: 'partner',
  trusted: 'trusted',
  limited: 'limited',
  general: 'general',
};

/** What gateways call a stage. */
export const tierOf = (stage: ReleaseStage): Stage => TIER_OF[stage];

/** Computes what gateways are to obey from what stands, and tells them. `before`: of a model that opens by the operator's word. */
export async function publishStage(tx: Transaction, model: string, before?: Stage): Outcome<StageOf> {
  const found = await stageOf(tx, model);
  const { decided, suspensions, isRegistered } = found;
  const isByDecision = isRegistered || suspensions.length > 0;
  const stage = isByDecision ? found.stage : before;
  const endsAt = stage === 'closed' ? undefined : (decided?.endsAt ?? undefined);
  await createNoticeStore(tx).setStage(model, { stage, endsAt, isByDecision });
  return ok({ ...found, stage });
}

/** Something that it rests on ends then; the clock is the database's. */
export async function planEnd(tx: Transaction, model: string, at: Date): Promise<void> {
  await addJob(tx, STAGE_END_JOB, { model }, { key: `${STAGE_END_JOB} ${model}`, runAt: at });
}

export async function endStage(tx: Transaction, parts: ReleaseParts, model: string): Outcome<StageOf> {
  await lockEpoch(tx);
  const open = await createStageStore(tx).findStage(model);
  if (!open?.isOver) {
    if (open?.endsAt) await planEnd(tx, model, open.endsAt);
    return ok(await stageOf(tx, model));
  }
  await recordEnd(tx, parts, open);
  return publishStage(tx, model);
}

/** Once. */
export async function recordEnd(tx: Transaction, parts: ReleaseParts, open: OpenStage): Promise<void> {
  const { model, decision, stage, endsAt, endsWith, endedAt } = open;
  const store = createStageStore(tx);
  const registered = await createDecisionStore(tx).findModel(model);
  if (endedAt !== null || endsAt === null || !registered) return;
  await store.end(model, await store.instant());
  const facts = { stage, endsAt: endsAt.toISOString(), with: endsWith, demonstration: registered.isDemonstration };
  await say(tx, parts, ENDED, registered.digest, facts, [{ name: 'decision', sha256: decision }]);
}

/** Of a registered model, no decision that holds and whatever suspends it is `closed`. */
export async function stageOf(tx: Transaction, model: string): Promise<StageOf> {
  const store = createStageStore(tx);
  const registered = await createDecisionStore(tx).findModel(model);
  const decided = await store.findStage(model);
  const suspensions = await store.listSuspensions(model);
  const isDemonstration = registered?.isDemonstration ?? false;
  const isRegistered = registered !== undefined;
  const isClosed = suspensions.length > 0 || (isRegistered && (!decided || decided.isOver));
  return {
    model,
    isDemonstration,
    isRegistered,
    stage: isClosed ? 'closed' : decided && TIER_OF[decided.stage],
    decided,
    suspensions,
  };
}

export async function say(
  tx: Transaction,
  { log }: Pick<ReleaseParts, 'log'>,
  predicateType: string,
  subject: string,
  facts: { readonly [name: string]: Json },
  documents: readonly { readonly name: string; readonly sha256: string }[] = [],
): Promise<string> {
  const said = await log.append(tx, { type: 'statement', predicateType, subject, documents, facts });
  if (!said.ok) throw new Error(`the log refuses ${predicateType} of ${subject}: ${said.refusal.kind}`);
  return said.value;
}
