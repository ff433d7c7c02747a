/** What gateways report: that they live, what they carry, which proofs were used, which access was proven by a call. */
import { sha256 } from '../lib/hash.ts';
import type { Transaction } from '../store/database.ts';
import type { KeyId } from './member.ts';

/** Live calls of one key on one model. */
export interface LiveCalls {
  readonly key: string;
  readonly model: string;
  readonly tools: readonly string[];
  readonly count: number;
}

/** A gateway that did not report for so long carries nothing. */
export const BEAT_TTL_MS = 5_000;

export function createPresenceStore(tx: Transaction) {
  return {
    /** To be called every second, and with an empty list at the end. */
    async beat(gateway: string, live: readonly LiveCalls[], now: Date): Promise<void> {
      await tx.query(
        `insert into program.gateways (id, beat_at, live) values ($1, $2, $3::jsonb)
         on conflict (id) do update set beat_at = excluded.beat_at, live = excluded.live`,
        [gateway, now, JSON.stringify(live)],
      );
      await tx.query('delete from program.gateways where beat_at < $1', [new Date(now.getTime() - 60 * BEAT_TTL_MS)]);
    },

    /** Of all gateways that live. */
    async live(now: Date): Promise<readonly LiveCalls[]> {
      const { rows } = await tx.query<{ live: readonly LiveCalls[] }>(
        'select live from program.gateways where beat_at >= $1',
        [new Date(now.getTime() - BEAT_TTL_MS)],
      );
      return rows.flatMap(({ live }) => live);
    },

    /** How many live: each takes its part of what is limited for all. */
    async countGateways(now: Date): Promise<number> {
      const { rows } = await tx.query<{ count: number }>(
        'select count(*)::int as count from program.gateways where beat_at >= $1',
        [new Date(now.getTime() - BEAT_TTL_MS)],
      );
      return rows[0]?.count ?? 0;
    },

    /**
     * True the first time, false for a replay: everywhere, because all gateways ask the same table. `expiresAt` is when
     * a proof of that age is refused anyway.
     */
    async useProof(key: KeyId, jti: string, expiresAt: Date, now: Date): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into program.dpop_seen (key, jti, expires_at) values ($1, $2, $3)
         on conflict (key, jti) do nothing returning key`,
        [key, sha256(jti), expiresAt],
      );
      await tx.query(
        `delete from program.dpop_seen where ctid in
           (select ctid from program.dpop_seen where expires_at < $1 limit 10 for update skip locked)`,
        [now],
      );
      return rows.length > 0;
    },

    /** The thumbprint that the key is bound to from now on: this one, or the one that was faster. */
    async bindFirst(id: KeyId, jkt: string): Promise<string | undefined> {
      await tx.query(
        `update program.keys set jkt = $2 where id = $1 and bind = 'dpop' and jkt is null and revoked_at is null`,
        [id, jkt],
      );
      const { rows } = await tx.query<{ jkt: string | null }>(
        'select jkt from program.keys where id = $1 and revoked_at is null',
        [id],
      );
      return rows[0]?.jkt ?? undefined;
    },

    /** Access is ready from the first real call on. */
    async prove(key: KeyId, model: string, call: string, at: Date): Promise<void> {
      await tx.query(
        'insert into program.proven (key, model, call, at) values ($1, $2, $3, $4) on conflict do nothing',
        [key, model, call, at],
      );
    },

    async listProven(organisation: string): Promise<readonly { key: KeyId; model: string; call: string; at: Date }[]> {
      const { rows } = await tx.query<{ key: KeyId; model: string; call: string; at: Date }>(
        `select p.key, p.model, p.call, p.at from program.proven p join program.keys k on k.id = p.key
          where k.organisation = $1 order by p.at`,
        [organisation],
      );
      return rows;
    },
  };
}
