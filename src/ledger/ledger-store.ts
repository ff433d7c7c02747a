/** Limits, leases, postings and transfers in Postgres: the only file that knows the tables of `ledger`. */
import type { Transaction } from '../store/database.ts';
import { type CallId, fromBigint, type GatewayId, type LeaseId, type LimitId, type LimitState } from './credit.ts';

export interface LockedLimit extends LimitState {
  readonly id: LimitId;
  readonly isWanted: boolean;
}

export interface Posting {
  readonly call: CallId;
  readonly limits: readonly LimitId[];
  readonly reservedMicro: number;
  readonly costMicro: number;
  /** The signed receipt as JSON text. */
  readonly receipt: string | undefined;
}

export interface StoredPosting extends Posting {
  readonly how: 'settled' | 'recovered';
  readonly refundedMicro: number;
  readonly postedAt: Date;
}

export interface HeldPart {
  readonly limit: LimitId;
  readonly heldMicro: number;
  readonly reservedMicro: number;
}

/** Everything one exchange writes; one statement, so that the rows stay locked for one round trip. */
export interface ExchangeRows {
  readonly lease: LeaseId;
  readonly sequence: number;
  readonly ttlMs: number;
  readonly limits: readonly (LockedLimit & { readonly wantedForMs: number })[];
  readonly parts: readonly HeldPart[];
  readonly postings: readonly Posting[];
}

/** Told of limits that somebody fell short of; the payload is the limit. */
export const WANTED_CHANNEL = 'ledger_wanted';

interface LimitRow {
  readonly id: LimitId;
  readonly granted: string | null;
  readonly leased: string;
  readonly spent: string;
  readonly wanted: boolean;
}

function toLimit({ id, granted, leased, spent, wanted }: LimitRow): LockedLimit {
  return {
    id,
    grantedMicro: granted === null ? undefined : fromBigint(granted),
    leasedMicro: fromBigint(leased),
    spentMicro: fromBigint(spent),
    isWanted: wanted,
  };
}

const LIMIT_COLUMNS = 'id, granted, leased, spent, coalesce(wanted_until > clock_timestamp(), false) as wanted';

export function createLimitStore(tx: Transaction) {
  async function lock(ids: readonly LimitId[]): Promise<LockedLimit[]> {
    const { rows } = await tx.query<LimitRow>(
      `select ${LIMIT_COLUMNS} from ledger.limits where id = any ($1) order by id for update`,
      [ids],
    );
    return rows.map(toLimit);
  }

  return {
    /** In the order of their ids, so that two that lock the same rows never wait for each other in a ring. */
    async lock(ids: readonly LimitId[]): Promise<LockedLimit[]> {
      const found = await lock(ids);
      // A person's or key's limit exists from its first use on. An organisation's only by a grant: no row, no money.
      const known = new Set(found.map(({ id }) => id));
      const fresh = ids.filter((id) => !known.has(id) && !id.startsWith('organisation:'));
      if (fresh.length === 0) return found;
      await tx.query('insert into ledger.limits (id) select unnest($1::text[]) on conflict do nothing', [
        fresh.toSorted(),
      ]);
      return lock(ids);
    },

    async find(ids: readonly LimitId[]): Promise<(LockedLimit & { readonly reservedMicro: number })[]> {
      const { rows } = await tx.query<LimitRow & { reserved: string }>(
        `select ${LIMIT_COLUMNS},
                (select coalesce(sum(reserved), 0) from ledger.lease_parts where limit_id = id) as reserved
           from ledger.limits where id = any ($1)`,
        [ids],
      );
      return rows.map((row) => ({ ...toLimit(row), reservedMicro: fromBigint(row.reserved) }));
    },

    async setGranted(id: LimitId, micro: number | undefined): Promise<void> {
      await tx.query(
        `insert into ledger.limits (id, granted) values ($1, $2) on conflict (id) do update set granted = excluded.granted`,
        [id, micro ?? null],
      );
    },

    async lowerSpent(ids: readonly LimitId[], micro: number): Promise<void> {
      await tx.query('update ledger.limits set spent = spent - $2 where id = any ($1)', [ids, micro]);
    },
  };
}

