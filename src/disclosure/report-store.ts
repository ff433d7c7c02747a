/** Reports as they were rendered, encrypted, in Postgres. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { CaseId } from './case.ts';

interface SealedReport {
  readonly id: Id<'report'>;
  readonly caseId: CaseId;
  readonly partyId: string;
  readonly messageId: Id<'message'>;
  readonly renderedAt: Date;
  readonly sha256: string;
  readonly sealed: Uint8Array;
}

export function createReportStore(tx: Transaction) {
  return {
    async insert(report: SealedReport): Promise<void> {
      await tx.query(
        `insert into disclosure.reports (id, case_id, party_id, message_id, rendered_at, sha256, sealed)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [report.id, report.caseId, report.partyId, report.messageId, report.renderedAt, report.sha256, report.sealed],
      );
    },

    /** Whom a message reported to; undefined for a message that was no report. */
    async findParty(messageId: string): Promise<Id<'party'> | undefined> {
      const { rows } = await tx.query<{ party: Id<'party'> }>(
        'select party_id as party from disclosure.reports where message_id = $1',
        [messageId],
      );
      return rows[0]?.party;
    },

    /** The latest of the case, with its id, encrypted. */
    async findLatest(caseId: string): Promise<{ id: SealedReport['id']; sealed: Buffer } | undefined> {
      const { rows } = await tx.query<{ id: SealedReport['id']; sealed: Buffer }>(
        'select id, sealed from disclosure.reports where case_id = $1 order by rendered_at desc, id limit 1',
        [caseId],
      );
      return rows[0];
    },
  };
}
