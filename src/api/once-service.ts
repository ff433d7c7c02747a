/**
 * Does a request once, however often it is sent under the same key. Begun is on record before it is done. Of one whose
 * handler failed or was killed nobody knows how it ended: its sender is told to come back, and when its time is over it
 * is done again. What must not happen twice even then (money) is told apart by the request itself.
 */
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { addDays } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import type { Database } from '../store/database.ts';
import { createRequestStore } from './request-store.ts';
import { ApiRefused } from './route.ts';

const KEEP_DAYS = 1;
/** No handler takes so long: after that it is taken to have failed. */
export const REQUEST_LEASE_MS = 120_000;
const KEY = z.string().regex(/^[\x21-\x7e]{8,200}$/);

export interface Asked {
  readonly person: string;
  readonly key: string;
  /** Of method, path and body. */
  readonly request: string;
  readonly status: number;
}

export function createOnce({ database, clock }: { readonly database: Database; readonly clock: Clock }) {
  /** `keep` takes out what must be shown only this once. */
  return async function once(
    { person, key, request, status }: Asked,
    work: () => Promise<unknown>,
    keep: (answer: unknown) => unknown,
  ): Promise<{ readonly answer: unknown; readonly isReplayed: boolean }> {
    if (!KEY.safeParse(key).success) {
      const message = '8 to 200 printable characters without spaces';
      throw new ApiRefused({ kind: 'invalid', errors: [{ in: 'header', at: 'idempotency-key', message }] });
    }
    const it = { person, keyHash: sha256(key) };
    const requestSha256 = sha256(request);
    const now = clock.now();
    const known = await createRequestStore(database).begin(it, requestSha256, now, {
      keptSince: addDays(now, -KEEP_DAYS),
      failedBefore: new Date(now.getTime() - REQUEST_LEASE_MS),
    });
    if (known) {
      if (!known.requestSha256.equals(requestSha256)) throw new ApiRefused({ kind: 'key-reused' });
      if (!known.ended) throw new ApiRefused({ kind: 'under-way' });
      return { answer: known.ended.answer, isReplayed: true };
    }
    try {
      const answer = await work();
      await createRequestStore(database).end(it, status, keep(answer));
      return { answer, isReplayed: false };
    } catch (error) {
      if (error instanceof ApiRefused) await createRequestStore(database).forget(it);
      throw error;
    }
  };
}
