/** Entries in Postgres: promised, then leaves. The only file that knows the table `tlog.entries`. */

import { type Hash, leafHash } from '../lib/merkle.ts';
import type { Transaction } from '../store/database.ts';
import type { CommitmentId, Entry, EntryId } from './entry.ts';

export interface StoredEntry {
  readonly body: Uint8Array;
  readonly leaf: Hash;
}

export interface EntryPlace {
  readonly id: EntryId;
  readonly type: string;
  readonly commitment: CommitmentId | undefined;
  /** Undefined while the entry is promised and not yet a leaf. */
  readonly index: number | undefined;
}

/** Promises the entry to the log. It becomes a leaf if and only if the caller's transaction is committed. */
export function appendEntry(tx: Transaction, entry: Entry): Promise<void> {
  return appendEntries(tx, [entry]);
}

/** The same for many, in their order, in one statement. */
export async function appendEntries(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  await tx.query(
    `insert into tlog.entries (id, type, commitment, body, leaf_hash)
     select id, type, commitment, body, leaf_hash
       from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
            with ordinality as given (id, type, commitment, body, leaf_hash, ordinal)
      order by ordinal`,
    [
      entries.map(({ id }) => id),
      entries.map(({ type }) => type),
      entries.map(({ commitment }) => commitment ?? null),
      entries.map(({ body }) => body),
      entries.map(({ body }) => leafHash(body)),
    ],
  );
}

export function createEntryStore(tx: Transaction) {
  return {
    /** Promised entries in the order in which they become leaves. */
    async pending(limit: number): Promise<{ position: string; leaf: Hash }[]> {
      const { rows } = await tx.query<{ position: string; leaf_hash: Buffer }>(
        'select position, leaf_hash from tlog.entries where index is null order by position limit $1',
        [limit],
      );
      return rows.map(({ position, leaf_hash }) => ({ position, leaf: leaf_hash }));
    },

    /** Makes them the leaves from `first` on, in the order given. Throws if one of them is a leaf already. */
    async assign(positions: readonly string[], first: number): Promise<void> {
      const { rows } = await tx.query(
        `update tlog.entries as entry set index = $2::bigint + given.ordinal - 1
           from unnest($1::bigint[]) with ordinality as given (position, ordinal)
          where entry.position = given.position and entry.index is null
      returning entry.position`,
        [positions, first],
      );
      if (rows.length !== positions.length)
        throw new Error(`${positions.length - rows.length} entries are leaves already`);
    },

    /** Leaves `from` (inclusive) to `to` (exclusive). Throws where one is missing or does not hash to its leaf. */
    async leaves(from: number, to: number): Promise<StoredEntry[]> {
      const { rows } = await tx.query<{ body: Buffer; leaf_hash: Buffer }>(
        'select body, leaf_hash from tlog.entries where index >= $1 and index < $2 order by index',
        [from, to],
      );
      if (rows.length !== to - from) throw new Error(`the database lacks leaves between ${from} and ${to}`);
      return rows.map(({ body, leaf_hash }, offset) => {
        if (!leaf_hash.equals(leafHash(body))) throw new Error(`entry ${from + offset} does not hash to its leaf`);
        return { body, leaf: leaf_hash };
      });
    },

    async find(id: string): Promise<EntryPlace | undefined> {
      const { rows } = await tx.query<EntryRow>('select id, type, commitment, index from tlog.entries where id = $1', [
        id,
      ]);
      return rows[0] && toPlace(rows[0]);
    },

    /** Bodies of all entries about one commitment, oldest first. Holds off other writers about it until commit. */
    async lockCommitment(commitment: CommitmentId): Promise<Uint8Array[]> {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [commitment]);
      const { rows } = await tx.query<{ body: Buffer }>(
        'select body from tlog.entries where commitment = $1 order by position',
        [commitment],
      );
      return rows.map(({ body }) => body);
    },

    async countPending(): Promise<number> {
      const { rows } = await tx.query<{ count: number }>(
        'select count(*)::int as count from tlog.entries where index is null',
      );
      return rows[0]?.count ?? 0;
    },
  };
}

interface EntryRow {
  id: EntryId;
  type: string;
  commitment: CommitmentId | null;
  index: string | null;
}

function toPlace({ id, type, commitment, index }: EntryRow): EntryPlace {
  return { id, type, commitment: commitment ?? undefined, index: index === null ? undefined : Number(index) };
}
