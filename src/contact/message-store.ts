/** Messages on their way out, in Postgres. */
import type { Id } from '../lib/id.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { Channel, Matter } from './channel.ts';
import type { MessageState, Progress } from './message.ts';

export interface Message extends Progress {
  readonly id: Id<'message'>;
  readonly caseId: Matter['id'];
  readonly caseKind: Matter['kind'];
  readonly channel: Channel;
  /** By which it is found where it arrived: the same for every attempt. */
  readonly marker: string;
  readonly keyId: string;
  /** Its name at the other side, once known. */
  readonly remote: string | null;
  readonly createdAt: Date;
}

export interface SealedMessage extends Message {
  readonly sealed: Buffer;
}

export interface NewMessage {
  readonly id: Message['id'];
  readonly caseId: Message['caseId'];
  readonly caseKind: Message['caseKind'];
  readonly channel: Channel;
  readonly marker: string;
  readonly keyId: string;
  readonly sealed: Uint8Array;
  /** Who said that it may be public; public channels only. */
  readonly agreedBy: string | null;
  readonly createdAt: Date;
}

/** Characters kept of what a server said. */
const MAX_TROUBLE = 500;
const MAX_REMOTE = 300;
const LIST_LIMIT = 1_000;
/** Tells our holds from other uses of such locks in one database. */
const HOLD_SEED = 7_230_190;

const FIELDS = `id, case_id as "caseId", case_kind as "caseKind", channel, marker, key_id as "keyId", remote, state,
  attempts, reads, begun_at as "begunAt", sent_at as "sentAt", settled_by as "settledBy", trouble,
  created_at as "createdAt"`;

export function createMessageStore(tx: Transaction) {
  const find = async <Row>(sql: string, parameters: unknown[]): Promise<Row | undefined> =>
    (await tx.query<Row>(sql, parameters)).rows[0];
  return {
    async insert(it: NewMessage): Promise<void> {
      await tx.query(
        `insert into contact.messages (id, case_id, case_kind, channel, marker, key_id, sealed, agreed_by, state, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9)`,
        [it.id, it.caseId, it.caseKind, it.channel, it.marker, it.keyId, it.sealed, it.agreedBy, it.createdAt],
      );
    },

    find: (id: string) => find<Message>(`select ${FIELDS} from contact.messages where id = $1`, [id]),

    findSealed: (id: string) =>
      find<SealedMessage>(`select ${FIELDS}, sealed from contact.messages where id = $1`, [id]),

    /** By its marker, or by the name that the other side gave it. */
    findNamed: (names: readonly string[]) =>
      find<Message>(
        `select ${FIELDS} from contact.messages where marker = any($1) or remote = any($1) or id = any($1)
          order by created_at desc limit 1`,
        [names],
      ),

    /** Keeps other workers away until the transaction ends, in whatever way; false where one has it. */
    async hold(id: string): Promise<boolean> {
      const row = await find<{ held: boolean }>('select pg_try_advisory_xact_lock(hashtextextended($1, $2)) as held', [
        id,
        HOLD_SEED,
      ]);
      return row?.held ?? false;
    },

    /** Compare and set: throws StaleWrite where the message moved since it was read. */
    async save(from: Message, to: Progress, remote: string | null = from.remote): Promise<void> {
      const { rows } = await tx.query(
        `update contact.messages set state = $2, attempts = $3, reads = $4, begun_at = $5, sent_at = $6, settled_by = $7,
                trouble = $8, remote = $9
          where id = $1 and state = $10 and attempts = $11 and reads = $12 returning id`,
        [
          from.id,
          to.state,
          to.attempts,
          to.reads,
          to.begunAt,
          to.sentAt,
          to.settledBy,
          to.trouble && toPlainLine(withoutNames(to.trouble), MAX_TROUBLE),
          remote && toPlainLine(remote, MAX_REMOTE),
          from.state,
          from.attempts,
          from.reads,
        ],
      );
      if (rows.length === 0) throw new StaleWrite('the message', from.id);
    },

    /** The database's clock, which is the authority over when an attempt was begun and is over. */
    async now(): Promise<Date> {
      const row = await find<{ now: Date }>('select clock_timestamp() as now', []);
      if (!row) throw new Error('the database does not say what time it is');
      return row.now;
    },
  };
}

/** What stands in the outbox, many at a time. */
export function createMessageLists(tx: Transaction) {
  return {
    /** Of one case, the oldest first. */
    async listOf(caseId: string): Promise<readonly Message[]> {
      const { rows } = await tx.query<Message>(
        `select ${FIELDS} from contact.messages where case_id = $1 order by created_at, id`,
        [caseId],
      );
      return rows;
    },

    /** The newest first. */
    async list(states: readonly MessageState[]): Promise<readonly Message[]> {
      const { rows } = await tx.query<Message>(
        `select ${FIELDS} from contact.messages where state = any($1) order by created_at desc, id limit ${LIST_LIMIT}`,
        [states],
      );
      return rows;
    },

    async count(): Promise<ReadonlyMap<MessageState, number>> {
      const { rows } = await tx.query<{ state: MessageState; count: number }>(
        'select state, count(*)::int as count from contact.messages group by state',
      );
      return new Map(rows.map(({ state, count }) => [state, count]));
    },
  };
}

/** Servers repeat recipients and places in what they say, and the row is not encrypted. */
const withoutNames = (said: string): string =>
  said.replaceAll(/https?:\/\/\S+/g, '(place)').replaceAll(/[^\s<>]+@[^\s<>]+/g, '(address)');
