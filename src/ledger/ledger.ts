/** Credit as people see and move it: grants, donations, caps, refunds, and what is left. */
import type { Clock } from '../lib/clock.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import {
  type AmountRefusal,
  assertMicro,
  availableMicro,
  type CallId,
  type GatewayId,
  isOrganisationLimit,
  type LimitId,
  MAX_MICRO,
} from './credit.ts';
import {
  createLeaseStore,
  createLimitStore,
  createPostingStore,
  findImbalances,
  type StoredPosting,
} from './ledger-store.ts';

export interface Credit {
  readonly grantedMicro: number;
  /** By calls under way. */
  readonly reservedMicro: number;
  readonly spentMicro: number;
  /** A part that a gateway has in hand and no call reserved counts as available. */
  readonly availableMicro: number;
}

export interface LimitView {
  readonly limit: LimitId;
  /** Undefined: nobody set this cap. */
  readonly grantedMicro: number | undefined;
  readonly reservedMicro: number;
  readonly spentMicro: number;
  readonly availableMicro: number;
}

export type RefundRefusal =
  | { readonly kind: 'no-such-call'; readonly call: string }
  | { readonly kind: 'more-than-was-paid'; readonly paidMicro: number };

export type Ledger = ReturnType<typeof createLedger>;

export interface LedgerParts {
  readonly database: Database;
  readonly clock: Clock;
}

export function createLedger(parts: LedgerParts) {
  const { database } = parts;

  async function show(limits: readonly LimitId[]): Promise<LimitView[]> {
    const found = new Map((await createLimitStore(database).find(limits)).map((limit) => [limit.id, limit]));
    return limits.map((limit) => {
      const row = found.get(limit);
      const { spentMicro = 0, reservedMicro = 0 } = row ?? {};
      // Without a row an organisation has nothing, and a person or key no cap.
      const grantedMicro = row ? row.grantedMicro : isOrganisationLimit(limit) ? 0 : undefined;
      const left = availableMicro({ grantedMicro, leasedMicro: reservedMicro, spentMicro });
      return { limit, grantedMicro, reservedMicro, spentMicro, availableMicro: left };
    });
  }

  return {
    /** Fund to organisation. `request`: what was moved for it before is not moved again. */
    grantCredit: (
      organisation: string,
      micro: number,
      reason: string,
      request?: Uint8Array,
    ): Promise<Result<void, AmountRefusal>> => grantCredit(parts, organisation, micro, reason, request),

    async showCredit(organisation: string): Promise<Credit> {
      const [view] = await show([`organisation:${organisation}`]);
      const { grantedMicro = 0, reservedMicro = 0, spentMicro = 0 } = view ?? {};
      return { grantedMicro, reservedMicro, spentMicro, availableMicro: view?.availableMicro ?? 0 };
    },

    show,

    /** The limit that will refuse first; this is the one to show. */
    async binding(limits: readonly LimitId[]): Promise<LimitView | undefined> {
      return (await show(limits)).toSorted((one, other) => one.availableMicro - other.availableMicro)[0];
    },

    /** Undefined lifts the cap. Of what gateways have in hand, calls under way are not taken back. */
    setCap: (limit: LimitId, micro: number | undefined): Promise<void> =>
      database.transaction((tx) => setCap(tx, limit, micro)),
    /** The same within the caller's transaction. */
    setCapIn: setCap,

    /** Fund to a project, as a posting of its own. */
    donate: (project: string, micro: number, reason: string, request?: Uint8Array): Promise<void> =>
      donate(parts, project, micro, reason, request),

    /** For a call that was posted above what it cost: one that was recovered at its reservation, say. */
    refund: (call: string, micro: number, reason: string, request?: Uint8Array): Promise<Result<void, RefundRefusal>> =>
      refund(parts, call, micro, reason, request),

    donations: (): Promise<ReadonlyMap<string, number>> => createPostingStore(database).sumDonations(),

    /** With its receipt, from at most a second after the call's end. */
    findPosting: (call: CallId | string): Promise<StoredPosting | undefined> => createPostingStore(database).find(call),

    /** Of a gateway that lives, or owes what its journal says. */
    hasOpenLease: (gateway: GatewayId): Promise<boolean> => createLeaseStore(database).hasOpen(gateway),

    /** Limits whose sums disagree with grants, postings and leases. None, or the ledger is broken. */
    audit: (): Promise<readonly string[]> => findImbalances(database),
  };
}

function grantCredit(
  { database, clock }: LedgerParts,
  organisation: string,
  micro: number,
  reason: string,
  request: Uint8Array | undefined,
): Promise<Result<void, AmountRefusal>> {
  return database.transaction(async (tx) => {
    assertMicro(micro);
    const transfers = createPostingStore(tx);
    if (request && (await transfers.isMoved(request))) return ok(undefined);
    const id: LimitId = `organisation:${organisation}`;
    const limits = createLimitStore(tx);
    const before = (await limits.lock([id]))[0]?.grantedMicro ?? 0;
    if (micro > MAX_MICRO - before) return refuse({ kind: 'too-much', micro, limitMicro: MAX_MICRO - before });
    await limits.setGranted(id, before + micro);
    if (micro === 0) return ok(undefined);
    const moved = { micro, reason, call: undefined, at: clock.now(), request };
    await transfers.insertTransfer({ kind: 'grant', source: 'fund', target: id, ...moved });
    return ok(undefined);
  });
}

async function donate(
  { database, clock }: LedgerParts,
  project: string,
  micro: number,
  reason: string,
  request: Uint8Array | undefined,
): Promise<void> {
  assertMicro(micro);
  await database.transaction(async (tx) => {
    const transfers = createPostingStore(tx);
    if (request && (await transfers.isMoved(request))) return;
    const [source, target, at] = ['fund', `donation:${project}`, clock.now()];
    await transfers.insertTransfer({ kind: 'donation', source, target, micro, reason, call: undefined, at, request });
  });
}

function refund(
  { database, clock }: LedgerParts,
  call: string,
  micro: number,
  reason: string,
  request: Uint8Array | undefined,
): Promise<Result<void, RefundRefusal>> {
  return database.transaction(async (tx) => {
    assertMicro(micro);
    const postings = createPostingStore(tx);
    if (request && (await postings.isMoved(request))) return ok(undefined);
    const posting = await postings.find(call, 'for update');
    if (!posting) return refuse({ kind: 'no-such-call', call });
    const paidMicro = posting.costMicro - posting.refundedMicro;
    if (micro > paidMicro || micro === 0) return refuse({ kind: 'more-than-was-paid', paidMicro });
    const limits = createLimitStore(tx);
    await limits.lock(posting.limits);
    await limits.lowerSpent(posting.limits, micro);
    await postings.addRefund(posting.call, micro);
    const target = posting.limits.find(isOrganisationLimit) ?? 'fund';
    const refunded = { micro, reason, call: posting.call, at: clock.now(), request };
    await postings.insertTransfer({ kind: 'refund', source: 'spent', target, ...refunded });
    return ok(undefined);
  });
}

async function setCap(tx: Transaction, limit: LimitId, micro: number | undefined): Promise<void> {
  if (isOrganisationLimit(limit)) throw new TypeError(`${limit} is money, granted out of the fund, and no cap`);
  if (micro !== undefined) assertMicro(micro);
  await createLimitStore(tx).setGranted(limit, micro);
}
