/**
 * The lease of this process and its exchanges with Postgres, one at a time. A batch is kept until Postgres has answered
 * it and sent again as it was; its sequence number tells whether it was done.
 */
import type { RandomBytes } from '../lib/id.ts';
import type { Database } from '../store/database.ts';
import type { GatewayId, LeaseId } from './credit.ts';
import { type Batch, closeLease, exchangeBatch, LEASE_TTL_MS, openLease, storeReceipts } from './lease-service.ts';
import type { Posting } from './ledger-store.ts';
import type { Holding, PartAnswer } from './meter.ts';
import type { Waiting } from './waiting.ts';

/** A lease counts as expired here so long before it does in Postgres: what is sent upstream is on its way by then. */
const EXPIRY_MARGIN_MS = 2_000;

export interface Clocks {
  /** Milliseconds that no adjustment moves, and those of the wall: only the latter show that a machine slept. */
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

interface Lease {
  readonly id: LeaseId;
  readonly sequence: number;
  readonly monotonicUntilMs: number;
  readonly wallUntilMs: number;
}

export interface ExchangeParts extends Clocks {
  readonly database: Database;
  readonly gateway: GatewayId;
  readonly random: RandomBytes;
  readonly onTrouble: (error: Error) => void;
}

export type Exchanger = Awaited<ReturnType<typeof createExchanger>>;

export async function createExchanger(parts: ExchangeParts, holding: Holding, waiting: Waiting) {
  const { database, monotonicMs, wallMs, onTrouble } = parts;
  let postings: Posting[] = [];
  let unanswered: Batch | undefined;
  let hasWanted = false;
  let lease = await open();

  async function open(): Promise<Lease> {
    const until = expiry(parts);
    return { id: await openLease(database, parts.gateway, parts.random), sequence: 0, ...until };
  }

  function takeBatch(): Batch {
    const asks = holding.plan(waiting.demands(), monotonicMs());
    const taken = postings;
    postings = [];
    return { lease: lease.id, sequence: lease.sequence + 1, asks, postings: taken, held: holding.limits() };
  }

  async function replace(): Promise<void> {
    const late = [...(unanswered?.postings ?? []), ...postings];
    onTrouble(new Error(`the lease ${lease.id} expired and was recovered by another process; a new one is opened`));
    lease = await open();
    holding.clear();
    unanswered = undefined;
    postings = [];
    await storeReceipts(database, late);
  }

  return {
    leaseId: (): LeaseId => lease.id,
    isHeld: (): boolean => monotonicMs() < lease.monotonicUntilMs && wallMs() < lease.wallUntilMs,
    /** When the lease was renewed last, in monotonic milliseconds. */
    renewedMs: (): number => lease.monotonicUntilMs - LEASE_TTL_MS + EXPIRY_MARGIN_MS,
    hasUntold: (): boolean => postings.length > 0 || unanswered !== undefined,
    /** The last exchange told of something to give back. */
    hasWanted: (): boolean => hasWanted,
    isRepeating: (): boolean => unanswered !== undefined,

    /** For a call whose lease was lost, and which was posted from the journal, only the receipt is kept. */
    post(posting: Posting, under: LeaseId): void {
      if (under !== lease.id) {
        if (posting.receipt !== undefined) storeReceipts(database, [posting]).catch(onTrouble);
        return;
      }
      holding.post(posting.limits, posting.reservedMicro, posting.costMicro);
      postings.push(posting);
    },

    /** Throws where Postgres does not answer. Undefined where the lease was lost and another is open now. */
    async exchange(): Promise<readonly PartAnswer[] | undefined> {
      const until = expiry(parts);
      unanswered ??= takeBatch();
      const answer = await exchangeBatch(database, unanswered);
      if (answer.kind === 'lost') {
        await replace();
        return undefined;
      }
      const { asks, sequence } = unanswered;
      unanswered = undefined;
      lease = { ...lease, sequence, ...until };
      holding.apply(asks, answer.answers);
      hasWanted = holding.markWanted(answer.wanted);
      return answer.answers;
    },

    close: (): Promise<void> => closeLease(database, lease.id),
  };
}

/** Counted from before the exchange, so that this process never thinks it has longer than Postgres does. */
function expiry({ monotonicMs, wallMs }: Clocks) {
  const livesMs = LEASE_TTL_MS - EXPIRY_MARGIN_MS;
  return { monotonicUntilMs: monotonicMs() + livesMs, wallUntilMs: wallMs() + livesMs };
}
