/** Decisions, what they opened and what suspends it, in Postgres. The only file that knows these tables. */
import type { Id } from '../lib/id.ts';
import type { Decision, ReleaseStage } from '../policy/index.ts';
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
}

export interface Suspension {
  readonly id: SuspensionId;
  readonly model: string;
  readonly kind: 'incident' | 'order' | 'analysis' | 'person';
  readonly reason: string;
  readonly askedBy: string;
  readonly suspendedAt: Date;
}

type Row = Readonly<Record<string, never>>;
const MODEL = 'id, digest, is_demonstration as "isDemonstration"';
const SUSPENSION = 'id, model, kind, reason, asked_by as "askedBy", suspended_at as "suspendedAt"';

export function createDecisionStore(tx: Transaction) {
  const one = async <T>(sql: string, parameters: unknown[]): Promise<T | undefined> =>
    (await tx.query<T>(sql, parameters)).rows[0];
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
      const { model, asked, stage, granted, semantics, asOf } = decision;
      await tx.query(
        `insert into release.decisions (sha256, model, asked, stage, granted, semantics, as_of, entry_id, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [sha256, model, asked, stage, granted, semantics, asOf, entryId, at],
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
    async open({ model, decision, stage, since }: Omit<OpenStage, 'asOf'>): Promise<void> {
      await tx.query(
        `insert into release.stages (model, decision, stage, since) values ($1, $2, $3, $4)
         on conflict (model) do update set decision = excluded.decision, stage = excluded.stage, since = excluded.since`,
        [model, decision, stage, since],
      );
    },
    /** Unless the decision that opened it was reversed. */
    findStage: (model: string) =>
      one<OpenStage>(
        `select s.model, s.decision, s.stage, s.since, d.as_of as "asOf" from release.stages s
           join release.enactments e on e.decision = s.decision
           join release.decisions d on d.sha256 = s.decision
          where s.model = $1 and e.reversed_at is null`,
        [model],
      ),
    async reverse(decision: string, by: string, at: Date): Promise<boolean> {
      const { rows } = await tx.query<Row>(
        `update release.enactments set reversed_by = $2, reversed_at = $3
          where decision = $1 and reversed_at is null returning decision`,
        [decision, by, at],
      );
      return rows.length > 0;
    },

    async suspend({ id, model, kind, reason, askedBy, suspendedAt }: Suspension): Promise<void> {
      await tx.query(
        `insert into release.suspensions (id, model, kind, reason, asked_by, suspended_at)
         values ($1, $2, $3, $4, $5, $6)`,
        [id, model, kind, reason, askedBy, suspendedAt],
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
    listSuspensions: async (model: string): Promise<readonly Suspension[]> => {
      const { rows } = await tx.query<Suspension>(
        `select ${SUSPENSION} from release.suspensions where model = $1 and lifted_at is null order by suspended_at, id`,
        [model],
      );
      return rows;
    },
  };
}