export function createLeaseStore(tx: Transaction) {
  return {
    async open(id: LeaseId, gateway: GatewayId, ttlMs: number): Promise<void> {
      await tx.query(
        `insert into ledger.leases (id, gateway, expires_at)
         values ($1, $2, clock_timestamp() + $3 * interval '1 ms')`,
        [id, gateway, ttlMs],
      );
    },

    /** A gateway that lives, or one that is not recovered yet. */
    async hasOpen(gateway: GatewayId): Promise<boolean> {
      const { rows } = await tx.query('select from ledger.leases where gateway = $1 and closed_at is null limit 1', [
        gateway,
      ]);
      return rows.length > 0;
    },

    /** Undefined where it was closed. Also which of the limits somebody else falls short of. */
    async lockOpen(
      id: LeaseId,
      held: readonly LimitId[],
    ): Promise<{ sequence: number; wanted: LimitId[] } | undefined> {
      const { rows } = await tx.query<{ sequence: string; wanted: LimitId[] }>(
        `select sequence, array(select id from ledger.limits
                                 where id = any ($2) and wanted_until > clock_timestamp()) as wanted
           from ledger.leases where id = $1 and closed_at is null for update`,
        [id, held],
      );
      const row = rows[0];
      return row && { sequence: fromBigint(row.sequence), wanted: row.wanted };
    },

    /** One that nobody renewed in time, locked; those that another process is recovering are passed over. */
    async lockExpired(leftOut: readonly LeaseId[]): Promise<{ id: LeaseId; gateway: GatewayId } | undefined> {
      const { rows } = await tx.query<{ id: LeaseId; gateway: GatewayId }>(
        `select id, gateway from ledger.leases
          where closed_at is null and expires_at < clock_timestamp() and id <> all ($1)
          order by expires_at limit 1 for update skip locked`,
        [leftOut],
      );
      return rows[0];
    },

    async parts(id: LeaseId): Promise<HeldPart[]> {
      const { rows } = await tx.query<{ limit_id: LimitId; held: string; reserved: string }>(
        'select limit_id, held, reserved from ledger.lease_parts where lease_id = $1 order by limit_id',
        [id],
      );
      return rows.map(({ limit_id, held, reserved }) => ({
        limit: limit_id,
        heldMicro: fromBigint(held),
        reservedMicro: fromBigint(reserved),
      }));
    },

    async write(rows: ExchangeRows): Promise<void> {
      await tx.query(EXCHANGE, [
        rows.lease,
        rows.sequence,
        rows.ttlMs,
        JSON.stringify(
          rows.limits.map(({ id, leasedMicro, spentMicro, wantedForMs }) => ({
            id,
            leased: leasedMicro,
            spent: spentMicro,
            wanted: wantedForMs,
          })),
        ),
        JSON.stringify(
          rows.parts.map(({ limit, heldMicro, reservedMicro }) => ({
            limit,
            held: heldMicro,
            reserved: reservedMicro,
          })),
        ),
        toPostingRows(rows.postings),
      ]);
    },
  };
}

/** Leases that end: recovered, or given up. */
export function createLeaseEndStore(tx: Transaction) {
  return {
    /** Undefined for those that were posted before. */
    async insertRecovered(lease: LeaseId, postings: readonly Posting[]): Promise<Set<CallId>> {
      const { rows } = await tx.query<{ call_id: CallId }>(
        `insert into ledger.postings (call_id, lease_id, limits, reserved, cost, how, receipt)
         select call, $1, limits, reserved, cost, 'recovered', receipt #>> '{}' from ${POSTING_ROWS('$2')}
             on conflict do nothing returning call_id`,
        [lease, toPostingRows(postings)],
      );
      return new Set(rows.map(({ call_id }) => call_id));
    },

    /** Gives up what it holds and takes no more. */
    async close(id: LeaseId, spentMicro: ReadonlyMap<LimitId, number>): Promise<void> {
      await tx.query(
        `update ledger.limits as limits set leased = limits.leased - part.held, spent = limits.spent + coalesce(given.spent, 0)
           from ledger.lease_parts as part
           left join json_to_recordset($2::json) as given (id text, spent bigint) on given.id = part.limit_id
          where part.lease_id = $1 and limits.id = part.limit_id`,
        [id, JSON.stringify([...spentMicro].map(([limit, spent]) => ({ id: limit, spent })))],
      );
      await tx.query('delete from ledger.lease_parts where lease_id = $1', [id]);
      await tx.query('update ledger.leases set closed_at = clock_timestamp() where id = $1', [id]);
    },

    /** For calls that somebody else posted: their receipts, where there is none yet. */
    async addReceipts(postings: readonly Posting[]): Promise<void> {
      await tx.query(
        `update ledger.postings as posting set receipt = given.receipt #>> '{}' from ${POSTING_ROWS('$1')}
          where posting.call_id = given.call and posting.receipt is null and given.receipt is not null`,
        [toPostingRows(postings)],
      );
    },
  };
}

const POSTING_ROWS = (parameter: string): string =>
  `json_to_recordset(${parameter}::json) as given (call text, limits text[], reserved bigint, cost bigint, receipt json)`;

