/**
 * Leases: what a gateway process has in hand, fenced in Postgres.
 *
 *   open ──▶ exchange, exchange, … ──▶ closed      a closed lease takes no posting; whoever comes late is told `lost`
 *              │ not renewed for LEASE_TTL_MS
 *              └──▶ expired ──▶ recovered by any live process from the journal, and closed
 */
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import { availableMicro, exchange, type GatewayId, type LeaseId, type LimitId } from './credit.ts';
import {
  createLeaseEndStore,
  createLeaseStore,
  createLimitStore,
  type LockedLimit,
  type Posting,
  WANTED_CHANNEL,
} from './ledger-store.ts';
import type { PartAnswer, PartAsk } from './meter.ts';

export const LEASE_TTL_MS = 10_000;
/** How long others are asked to give back what they do not use. */
const WANTED_MS = 2_000;

export interface Batch {
  readonly lease: LeaseId;
  /** One more than that of the batch before. */
  readonly sequence: number;
  readonly asks: readonly PartAsk[];
  readonly postings: readonly Posting[];
  /** Everything in hand: to be told what others fall short of. */
  readonly held: readonly LimitId[];
}

export type BatchAnswer =
  | { readonly kind: 'done'; readonly answers: readonly PartAnswer[]; readonly wanted: readonly LimitId[] }
  /** The lease was closed by another process, and all that is known of its calls was posted by that. */
  | { readonly kind: 'lost' };

export async function openLease(database: Database, gateway: GatewayId, random: RandomBytes): Promise<LeaseId> {
  const lease = createId('lease', random);
  await createLeaseStore(database).open(lease, gateway, LEASE_TTL_MS);
  return lease;
}

/** Renews, posts, gives back and takes in one transaction. The same batch sent again changes nothing. */
export function exchangeBatch(database: Database, batch: Batch): Promise<BatchAnswer> {
  return database.transaction(async (tx) => {
    const leases = createLeaseStore(tx);
    const open = await leases.lockOpen(batch.lease, batch.held);
    if (!open) return { kind: 'lost' };
    if (open.sequence === batch.sequence) return { kind: 'done', ...(await readAgain(tx, batch)), wanted: open.wanted };
    if (open.sequence !== batch.sequence - 1) {
      throw new Error(`${batch.lease} is at exchange ${open.sequence} and was sent ${batch.sequence}`);
    }
    const limits = await createLimitStore(tx).lock(batch.asks.map(({ limit }) => limit));
    const held = new Map((await leases.parts(batch.lease)).map(({ limit, heldMicro }) => [limit, heldMicro]));
    const steps = batch.asks.map((ask) => stepOne(ask, find(limits, ask.limit), held.get(ask.limit) ?? 0));
    await leases.write({
      lease: batch.lease,
      sequence: batch.sequence,
      ttlMs: LEASE_TTL_MS,
      limits: steps.flatMap(({ limit, isShort }) =>
        limit ? [{ ...limit, wantedForMs: isShort ? WANTED_MS : 0 }] : [],
      ),
      parts: steps.flatMap(({ limit, answer, reservedMicro }) =>
        limit ? [{ limit: limit.id, heldMicro: answer.heldMicro, reservedMicro }] : [],
      ),
      postings: batch.postings,
    });
    for (const { limit, isShort } of steps) {
      if (limit && isShort && !limit.isWanted) await tx.query('select pg_notify($1, $2)', [WANTED_CHANNEL, limit.id]);
    }
    return { kind: 'done', answers: steps.map(({ answer }) => answer), wanted: open.wanted };
  });
}

const find = (limits: readonly LockedLimit[], id: LimitId): LockedLimit | undefined =>
  limits.find((limit) => limit.id === id);

function stepOne(ask: PartAsk, before: LockedLimit | undefined, heldMicro: number) {
  const { limit: id, reservedMicro } = ask;
  // No such organisation, or none that was ever granted anything.
  if (!before) {
    const answer: PartAnswer = { limit: id, heldMicro: 0, takenMicro: 0, availableMicro: 0, elsewhereMicro: 0 };
    return { limit: undefined, answer, isShort: false, reservedMicro };
  }
  const step = exchange(before, heldMicro, ask);
  const answer: PartAnswer = {
    limit: id,
    heldMicro: step.heldMicro,
    takenMicro: step.takenMicro,
    availableMicro: availableMicro(step.limit),
    elsewhereMicro: Math.max(0, step.limit.leasedMicro - step.heldMicro),
  };
  const isShort = step.takenMicro < ask.needMicro && answer.elsewhereMicro > 0;
  return { limit: { ...before, ...step.limit }, answer, isShort, reservedMicro };
}

/** What an exchange whose answer was lost had done. */
async function readAgain(tx: Transaction, batch: Batch): Promise<{ answers: PartAnswer[] }> {
  const ids = batch.asks.map(({ limit }) => limit);
  const limits = await createLimitStore(tx).find(ids);
  const held = new Map(
    (await createLeaseStore(tx).parts(batch.lease)).map(({ limit, heldMicro }) => [limit, heldMicro]),
  );
  const answers = ids.map((id): PartAnswer => {
    const limit = limits.find((other) => other.id === id);
    const heldMicro = held.get(id) ?? 0;
    return {
      limit: id,
      heldMicro,
      takenMicro: 0,
      availableMicro: limit ? availableMicro(limit) : 0,
      elsewhereMicro: limit ? Math.max(0, limit.leasedMicro - heldMicro) : 0,
    };
  });
  return { answers };
}

/** Gives everything back. Only for a lease without a call under way, all of whose calls were posted. */
export function closeLease(database: Database, lease: LeaseId): Promise<void> {
  return database.transaction(async (tx) => {
    const leases = createLeaseStore(tx);
    if (!(await leases.lockOpen(lease, []))) return;
    await createLimitStore(tx).lock((await leases.parts(lease)).map(({ limit }) => limit));
    await createLeaseEndStore(tx).close(lease, new Map());
  });
}

/** For a lease that was lost: its calls were posted from the journal, their receipts are still ours to store. */
export function storeReceipts(database: Database, postings: readonly Posting[]): Promise<void> {
  return createLeaseEndStore(database).addReceipts(postings);
}
