/** The changes of shared cases in Postgres. The only file that knows this table. */
import type { Transaction } from '../store/database.ts';

export interface StoredChange {
  readonly at: Date;
  readonly sealed: Buffer;
}

export function createChangeStore(tx: Transaction) {
  return {
    /** One writer of a case at a time, until the transaction ends. */
    async lock(caseId: string): Promise<void> {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 170))', [caseId]);
    },

    async append(
      caseId: string,
      change: { readonly kind: string; readonly actor: string; readonly at: Date; readonly sealed: Uint8Array },
    ): Promise<void> {
      const { kind, actor, at, sealed } = change;
      await tx.query(
        'insert into coordination.changes (case_id, kind, actor, at, sealed) values ($1, $2, $3, $4, $5)',
        [caseId, kind, actor, at, sealed],
      );
    },

    async list(caseId: string): Promise<readonly StoredChange[]> {
      const { rows } = await tx.query<StoredChange>(
        'select at, sealed from coordination.changes where case_id = $1 order by position',
        [caseId],
      );
      return rows;
    },
  };
}
