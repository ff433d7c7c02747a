/**
 * Recovery: what the leases of ended gateways owe is read from their journals, posted, and the rest given back.
 */
import type { Database, Transaction } from '../store/database.ts';
import type { CallId, GatewayId, LeaseId, LimitId } from './credit.ts';
import { createLeaseEndStore, createLeaseStore, createLimitStore, type Posting } from './ledger-store.ts';

const RECOVER_MS = 2_000;
const RECOVERY_BATCH = 2_000;

/** What the journal of a gateway says of one call. */
export interface AdmittedCall {
  readonly call: CallId;
  readonly lease: LeaseId;
  readonly limits: readonly LimitId[];
  readonly reservedMicro: number;
  /** Undefined where the journal ends before the call did. */
  readonly costMicro?: number | undefined;
  /** Made only for what is posted here. */
  readonly toReceipt?: (() => Promise<string>) | undefined;
}

export type ReadAdmitted = (gateway: GatewayId) => AsyncIterable<AdmittedCall>;

export interface Recovered {
  readonly leases: number;
  /** Posted here, because their gateway did not. */
  readonly calls: number;
  /** Leases whose journal could not be read: they stay open, and what they hold stays set aside. */
  readonly failures: readonly { readonly lease: LeaseId; readonly gateway: GatewayId; readonly error: Error }[];
}

/** Posts what expired leases owe and gives the rest back. Any process may do this at any time, several at once. */
export async function recoverLeases(
  { database }: { readonly database: Database },
  readAdmitted: ReadAdmitted,
): Promise<Recovered> {
  let [leases, calls] = [0, 0];
  const failures: { lease: LeaseId; gateway: GatewayId; error: Error }[] = [];
  for (;;) {
    let current: { id: LeaseId; gateway: GatewayId } | undefined;
    try {
      const posted = await database.transaction(async (tx) => {
        current = await createLeaseStore(tx).lockExpired(failures.map(({ lease }) => lease));
        return current && recoverOne(tx, current.id, readAdmitted(current.gateway));
      });
      if (posted === undefined) return { leases, calls, failures };
      leases += 1;
      calls += posted;
    } catch (error) {
      if (!current) throw error;
      failures.push({
        lease: current.id,
        gateway: current.gateway,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }
}

type Owed = Posting & Pick<AdmittedCall, 'toReceipt'>;

async function recoverOne(tx: Transaction, lease: LeaseId, admitted: AsyncIterable<AdmittedCall>): Promise<number> {
  const leases = createLeaseEndStore(tx);
  const spent = new Map<LimitId, number>();
  let calls = 0;
  const post = async (postings: readonly Owed[]): Promise<void> => {
    const inserted = await leases.insertRecovered(lease, postings);
    calls += inserted.size;
    const owed = postings.filter(({ call }) => inserted.has(call));
    for (const { limits, costMicro } of owed) {
      for (const limit of limits) spent.set(limit, (spent.get(limit) ?? 0) + costMicro);
    }
    const receipts = await Promise.all(
      owed.flatMap((it) => (it.toReceipt ? [it.toReceipt().then((receipt) => ({ ...it, receipt }))] : [])),
    );
    if (receipts.length > 0) await leases.addReceipts(receipts);
  };
  let batch: Owed[] = [];
  for await (const { lease: admittedUnder, call, limits, reservedMicro, costMicro, toReceipt } of admitted) {
    if (admittedUnder !== lease) continue;
    // What the provider bills for a call that we lost sight of is not known: it is posted at what was reserved.
    batch.push({ call, limits, reservedMicro, costMicro: costMicro ?? reservedMicro, receipt: undefined, toReceipt });
    if (batch.length >= RECOVERY_BATCH) {
      await post(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await post(batch);
  const parts = await createLeaseStore(tx).parts(lease);
  await createLimitStore(tx).lock(parts.map(({ limit }) => limit));
  for (const [limit, micro] of spent) {
    const heldMicro = parts.find((part) => part.limit === limit)?.heldMicro ?? 0;
    if (micro > heldMicro) {
      throw new Error(`the journal of ${lease} admits ${micro} of ${limit}, and the lease held ${heldMicro}`);
    }
  }
  await leases.close(lease, spent);
  return calls;
}

/** Recovers now and then, in every live gateway: who finds an expired lease first, takes it. */
export function startRecovery(database: Database, readAdmitted: ReadAdmitted, onTrouble: (error: Error) => void) {
  let running: Promise<void> | undefined;
  const recover = async (): Promise<void> => {
    try {
      const { failures } = await recoverLeases({ database }, readAdmitted);
      for (const { lease, gateway, error } of failures) {
        onTrouble(new Error(`the lease ${lease} of ${gateway} cannot be recovered`, { cause: error }));
      }
    } catch (error) {
      onTrouble(error instanceof Error ? error : new Error(String(error)));
    } finally {
      running = undefined;
    }
  };
  const timer = setInterval(() => {
    running ??= recover();
  }, RECOVER_MS);
  return {
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
