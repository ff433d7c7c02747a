/** Decisions, what they opened and what suspends it, in Postgres. The only file that knows these tables. */
import type { Id } from '../lib/id.ts';
import type { Decision, DecisionEnd, ReleaseStage } from '../policy/index.ts';
import type { Stage } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';

export type SuspensionId = Id<'suspension'>;

export interface RegisteredModel {
  readonly id: string;
  readonly digest: string;
  readonly isDemonstration: boolean;
}

export interface OpenStage {
  readonly model: string;
  readonly decision: string;
  readonly stage: ReleaseStage;
  readonly since: Date;
  /** Of the decision. */
  readonly asOf: Date;
  /** By the database's clock, with what the decision rests on; null where nothing of it ends. */
  readonly endsAt: Date | null;
  readonly endsWith: DecisionEnd['what'] | null;
  /** By that clock; what is on record as over stays so. */
  readonly isOver: boolean;
  /** When that was put on record. */
  readonly endedAt: Date | null;
}

export interface Suspension {
  readonly id: SuspensionId;
  readonly model: string;
  readonly kind: 'incident' | 'order' | 'analysis' | 'person';
  readonly reason: string;
  readonly askedBy: string;
  readonly suspendedAt: Date;
  /** That it had by the operator's word, before anything closed it. */
  readonly stageBefore: Stage | undefined;
}

type Row = Readonly<Record<string, never>>;
const MODEL = 'id, digest, is_demonstration as "isDemonstration"';
const SUSPENSION = `id, model, kind, reason, asked_by as "askedBy", suspended_at as "suspendedAt",
  stage_before as "stageBefore"`;

const firstOf =
  (tx: Transaction) =>
  async <T>(sql: string, parameters: unknown[]): Promise<T | undefined> =>
    (await tx.query<T>(sql, parameters)).rows[0];

export function createDecisionStore(tx: Transaction) {
  const one = firstOf(tx);
  return {
    /** False where the model is registered already. */
    async register({ id, digest, isDemonstration }: RegisteredModel, by: string, at: Date): Promise<boolean> {
      const { rows } = await tx.query<Row>(
        `insert into release.models (id, digest, is_demonstration, registered_by, registered_at)
         values ($1, $2, $3, $4, $5) on conflict (id) do nothing returning id`,
        [id, digest, isDemonstration, by, at],
      );
      return rows.length > 0;
    },
    findModel: (id: string) => one<RegisteredModel>(`select ${MODEL} from release.models where id = $1`, [id]),
    listModels: async () => (await tx.query<RegisteredModel>(`select ${MODEL} from release.models order by id`)).rows,

    /** Undefined where it was recorded before, with the entry it has. */
    async insert(decision: Decision, sha256: string, entryId: string, at: Date): Promise<void> {
      const { model, asked, stage, granted, semantics, asOf, ends } = decision;
      await tx.query(
        `insert into release.decisions (sha256, model, asked, stage, granted, semantics, as_of, entry_id, recorded_at,
           ends_at, ends_with)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [sha256, model, asked, stage, granted, semantics, asOf, entryId, at, ends?.at, ends?.what],
      );
    },
    async findEntry(sha256: string): Promise<string | undefined> {
      const row = await one<{ id: string }>('select entry_id as id from release.decisions where sha256 = $1', [sha256]);
      return row?.id;
    },

    /** Two that record the same at once wait for each other. */
    async lockDecisions(): Promise<void> {
      await tx.query('lock table release.decisions in share row exclusive mode');
    },

    async enact(decision: string, signatures: string, entryId: string, at: Date): Promise<boolean> {
      const { rows } = await tx.query<Row>(
        `insert into release.enactments (decision, signatures, entry_id, enacted_at) values ($1, $2, $3, $4)
         on conflict (decision) do nothing returning decision`,
        [decision, signatures, entryId, at],
      );
      return rows.length > 0;
    },
    async reverse(decision: string, by: string, at: Date): Promise<boolean> {
      const { rows } = await tx.query<Row>(
        `update release.enactments set reversed_by = $2, reversed_at = $3
          where decision = $1 and reversed_at is null returning decision`,
        [decision, by, at],
      );
      return rows.length > 0;
    },
  };
}

/** Which stage is open, and what suspends it. */
export function createStageStore(tx: Transaction) {
  const one = firstOf(tx);
  return {
    /** `wasClosed`: for want of a decision that still held. */
    async open(fresh: Pick<OpenStage, 'model' | 'decision' | 'stage' | 'since'>, wasClosed: boolean): Promise<void> {
      const { model, decision, stage, since } = fresh;
      await tx.query(
        `insert into release.stages as s (model, decision, stage, since) values ($1, $2, $3, $4)
         on conflict (model) do update set decision = excluded.decision, stage = excluded.stage, since = excluded.since,
           ended_at = null, reopened_at = case when $5 then excluded.since else s.reopened_at end`,
        [model, decision, stage, since, wasClosed],
      );
    },
    /** Unless the decision that opened it was reversed. */
    findStage: (model: string) =>
      one<OpenStage>(
        `select s.model, s.decision, s.stage, s.since, d.as_of as "asOf", d.ends_at as "endsAt", d.ends_with as "endsWith",
                s.ended_at as "endedAt",
                s.ended_at is not null or coalesce(d.ends_at <= timekeeping.instant(), false) as "isOver"
           from release.stages s
           join release.enactments e on e.decision = s.decision
           join release.decisions d on d.sha256 = s.decision
          where s.model = $1 and e.reversed_at is null`,
        [model],
      ),
    /** Of the database's clock. */
    async instant(): Promise<Date> {
      const row = await one<{ at: Date }>('select timekeeping.instant() as at', []);
      if (!row) throw new Error('the database tells no time');
      return row.at;
    },
    /** That it is over is on record from now on. */
    async end(model: string, at: Date): Promise<void> {
      await tx.query('update release.stages set ended_at = $2 where model = $1', [model, at]);
    },
    async suspend({ id, model, kind, reason, askedBy, suspendedAt, stageBefore }: Suspension): Promise<void> {
      await tx.query(
        `insert into release.suspensions (id, model, kind, reason, asked_by, suspended_at, stage_before)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [id, model, kind, reason, askedBy, suspendedAt, stageBefore],
      );
    },
    async lift(id: string, by: string, at: Date): Promise<Suspension | undefined> {
      return one<Suspension>(
        `update release.suspensions set lifted_by = $2, lifted_at = $3
          where id = $1 and lifted_at is null returning ${SUSPENSION}`,
        [id, by, at],
      );
    },
    findSuspension: (id: string) =>
      one<Suspension>(`select ${SUSPENSION} from release.suspensions where id = $1 and lifted_at is null`, [id]),
    listSuspensions: async (model: string, { withLifted = false } = {}): Promise<readonly Suspension[]> => {
      const { rows } = await tx.query<Suspension>(
        `select ${SUSPENSION} from release.suspensions where model = $1 and ($2 or lifted_at is null)
          order by suspended_at, id`,
        [model, withLifted],
      );
      return rows;
    },
  };
}
