/** Messages on their way out, in Postgres. A row once committed is sent exactly once as far as the channel can tell. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { CaseId, CaseKind } from './case.ts';

export type Channel = 'file' | 'smtp';

export interface OutboxMessage {
  readonly id: Id<'message'>;
  readonly caseId: CaseId;
  readonly caseKind: CaseKind;
  readonly reportId: Id<'report'>;
  readonly channel: Channel;
  /** `<…@…>`, the same for every attempt. */
  readonly messageId: string;
  readonly state: 'pending' | 'sent' | 'refused';
  readonly attempts: number;
  readonly trouble: string | null;
  readonly sentAt: Date | null;
}

/** Characters kept of what a server said. */
const MAX_TROUBLE = 500;

export interface SealedMessage extends OutboxMessage {
  readonly sealed: Buffer;
}

interface NewMessage {
  readonly id: OutboxMessage['id'];
  readonly caseId: CaseId;
  readonly caseKind: CaseKind;
  readonly reportId: OutboxMessage['reportId'];
  readonly channel: Channel;
  readonly messageId: string;
  readonly sealed: Uint8Array;
  readonly createdAt: Date;
}

export function createOutboxStore(tx: Transaction) {
  return {
    async insert(message: NewMessage): Promise<void> {
      await tx.query(
        `insert into disclosure.outbox (id, case_id, case_kind, report_id, channel, message_id, sealed, state, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8)`,
        [
          message.id,
          message.caseId,
          message.caseKind,
          message.reportId,
          message.channel,
          message.messageId,
          message.sealed,
          message.createdAt,
        ],
      );
    },

    async insertReport(report: {
      readonly id: OutboxMessage['reportId'];
      readonly caseId: CaseId;
      readonly partyId: string;
      readonly renderedAt: Date;
      readonly sha256: string;
      readonly sealed: Uint8Array;
    }): Promise<void> {
      await tx.query(
        `insert into disclosure.reports (id, case_id, party_id, rendered_at, sha256, sealed)
         values ($1, $2, $3, $4, $5, $6)`,
        [report.id, report.caseId, report.partyId, report.renderedAt, report.sha256, report.sealed],
      );
    },

    /** The latest report of the case, with its id, encrypted. */
    async findReport(caseId: string): Promise<{ id: OutboxMessage['reportId']; sealed: Buffer } | undefined> {
      const { rows } = await tx.query<{ id: OutboxMessage['reportId']; sealed: Buffer }>(
        'select id, sealed from disclosure.reports where case_id = $1 order by rendered_at desc, id limit 1',
        [caseId],
      );
      return rows[0];
    },

    /**
     * Takes the message for one attempt and keeps others away until the transaction ends; undefined where it is done or
     * another worker has it.
     */
    async claim(id: string): Promise<SealedMessage | undefined> {
      const { rows } = await tx.query<SealedMessage>(
        `update disclosure.outbox set attempts = attempts + 1
          where id = (select id from disclosure.outbox where id = $1 and state = 'pending' for update skip locked)
      returning ${FIELDS}, sealed`,
        [id],
      );
      return rows[0];
    },

    async markSent(id: string, now: Date): Promise<void> {
      await tx.query(`update disclosure.outbox set state = 'sent', sent_at = $2, trouble = null where id = $1`, [
        id,
        now,
      ]);
    },

    async markTrouble(id: string, state: 'pending' | 'refused', trouble: string): Promise<void> {
      await tx.query('update disclosure.outbox set state = $2, trouble = $3 where id = $1', [
        id,
        state,
        trouble.slice(0, MAX_TROUBLE),
      ]);
    },

    async findSealed(id: string): Promise<SealedMessage | undefined> {
      const { rows } = await tx.query<SealedMessage>(`select ${FIELDS}, sealed from disclosure.outbox where id = $1`, [
        id,
      ]);
      return rows[0];
    },

    async list(caseId: string): Promise<readonly OutboxMessage[]> {
      const { rows } = await tx.query<OutboxMessage>(
        `select ${FIELDS} from disclosure.outbox where case_id = $1 order by created_at, id`,
        [caseId],
      );
      return rows;
    },
  };
}

const FIELDS = `id, case_id as "caseId", case_kind as "caseKind", report_id as "reportId", channel,
  message_id as "messageId", state, attempts, trouble, sent_at as "sentAt"`;