const EXCHANGE = `
  with limits as (
    update ledger.limits as row set leased = given.leased, spent = given.spent,
           wanted_until = case when given.wanted > 0 then clock_timestamp() + given.wanted * interval '1 ms'
                               else row.wanted_until end
      from json_to_recordset($4::json) as given (id text, leased bigint, spent bigint, wanted int)
     where row.id = given.id
  ), parts as (
    insert into ledger.lease_parts as row (lease_id, limit_id, held, reserved)
    select $1, given."limit", held, reserved
      from json_to_recordset($5::json) as given ("limit" text, held bigint, reserved bigint)
        on conflict (lease_id, limit_id) do update set held = excluded.held, reserved = excluded.reserved
  ), postings as (
    insert into ledger.postings (call_id, lease_id, limits, reserved, cost, how, receipt)
    select call, $1, limits, reserved, cost, 'settled', receipt #>> '{}' from ${POSTING_ROWS('$6')}
  )
  update ledger.leases set sequence = $2, expires_at = clock_timestamp() + $3 * interval '1 ms' where id = $1`;

/** Escapes that Postgres cannot turn into text: one of them, in a name that a provider chose, would hold up every posting. */
const UNREADABLE = /\\u(?:0000|d[89a-f])/i;

/** A receipt is JSON already, and goes in as it is: to quote it as text would cost more than all the rest of the call. */
function toPostingRows(postings: readonly Posting[]): string {
  let rows = '';
  for (const { call, limits, reservedMicro, costMicro, receipt } of postings) {
    const told = receipt === undefined ? '' : `,"receipt":${isReadable(receipt) ? receipt : JSON.stringify(receipt)}`;
    const head = `"call":${JSON.stringify(call)},"limits":${JSON.stringify(limits)},"reserved":${reservedMicro},"cost":${costMicro}`;
    rows += `${rows === '' ? '' : ','}{${head}${told}}`;
  }
  return `[${rows}]`;
}

const isReadable = (receipt: string): boolean => !receipt.includes('\\u') || !UNREADABLE.test(receipt);

interface PostingRow {
  readonly call_id: CallId;
  readonly limits: LimitId[];
  readonly reserved: string;
  readonly cost: string;
  readonly refunded: string;
  readonly how: 'settled' | 'recovered';
  readonly posted_at: Date;
  readonly receipt: string | null;
}

export interface Transfer {
  readonly kind: 'grant' | 'donation' | 'refund';
  readonly source: string;
  readonly target: string;
  readonly micro: number;
  readonly reason: string;
  readonly call: CallId | undefined;
  readonly at: Date;
  /** Of the request that asked for it, where it may be sent again. */
  readonly request: Uint8Array | undefined;
}

export function createPostingStore(tx: Transaction) {
  return {
    async find(call: string, lock: '' | 'for update' = ''): Promise<StoredPosting | undefined> {
      const { rows } = await tx.query<PostingRow>(
        `select call_id, limits, reserved, cost, refunded, how, posted_at, receipt
           from ledger.postings where call_id = $1 ${lock}`,
        [call],
      );
      const row = rows[0];
      return (
        row && {
          call: row.call_id,
          limits: row.limits,
          reservedMicro: fromBigint(row.reserved),
          costMicro: fromBigint(row.cost),
          refundedMicro: fromBigint(row.refunded),
          how: row.how,
          postedAt: row.posted_at,
          receipt: row.receipt ?? undefined,
        }
      );
    },

    async addRefund(call: CallId, micro: number): Promise<void> {
      await tx.query('update ledger.postings set refunded = refunded + $2 where call_id = $1', [call, micro]);
    },

    async insertTransfer({ kind, source, target, micro, reason, call, at, request }: Transfer): Promise<void> {
      await tx.query(
        `insert into ledger.transfers (kind, source, target, micro, reason, call_id, at, request_sha256)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [kind, source, target, micro, reason, call ?? null, at, request === undefined ? null : Buffer.from(request)],
      );
    },

    async isMoved(request: Uint8Array): Promise<boolean> {
      const { rows } = await tx.query('select from ledger.transfers where request_sha256 = $1', [Buffer.from(request)]);
      return rows.length > 0;
    },

    async sumDonations(): Promise<ReadonlyMap<string, number>> {
      const { rows } = await tx.query<{ target: string; micro: string }>(
        `select target, sum(micro) as micro from ledger.transfers where kind = 'donation' group by target order by target`,
      );
      return new Map(rows.map(({ target, micro }) => [target.replace(/^donation:/, ''), fromBigint(micro)]));
    },
  };
}

/** Limits whose columns disagree with the records they sum up. None, or the ledger is broken. */
export async function findImbalances(tx: Transaction): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `with held as (select limit_id as id, sum(held) as micro from ledger.lease_parts group by 1),
          spent as (select id, sum(cost - refunded) as micro
                      from ledger.postings, unnest(limits) as id group by 1),
          granted as (select target as id, sum(micro) as micro
                        from ledger.transfers where kind = 'grant' group by 1)
     select id from ledger.limits
       left join held using (id) left join spent using (id) left join granted using (id)
      where leased <> coalesce(held.micro, 0) or ledger.limits.spent <> coalesce(spent.micro, 0)
         or (id like 'organisation:%' and ledger.limits.granted <> coalesce(granted.micro, 0))
      order by id`,
  );
  return rows.map(({ id }) => id);
}
