/** Which letters went to which party of a case, in Postgres. The only file that knows this table. */
import type { Transaction } from '../store/database.ts';
import type { ParticipantId } from './participant.ts';

export interface PartyLetter {
  readonly caseId: string;
  readonly partyId: ParticipantId;
  readonly kind: 'invitation' | 'escalation';
  readonly messageId: string;
  readonly postedAt: Date;
}

export function createLetterStore(tx: Transaction) {
  return {
    async insert({ caseId, partyId, kind, messageId, postedAt }: PartyLetter): Promise<void> {
      await tx.query(
        `insert into coordination.letters (case_id, party_id, kind, message_id, posted_at) values ($1, $2, $3, $4, $5)`,
        [caseId, partyId, kind, messageId, postedAt],
      );
    },

    async list(caseId: string): Promise<readonly PartyLetter[]> {
      const { rows } = await tx.query<PartyLetter>(
        `select case_id as "caseId", party_id as "partyId", kind, message_id as "messageId", posted_at as "postedAt"
           from coordination.letters where case_id = $1 order by posted_at, party_id`,
        [caseId],
      );
      return rows;
    },

    /** Whom a message went to. */
    async findParty(messageId: string): Promise<ParticipantId | undefined> {
      const { rows } = await tx.query<{ id: ParticipantId }>(
        'select party_id as id from coordination.letters where message_id = $1',
        [messageId],
      );
      return rows[0]?.id;
    },
  };
}
