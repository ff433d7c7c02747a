/** The encrypted half of a case, and its commitment, in Postgres. */
import type { Transaction } from '../store/database.ts';
import type { CommitmentId } from '../tlog/index.ts';
import type { FindingId } from '../verify/index.ts';
import type { CaseId } from './case.ts';

export interface SealedDetails {
  readonly caseId: CaseId;
  readonly findingId: FindingId;
  readonly keyId: string;
  readonly finding: Buffer;
  /** The secret half of the commitment. */
  readonly sealed: Buffer;
  readonly learnt: Buffer;
}

export interface CaseCommitment {
  readonly id: CommitmentId;
  /** 64 hexadecimal digits. */
  readonly root: string;
  readonly sealedAt: Date;
  /** The promised day, UTC: `2026-07-06`. */
  readonly openedBy: string;
  readonly endedAt: Date | null;
}

export function createDetailsStore(tx: Transaction) {
  return {
    async insert(details: SealedDetails): Promise<void> {
      await tx.query(
        `insert into disclosure.details (case_id, finding_id, key_id, finding, sealed, learnt)
         values ($1, $2, $3, $4, $5, $6)`,
        [details.caseId, details.findingId, details.keyId, details.finding, details.sealed, details.learnt],
      );
    },

    async findCaseOf(findingId: string): Promise<CaseId | undefined> {
      const { rows } = await tx.query<{ case_id: CaseId }>(
        'select case_id from disclosure.details where finding_id = $1',
        [findingId],
      );
      return rows[0]?.case_id;
    },

    /** By the id of case, finding or commitment. */
    async findCaseNamed(name: string): Promise<CaseId | undefined> {
      const { rows } = await tx.query<{ case_id: CaseId }>(
        `select details.case_id from disclosure.details as details
           join disclosure.commitments as commitment on commitment.case_id = details.case_id
          where $1 in (details.case_id, details.finding_id, commitment.id)`,
        [name],
      );
      return rows[0]?.case_id;
    },

    /** Throws where the case has none: both are written in one transaction. */
    async get(caseId: string): Promise<SealedDetails> {
      const { rows } = await tx.query<SealedDetails>(
        `select case_id as "caseId", finding_id as "findingId", key_id as "keyId", finding, sealed, learnt
           from disclosure.details where case_id = $1`,
        [caseId],
      );
      if (!rows[0]) throw new Error(`the case ${caseId} has no details`);
      return rows[0];
    },

    async replaceLearnt(caseId: string, learnt: Uint8Array): Promise<void> {
      await tx.query('update disclosure.details set learnt = $2 where case_id = $1', [caseId, learnt]);
    },

    async replaceFinding(caseId: string, finding: Uint8Array): Promise<void> {
      await tx.query('update disclosure.details set finding = $2 where case_id = $1', [caseId, finding]);
    },

    async insertCommitment(caseId: string, commitment: Omit<CaseCommitment, 'endedAt'>): Promise<void> {
      await tx.query(
        'insert into disclosure.commitments (id, case_id, root, sealed_at, opened_by) values ($1, $2, $3, $4, $5)',
        [commitment.id, caseId, commitment.root, commitment.sealedAt, commitment.openedBy],
      );
    },

    async getCommitment(caseId: string): Promise<CaseCommitment> {
      const { rows } = await tx.query<CaseCommitment>(
        `select id, root, sealed_at as "sealedAt", to_char(opened_by, 'YYYY-MM-DD') as "openedBy", ended_at as "endedAt"
           from disclosure.commitments where case_id = $1`,
        [caseId],
      );
      if (!rows[0]) throw new Error(`the case ${caseId} has no commitment`);
      return rows[0];
    },

    async extendCommitment(id: string, openedBy: string): Promise<void> {
      await tx.query('update disclosure.commitments set opened_by = $2 where id = $1', [id, openedBy]);
    },

    async endCommitment(id: string, how: 'opened' | 'withdrawn', now: Date): Promise<void> {
      await tx.query('update disclosure.commitments set ended_at = $3, how = $2 where id = $1 and ended_at is null', [
        id,
        how,
        now,
      ]);
    },
  };
}
