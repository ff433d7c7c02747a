/** Requests that are done once, by the key their sender chose. The only file that knows this table. */
import type { Transaction } from '../store/database.ts';

export interface KeptRequest {
  readonly requestSha256: Buffer;
  /** Undefined until it is known how it ended. */
  readonly ended: { readonly status: number; readonly answer: unknown } | undefined;
}

export interface RequestKey {
  readonly person: string;
  readonly keyHash: Uint8Array;
}

export function createRequestStore(tx: Transaction) {
  return {
    /**
     * Undefined where it begins now, or again because it began before `failedBefore` and never ended; else what is known
     * of it. Forgets those begun before `keptSince`.
     */
    async begin(
      { person, keyHash }: RequestKey,
      requestSha256: Uint8Array,
      now: Date,
      { keptSince, failedBefore }: { readonly keptSince: Date; readonly failedBefore: Date },
    ): Promise<KeptRequest | undefined> {
      await tx.query('delete from api.requests where begun_at < $1', [keptSince]);
      const { rows: begun } = await tx.query(
        `insert into api.requests as kept (person, key_hash, request_sha256, begun_at) values ($1, $2, $3, $4)
         on conflict (person, key_hash) do update set begun_at = excluded.begun_at
            where kept.status is null and kept.begun_at < $5 and kept.request_sha256 = excluded.request_sha256
         returning person`,
        [person, Buffer.from(keyHash), Buffer.from(requestSha256), now, failedBefore],
      );
      if (begun.length > 0) return undefined;
      const { rows } = await tx.query<{ request_sha256: Buffer; status: number | null; answer: unknown }>(
        'select request_sha256, status, answer from api.requests where person = $1 and key_hash = $2',
        [person, Buffer.from(keyHash)],
      );
      const row = rows[0];
      if (!row) throw new Error('a request under way vanished: somebody forgot it just now');
      const { status, answer } = row;
      return { requestSha256: row.request_sha256, ended: status === null ? undefined : { status, answer } };
    },

    async end({ person, keyHash }: RequestKey, status: number, answer: unknown): Promise<void> {
      await tx.query('update api.requests set status = $3, answer = $4 where person = $1 and key_hash = $2', [
        person,
        Buffer.from(keyHash),
        status,
        JSON.stringify(answer),
      ]);
    },

    /** It was refused and left nothing behind: it may be tried again. */
    async forget({ person, keyHash }: RequestKey): Promise<void> {
      await tx.query('delete from api.requests where person = $1 and key_hash = $2 and status is null', [
        person,
        Buffer.from(keyHash),
      ]);
    },
  };
}
