/** What was checked of a report and who signed it off, in Postgres. The only file that knows these tables. */
import type { Transaction } from '../store/database.ts';

export interface StoredWord {
  readonly digest: string;
  readonly at: Date;
  readonly sealed: Buffer;
}

export function createReadinessStore(tx: Transaction) {
  return {
    async add(caseId: string, kind: 'check' | 'sign-off', word: Omit<StoredWord, 'sealed'> & { sealed: Uint8Array }) {
      await tx.query('insert into readiness.words (case_id, kind, digest, at, sealed) values ($1, $2, $3, $4, $5)', [
        caseId,
        kind,
        word.digest,
        word.at,
        word.sealed,
      ]);
    },

    /** The last one of a kind. */
    async findLast(caseId: string, kind: 'check' | 'sign-off'): Promise<StoredWord | undefined> {
      const { rows } = await tx.query<StoredWord>(
        'select digest, at, sealed from readiness.words where case_id = $1 and kind = $2 order by position desc limit 1',
        [caseId, kind],
      );
      return rows[0];
    },
  };
}
