/** Evidence of applicants: encrypted files. Opening one is for the service, which logs the look first. */
import type { Transaction } from '../store/database.ts';

export interface EvidenceFile {
  readonly id: string;
  readonly application: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly addedBy: string;
  readonly addedAt: Date;
}

export interface SealedFile extends EvidenceFile {
  readonly sealed: Buffer;
}

const COLUMNS = `id, application, sha256, bytes, added_by as "addedBy", added_at as "addedAt"`;

export function createEvidenceStore(tx: Transaction) {
  return {
    async insert(it: SealedFile): Promise<void> {
      await tx.query(
        `insert into vetting.files (id, application, sealed, sha256, bytes, added_by, added_at)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [it.id, it.application, it.sealed, it.sha256, it.bytes, it.addedBy, it.addedAt],
      );
    },
    async find(id: string): Promise<SealedFile | undefined> {
      const { rows } = await tx.query<SealedFile>(`select ${COLUMNS}, sealed from vetting.files where id = $1`, [id]);
      return rows[0];
    },
    async list(application: string): Promise<readonly EvidenceFile[]> {
      const { rows } = await tx.query<EvidenceFile>(
        `select ${COLUMNS} from vetting.files where application = $1 order by added_at, id`,
        [application],
      );
      return rows;
    },
  };
}
