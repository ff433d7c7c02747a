/** What was written of each case's place in a chain. The only file that knows `triage.links`. */
import type { Transaction } from '../store/database.ts';

/** Links read at once: more than that many findings nobody has joined by hand. */
const MAX_LINKS = 10_000;

export function createLinkStore(tx: Transaction) {
  return {
    async put(caseId: string, sealed: Buffer, actor: string): Promise<void> {
      await tx.query(
        `insert into triage.links (case_id, sealed, written_by) values ($1, $2, $3)
         on conflict (case_id) do update set sealed = excluded.sealed, written_by = excluded.written_by, written_at = now()`,
        [caseId, sealed, actor],
      );
    },

    async remove(caseId: string): Promise<boolean> {
      const { rows } = await tx.query('delete from triage.links where case_id = $1 returning case_id', [caseId]);
      return rows.length > 0;
    },

    async list(): Promise<readonly { readonly caseId: string; readonly sealed: Buffer }[]> {
      const { rows } = await tx.query<{ caseId: string; sealed: Buffer }>(
        'select case_id as "caseId", sealed from triage.links order by case_id limit $1',
        [MAX_LINKS],
      );
      return rows;
    },
  };
}
