/** What the doors keep of their own, in Postgres. The only file that knows the tables of `inbound`. */
import type { Transaction } from '../store/database.ts';

export type Door = 'mail' | 'form';

export interface TurnedAway {
  readonly day: string;
  readonly door: Door;
  readonly reason: string;
  readonly count: number;
}

export interface Receipt {
  readonly importId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export function createInboundStore(tx: Transaction) {
  return {
    async insertReceipt(tokenHash: Uint8Array, { importId, createdAt, expiresAt }: Receipt): Promise<void> {
      await tx.query(
        'insert into inbound.receipts (token_hash, import_id, created_at, expires_at) values ($1, $2, $3, $4)',
        [tokenHash, importId, createdAt, expiresAt],
      );
    },

    async findReceipt(tokenHash: Uint8Array): Promise<Receipt | undefined> {
      const { rows } = await tx.query<Receipt>(
        `select import_id as "importId", created_at as "createdAt", expires_at as "expiresAt"
           from inbound.receipts where token_hash = $1`,
        [tokenHash],
      );
      return rows[0];
    },

    async insertClaims(answerId: string, words: string): Promise<void> {
      await tx.query(
        'insert into inbound.sender_claims (answer_id, words) values ($1, $2) on conflict (answer_id) do nothing',
        [answerId, words],
      );
    },

    async findClaims(answerId: string): Promise<string | undefined> {
      const { rows } = await tx.query<{ words: string }>(
        'select words from inbound.sender_claims where answer_id = $1',
        [answerId],
      );
      return rows[0]?.words;
    },

    async addTurnedAway(day: Date, door: Door, reason: string, count: number): Promise<void> {
      await tx.query(
        `insert into inbound.turned_away as t (on_day, door, reason, count) values ($1::date, $2, $3, $4)
         on conflict (on_day, door, reason) do update set count = t.count + excluded.count`,
        [day.toISOString().slice(0, 10), door, reason, count],
      );
    },

    /** The newest day first. */
    async listTurnedAway(days: number): Promise<readonly TurnedAway[]> {
      const { rows } = await tx.query<{ day: string; door: Door; reason: string; count: string }>(
        `select on_day::text as day, door, reason, count from inbound.turned_away
          where on_day > current_date - $1::int order by on_day desc, door, reason`,
        [days],
      );
      return rows.map(({ count, ...rest }) => ({ ...rest, count: Number(count) }));
    },
  };
}

export const listTurnedAway = (tx: Transaction, days: number): Promise<readonly TurnedAway[]> =>
  createInboundStore(tx).listTurnedAway(days);

export const findClaims = (tx: Transaction, answerId: string): Promise<string | undefined> =>
  createInboundStore(tx).findClaims(answerId);
