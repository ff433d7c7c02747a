/**
 * What other modules decide and the programme holds, so that every gateway knows it: the open stage of a model, the
 * scopes an organisation has proven. Each is written in the transaction that decides it.
 */
import type { Transaction } from '../store/database.ts';
import type { RolloutNotice } from './rollout.ts';
import type { Stage } from './tier.ts';

/** First in a transaction that changes what gateways know: two of them then never wait for each other in a ring. */
export async function lockEpoch(tx: Transaction): Promise<void> {
  await tx.query('select from program.epoch for update');
}

export interface ScopePass {
  readonly organisation: string;
  readonly scope: string;
  readonly until: Date | undefined;
}

export interface StageNotice {
  /** Undefined: no decision speaks, and the operator's `min_tier` alone binds. */
  readonly stage: Stage | undefined;
  /** By the database's clock; undefined: it does not end by itself. */
  readonly endsAt?: Date | undefined;
  readonly isByDecision: boolean;
}

export function createNoticeStore(tx: Transaction) {
  return {
    /** As it was set, by whomever. */
    async findStage(model: string): Promise<Stage | undefined> {
      const { rows } = await tx.query<{ stage: Stage | null }>('select stage from program.models where id = $1', [
        model,
      ]);
      return rows[0]?.stage ?? undefined;
    },

    /** False where there is no such model. */
    async setStage(model: string, { stage, endsAt, isByDecision }: StageNotice): Promise<boolean> {
      await lockEpoch(tx);
      const { rows } = await tx.query(
        'update program.models set stage = $2, stage_ends_at = $3, is_by_decision = $4 where id = $1 returning id',
        [model, stage, endsAt, isByDecision],
      );
      return rows.length > 0;
    },

    /** The step that a rollout is at. */
    async setRollout({ id, base, shareMillionths, salt, regions, rates }: RolloutNotice): Promise<void> {
      await lockEpoch(tx);
      await tx.query(
        `insert into program.rollouts (id, base, share_millionths, salt, regions, rates) values ($1, $2, $3, $4, $5, $6::jsonb)
         on conflict (id) do update set base = excluded.base, share_millionths = excluded.share_millionths,
           salt = excluded.salt, regions = excluded.regions, rates = excluded.rates`,
        [id, base, shareMillionths, salt, regions ?? null, JSON.stringify(rates)],
      );
    },

    /** From now on no step restricts it. */
    async dropRollout(model: string): Promise<void> {
      await lockEpoch(tx);
      await tx.query('delete from program.rollouts where id = $1', [model]);
    },

    /** Until when calls may be made under a scope; undefined: no longer. */
    async setPass({ organisation, scope, until }: ScopePass): Promise<void> {
      await lockEpoch(tx);
      if (until === undefined) await tx.query('delete from program.scopes where id = $1', [scope]);
      else
        await tx.query(
          `insert into program.scopes (id, organisation, expires_at) values ($1, $2, $3)
           on conflict (id) do update set expires_at = excluded.expires_at`,
          [scope, organisation, until],
        );
    },

    /** From now on the tier's own. */
    async dropRate(subject: string): Promise<void> {
      await lockEpoch(tx);
      await tx.query('delete from program.rates where id = $1', [subject]);
    },

    /** Another rate than the tier's own, of an organisation, a person or a key. */
    async setRate(subject: string, { perSecond, burst }: { readonly perSecond: number; readonly burst: number }) {
      await lockEpoch(tx);
      await tx.query(
        `insert into program.rates (id, per_second, burst) values ($1, $2, $3)
         on conflict (id) do update set per_second = excluded.per_second, burst = excluded.burst`,
        [subject, perSecond, burst],
      );
    },
  };
}
