/**
 * Rollouts of models, in Postgres: begun on an open stage, analysed with what was measured, closed where they fail. The only
 * file that knows the table `release.rollouts`.
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Database, StaleWrite, type Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import type { Release, ReleaseParts, ReleaseRefusal } from './release.ts';
import {
  type Analysis,
  advanceRollout,
  analyse,
  type Measured,
  type PlanRefusal,
  type Rollout,
  readPlan,
  resumeRollout,
} from './rollout.ts';

export type RolloutRefusal =
  | PlanRefusal
  | ReleaseRefusal
  | { readonly kind: 'not-running'; readonly model: string; readonly state: string };

export interface RolloutParts extends Pick<ReleaseParts, 'clock' | 'log'> {
  readonly database: Database;
  readonly release: Pick<Release, 'suspendIn' | 'stageIn'>;
}

export const ROLLOUT = 'headstart/rollout/v1';

export type Rollouts = ReturnType<typeof createRollouts>;
type Outcome<T> = Promise<Result<T, RolloutRefusal>>;

export function createRollouts(parts: RolloutParts) {
  const { database } = parts;
  return {
    /** On the stage that is open now; replaces what ran before. */
    begin: (model: string, plan: Json): Outcome<Rollout> => within(database, (tx) => begin(tx, parts, model, plan)),
    /** One analysis. A failure beyond the limit closes the model in the same transaction. */
    analyse: (model: string, measured: Measured): Outcome<{ readonly rollout: Rollout; readonly analysis: Analysis }> =>
      within(database, (tx) => takeAnalysis(tx, parts, model, measured)),
    resume: (model: string): Outcome<Rollout> => within(database, (tx) => resume(tx, parts, model)),
    find: (model: string): Promise<Rollout | undefined> => findRollout(database, model),
  };
}

async function begin(tx: Transaction, parts: RolloutParts, model: string, given: Json): Outcome<Rollout> {
  const plan = readPlan(given);
  if (!plan.ok) return plan;
  const { decided, stage } = await parts.release.stageIn(tx, model);
  if (!decided || stage === 'closed') return refuse({ kind: 'not-found', what: 'open stage of', named: model });
  const updatedAt = parts.clock.now();
  await tx.query(
    `insert into release.rollouts (model, decision, plan, step, state, failures, inconclusive, version, updated_at)
     values ($1, $2, $3::jsonb, 0, 'running', 0, 0, 1, $4)
     on conflict (model) do update set decision = excluded.decision, plan = excluded.plan, step = 0, state = 'running',
       failures = 0, inconclusive = 0, version = release.rollouts.version + 1, updated_at = excluded.updated_at`,
    [model, decided.decision, JSON.stringify(plan.value), updatedAt],
  );
  const begun = await findRollout(tx, model);
  if (!begun) throw new Error(`the rollout of ${model} vanished`);
  await say(tx, parts, decided.decision, begun);
  return ok(begun);
}

async function takeAnalysis(
  tx: Transaction,
  parts: RolloutParts,
  model: string,
  measured: Measured,
): Outcome<{ readonly rollout: Rollout; readonly analysis: Analysis }> {
  const from = await findRollout(tx, model);
  if (!from) return refuse({ kind: 'not-found', what: 'rollout of', named: model });
  if (from.state !== 'running') return refuse({ kind: 'not-running', model, state: from.state });
  const analysis = analyse(from.plan, measured);
  const next = advanceRollout(from, analysis, parts.clock.now());
  await save(tx, from, next);
  if (next.state === 'rolled-back') {
    const asked = { model, kind: 'analysis' as const, reason: `step ${next.step + 1} failed`, askedBy: 'analysis' };
    const closed = await parts.release.suspendIn(tx, asked);
    if (!closed.ok) return closed;
  }
  if (next.state !== from.state || next.step !== from.step) {
    const { decided } = await parts.release.stageIn(tx, model);
    if (decided) await say(tx, parts, decided.decision, next);
  }
  return ok({ rollout: { ...next, version: from.version + 1 }, analysis });
}

async function resume(tx: Transaction, parts: RolloutParts, model: string): Outcome<Rollout> {
  const from = await findRollout(tx, model);
  if (!from) return refuse({ kind: 'not-found', what: 'rollout of', named: model });
  const next = resumeRollout(from, parts.clock.now());
  if (!next) return refuse({ kind: 'not-running', model, state: from.state });
  await save(tx, from, next);
  return ok({ ...next, version: from.version + 1 });
}

async function findRollout(tx: Transaction, model: string): Promise<Rollout | undefined> {
  const { rows } = await tx.query<Rollout>(
    `select model, plan, step, state, failures, inconclusive, version, updated_at as "updatedAt"
       from release.rollouts where model = $1`,
    [model],
  );
  return rows[0];
}

async function save(tx: Transaction, from: Rollout, next: Rollout): Promise<void> {
  const { step, state, failures, inconclusive, updatedAt } = next;
  const { rows } = await tx.query(
    `update release.rollouts set step = $3, state = $4, failures = $5, inconclusive = $6, updated_at = $7,
            version = version + 1
      where model = $1 and version = $2 returning model`,
    [from.model, from.version, step, state, failures, inconclusive, updatedAt],
  );
  if (rows.length === 0) throw new StaleWrite('rollout', from.model);
}

/** The log names the decision, never the model. */
async function say(tx: Transaction, { log }: Pick<RolloutParts, 'log'>, subject: string, at: Rollout): Promise<void> {
  const facts = { step: at.step + 1, of: at.plan.steps.length, state: at.state };
  const said = await log.append(tx, { type: 'statement', predicateType: ROLLOUT, subject, documents: [], facts });
  if (!said.ok) throw new Error(`the log refuses ${ROLLOUT}: ${said.refusal.kind}`);
}
