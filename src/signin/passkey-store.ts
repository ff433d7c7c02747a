/** Passkeys and recovery codes in Postgres: public keys, and slow hashes. */
import { sha256 } from '../lib/hash.ts';
import type { Transaction } from '../store/database.ts';
import { ATTEMPT_HOURS, type KeptCode } from './recovery.ts';

export interface Passkey {
  readonly id: string;
  readonly person: string;
  readonly publicKey: Uint8Array;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly aaguid: string;
  readonly isSynced: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
}

export function createPasskeyStore(tx: Transaction) {
  return {
    /** False where this authenticator's key is known already. */
    async insert(it: Omit<Passkey, 'lastUsedAt'>): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into signin.passkeys (id, person, public_key, counter, transports, aaguid, is_synced, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing returning id`,
        [
          it.id,
          it.person,
          Buffer.from(it.publicKey),
          it.counter,
          [...it.transports],
          it.aaguid,
          it.isSynced,
          it.createdAt,
        ],
      );
      return rows.length === 1;
    },
    async find(id: string): Promise<Passkey | undefined> {
      const { rows } = await tx.query<PasskeyRow>(
        'select * from signin.passkeys where id = $1 and removed_at is null for update',
        [id],
      );
      return rows[0] && toPasskey(rows[0]);
    },
    async of(person: string): Promise<readonly Passkey[]> {
      const { rows } = await tx.query<PasskeyRow>(
        'select * from signin.passkeys where person = $1 and removed_at is null order by created_at',
        [person],
      );
      return rows.map(toPasskey);
    },
    async use(id: string, counter: number, now: Date): Promise<void> {
      await tx.query('update signin.passkeys set counter = $2, last_used_at = $3 where id = $1', [id, counter, now]);
    },
    async remove(person: string, now: Date): Promise<void> {
      await tx.query('update signin.passkeys set removed_at = $2 where person = $1 and removed_at is null', [
        person,
        now,
      ]);
    },
  };
}

export function createRecoveryStore(tx: Transaction) {
  return {
    async replace(person: string, codes: readonly KeptCode[]): Promise<void> {
      await tx.query('delete from signin.recovery_codes where person = $1', [person]);
      await tx.query(
        `insert into signin.recovery_codes (person, position, salt, hash)
         select $1, ordinal - 1, salt, hash
           from unnest($2::bytea[], $3::bytea[]) with ordinality as given (salt, hash, ordinal)`,
        [person, codes.map(({ salt }) => salt), codes.map(({ hash }) => hash)],
      );
    },
    async find(person: string, position: number): Promise<KeptCode | undefined> {
      const { rows } = await tx.query<KeptCode>(
        'select salt, hash from signin.recovery_codes where person = $1 and position = $2 and used_at is null',
        [person, position],
      );
      return rows[0];
    },
    /** True for one caller alone, and only while it is still this code. */
    async use(person: string, position: number, { hash }: KeptCode, now: Date): Promise<boolean> {
      const { rows } = await tx.query(
        `update signin.recovery_codes set used_at = $4
          where person = $1 and position = $2 and hash = $3 and used_at is null returning person`,
        [person, position, hash, now],
      );
      return rows.length === 1;
    },
    /** Counts this one, and gives how many there were of late, this one included. */
    async attempt(address: string, now: Date): Promise<number> {
      const { rows } = await tx.query<{ count: number }>(
        `with this as (insert into signin.recovery_attempts (address_hash, at) values ($1, $2)),
              old as (delete from signin.recovery_attempts where at <= $2::timestamptz - make_interval(hours => $3))
         select count(*)::int + 1 as count from signin.recovery_attempts
          where address_hash = $1 and at > $2::timestamptz - make_interval(hours => $3)`,
        [sha256(address.trim().toLowerCase()), now, ATTEMPT_HOURS],
      );
      return rows[0]?.count ?? Number.POSITIVE_INFINITY;
    },
  };
}

interface PasskeyRow {
  id: string;
  person: string;
  public_key: Buffer;
  counter: string;
  transports: string[];
  aaguid: string;
  is_synced: boolean;
  created_at: Date;
  last_used_at: Date | null;
}

function toPasskey(row: PasskeyRow): Passkey {
  return {
    id: row.id,
    person: row.person,
    publicKey: row.public_key,
    counter: Number(row.counter),
    transports: row.transports,
    aaguid: row.aaguid,
    isSynced: row.is_synced,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}
