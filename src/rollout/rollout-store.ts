/** Rollouts, what was attached to them and what their analyses found, in Postgres. The only file that knows these tables. */
import type { Json } from '../lib/canonical-json.ts';
import type { ReleaseStage } from '../policy/index.ts';
import type { Stage } from '../program/index.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { Measurement, RolloutFileKind } from './metric.ts';
import type { Analysis, Rollout } from './progress.ts';

export interface AttachedFile {
  readonly sha256: string;
  readonly kind: RolloutFileKind;
  readonly attachedAt: Date;
}

export interface StoredRollout extends Rollout {
  readonly decision: string;
  /** That it is a rollout of. */
  readonly stage: ReleaseStage;
  /** Keys of this ring and further in had the model before it. */
  readonly base: Stage;
}

export interface PastAnalysis {
  readonly step: number;
  readonly analysis: Analysis;
  readonly measured: readonly Measurement[];
  readonly at: Date;
}

const COLUMNS = `model, decision, plan, step, state, failures, inconclusive, version, base,
  updated_at as "updatedAt", step_began_at as "stepBeganAt",
  (select d.stage from release.decisions d where d.sha256 = decision) as stage`;
const SHOWN_ANALYSES = 100;

export function createRolloutStore(tx: Transaction) {
  return {
    async begin(
      { model, decision, plan, base }: Pick<StoredRollout, 'model' | 'decision' | 'plan' | 'base'>,
      at: Date,
    ): Promise<void> {
      await tx.query(
        `insert into release.rollouts
           (model, decision, plan, base, step, state, failures, inconclusive, version, updated_at, step_began_at)
         values ($1, $2, $3::jsonb, $4, 0, 'running', 0, 0, 1, $5, $5)
         on conflict (model) do update set decision = excluded.decision, plan = excluded.plan, base = excluded.base,
           step = 0, state = 'running', failures = 0, inconclusive = 0, version = release.rollouts.version + 1,
           updated_at = excluded.updated_at, step_began_at = excluded.step_began_at`,
        [model, decision, JSON.stringify(plan), base, at],
      );
    },

    async find(model: string): Promise<StoredRollout | undefined> {
      const { rows } = await tx.query<StoredRollout>(`select ${COLUMNS} from release.rollouts where model = $1`, [
        model,
      ]);
      return rows[0];
    },

    async save(from: Rollout, next: Rollout): Promise<void> {
      const { step, state, failures, inconclusive, updatedAt, stepBeganAt } = next;
      const { rows } = await tx.query(
        `update release.rollouts set step = $3, state = $4, failures = $5, inconclusive = $6, updated_at = $7,
                step_began_at = $8, version = version + 1
          where model = $1 and version = $2 returning model`,
        [from.model, from.version, step, state, failures, inconclusive, updatedAt, stepBeganAt],
      );
      if (rows.length === 0) throw new StaleWrite('rollout', from.model);
    },

    /** A decision on the same stage takes the place of the one that it began under. */
    async rebind(model: string, decision: string): Promise<void> {
      await tx.query('update release.rollouts set decision = $2, version = version + 1 where model = $1', [
        model,
        decision,
      ]);
    },

    async remove(model: string): Promise<void> {
      await tx.query('delete from release.rollouts where model = $1', [model]);
    },

    /** The stage of the newest enacted decision on the model that opened another one than `stage`. */
    async findStageBefore(model: string, stage: string): Promise<string | undefined> {
      const { rows } = await tx.query<{ stage: string }>(
        `select d.stage from release.enactments e join release.decisions d on d.sha256 = e.decision
          where d.model = $1 and d.stage <> $2 and e.reversed_at is null order by e.position desc limit 1`,
        [model, stage],
      );
      return rows[0]?.stage;
    },

    /** When the model was last opened again after a suspension or its decision's end: while it was closed, no step was held. */
    async lastReopened(model: string): Promise<Date | undefined> {
      const { rows } = await tx.query<{ at: Date | null }>(
        `select greatest((select max(lifted_at) from release.suspensions where model = $1),
                         (select reopened_at from release.stages where model = $1)) as at`,
        [model],
      );
      return rows[0]?.at ?? undefined;
    },
  };
}

/** What analyses look at and what they found. */
export function createAnalysisStore(tx: Transaction) {
  return {
    async attach(model: string, { sha256, kind, attachedAt }: AttachedFile, by: string): Promise<void> {
      await tx.query(
        `insert into release.rollout_files (model, sha256, kind, attached_at, attached_by) values ($1, $2, $3, $4, $5)`,
        [model, sha256, kind, attachedAt, by],
      );
    },

    /** The newest of each kind that was attached since then. */
    async listFiles(model: string, since: Date): Promise<readonly AttachedFile[]> {
      const { rows } = await tx.query<AttachedFile>(
        `select distinct on (kind) sha256, kind, attached_at as "attachedAt" from release.rollout_files
          where model = $1 and attached_at >= $2 order by kind, position desc`,
        [model, since],
      );
      return rows;
    },

    async note({ model, decision, step }: StoredRollout, found: Omit<PastAnalysis, 'step'>): Promise<void> {
      await tx.query(
        `insert into release.rollout_analyses (model, decision, step, analysis, measured, at)
         values ($1, $2, $3, $4, $5::jsonb, $6)`,
        [model, decision, step, found.analysis, JSON.stringify(found.measured as unknown as Json), found.at],
      );
    },

    /** The newest first. */
    async listAnalyses(model: string): Promise<readonly PastAnalysis[]> {
      const { rows } = await tx.query<PastAnalysis>(
        `select step, analysis, measured, at from release.rollout_analyses where model = $1
          order by position desc limit $2`,
        [model, SHOWN_ANALYSES],
      );
      return rows;
    },
  };
}
