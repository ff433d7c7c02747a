/** What came back by mail, in Postgres. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Matter } from './channel.ts';
import type { IncomingKind } from './incoming-mail.ts';

export interface Answer {
  readonly id: Id<'answer'>;
  readonly kind: IncomingKind;
  readonly messageId: Id<'message'> | null;
  readonly caseId: Matter['id'] | null;
  readonly keyId: string | null;
  readonly state: 'kept' | 'done';
  readonly receivedAt: Date;
}

interface SealedAnswer extends Answer {
  readonly sealed: Buffer;
}

const LIST_LIMIT = 1_000;
const FIELDS = `id, kind, message_id as "messageId", case_id as "caseId", key_id as "keyId", state,
  received_at as "receivedAt"`;

export function createAnswerStore(tx: Transaction) {
  return {
    /** False where the same bytes were given before. */
    async insert(it: Answer, fingerprint: string, sealed: Uint8Array): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into contact.answers (id, fingerprint, kind, message_id, case_id, key_id, sealed, state, received_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (fingerprint) do nothing returning id`,
        [it.id, fingerprint, it.kind, it.messageId, it.caseId, it.keyId, sealed, it.state, it.receivedAt],
      );
      return rows.length > 0;
    },

    async findByFingerprint(fingerprint: string): Promise<Answer | undefined> {
      const { rows } = await tx.query<Answer>(`select ${FIELDS} from contact.answers where fingerprint = $1`, [
        fingerprint,
      ]);
      return rows[0];
    },

    async findSealed(id: string): Promise<SealedAnswer | undefined> {
      const { rows } = await tx.query<SealedAnswer>(`select ${FIELDS}, sealed from contact.answers where id = $1`, [
        id,
      ]);
      return rows[0];
    },

    async setState(id: string, state: Answer['state']): Promise<void> {
      await tx.query('update contact.answers set state = $2 where id = $1', [id, state]);
    },

    /** The newest first: those that a person has to read, or all. */
    async list(which: 'kept' | 'all'): Promise<readonly Answer[]> {
      const { rows } = await tx.query<Answer>(
        `select ${FIELDS} from contact.answers where $1 = 'all' or state = 'kept'
          order by received_at desc, id limit ${LIST_LIMIT}`,
        [which],
      );
      return rows;
    },
  };
}
