/** The changes of shared cases in Postgres. The only file that knows these tables. */
import type { Transaction } from '../store/database.ts';

export interface StoredChange {
  /** Digits: grows with every change of any case. */
  readonly position: string;
  readonly at: Date;
  readonly sealed: Buffer;
}

export interface Snapshot {
  /** The last change it holds. */
  readonly upto: string;
  readonly sealed: Buffer;
}

export function createChangeStore(tx: Transaction) {
  return {
    /** One writer of a case at a time, until the transaction ends. */
    async lock(caseId: string): Promise<void> {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 170))', [caseId]);
    },

    /** Its position. */
    async append(
      caseId: string,
      change: { readonly kind: string; readonly actor: string; readonly at: Date; readonly sealed: Uint8Array },
    ): Promise<string> {
      const { kind, actor, at, sealed } = change;
      const { rows } = await tx.query<{ at_position: string }>(
        `insert into coordination.changes (case_id, kind, actor, at, sealed) values ($1, $2, $3, $4, $5)
         returning position::text as at_position`,
        [caseId, kind, actor, at, sealed],
      );
      if (!rows[0]) throw new Error(`a change of ${caseId} was not kept`);
      return rows[0].at_position;
    },

    /** After that position, in order. */
    async list(caseId: string, after: string): Promise<readonly StoredChange[]> {
      const { rows } = await tx.query<StoredChange>(
        `select it.position::text as position, it.at, it.sealed from coordination.changes it
          where it.case_id = $1 and it.position > $2::bigint order by it.position`,
        [caseId, after],
      );
      return rows;
    },

    async findSnapshot(caseId: string): Promise<Snapshot | undefined> {
      const { rows } = await tx.query<Snapshot>(
        'select upto::text, sealed from coordination.snapshots where case_id = $1',
        [caseId],
      );
      return rows[0];
    },

    async saveSnapshot(caseId: string, { upto, sealed }: Omit<Snapshot, 'sealed'> & { sealed: Uint8Array }) {
      await tx.query(
        `insert into coordination.snapshots (case_id, upto, sealed) values ($1, $2::bigint, $3)
         on conflict (case_id) do update set upto = excluded.upto, sealed = excluded.sealed`,
        [caseId, upto, sealed],
      );
    },
  };
}
