/** Reads what a gateway knows, by kind and by id, and which rows changed since an epoch. */
import type { Transaction } from '../store/database.ts';
import type { AuthorityBook, AuthorityRows, RowKind } from './authority.ts';
import { ROW_KINDS } from './authority.ts';
import type { AccessKey, Country, Grant, Organisation, OwnRate, Person, ScopeNotice } from './member.ts';
import type { Model, PriceTier } from './model.ts';
import type { RolloutNotice } from './rollout.ts';
import type { Stop, StopId } from './stop.ts';
import type { Tier } from './tier.ts';

/** NOTIFY wakes whoever listens here. */
export const EPOCH_CHANNEL = 'program_epoch';

interface ChangedRows {
  readonly kind: RowKind;
  readonly ids: ReadonlySet<string>;
  readonly rows: readonly AuthorityRows[RowKind][];
}

export function createAuthorityStore(tx: Transaction) {
  return {
    /** The epoch, 0 before anything was ever written, and the instant of the database's clock. */
    async read(): Promise<{ readonly epoch: number; readonly at: Date }> {
      const { rows } = await tx.query<{ epoch: string | null; at: Date }>(
        'select (select epoch from program.epoch) as epoch, timekeeping.instant() as at',
      );
      const [row] = rows;
      if (!row) throw new Error('the database tells no time');
      return { epoch: Number(row.epoch ?? 0), at: row.at };
    },

    /** Which rows changed after `since`, by kind. Undefined where that is no longer known. */
    async changesAfter(since: number, now: number): Promise<ReadonlyMap<RowKind, ReadonlySet<string>> | undefined> {
      const { rows } = await tx.query<{ kind: string; subject: string }>(
        'select kind, subject from program.changes where epoch > $1',
        [since],
      );
      if (rows.length !== now - since) return undefined;
      const changes = new Map<RowKind, Set<string>>();
      for (const { kind, subject } of rows) {
        const known = ROW_KINDS.find((each) => each === kind);
        if (!known) return undefined;
        changes.set(known, (changes.get(known) ?? new Set()).add(subject));
      }
      return changes;
    },

    /** Every row of every kind, and up to which instant what ends has ended. */
    async readAll(book: AuthorityBook): Promise<void> {
      for (const kind of ROW_KINDS) book.put(kind, (await read(kind)) as never);
      book.passTo((await this.read()).at);
    },

    /** The changed rows as they are now; those that ended are named and not given. */
    async readChanged(changes: ReadonlyMap<RowKind, ReadonlySet<string>>): Promise<readonly ChangedRows[]> {
      const changed: ChangedRows[] = [];
      for (const [kind, ids] of changes) changed.push({ kind, ids, rows: await read(kind, ids) });
      return changed;
    },
  };

  async function read<Kind extends RowKind>(kind: Kind, ids?: ReadonlySet<string>): Promise<AuthorityRows[Kind][]> {
    const { columns, current, fromRow } = SOURCES[kind];
    const only = ids ? 'and id = any($1)' : '';
    const { rows } = await tx.query<never>(
      `select ${columns} from program.${kind} where ${current} ${only}`,
      ids ? [[...ids]] : [],
    );
    return rows.map(fromRow);
  }
}

interface Source<Row> {
  readonly columns: string;
  /** What was ended by somebody is not read. What ends by itself is judged by the caller's clock, not the database's. */
  readonly current: string;
  readonly fromRow: (row: never) => Row;
}

type Loose = Readonly<Record<string, unknown>>;
const orUndefined = <T>(value: unknown): T | undefined => (value === null ? undefined : (value as T));

export const toModel = (row: Loose): Model => ({
  id: row.id as string,
  protocol: row.protocol as Model['protocol'],
  url: row.url as string,
  upstreamName: row.upstream_name as string,
  apiKeyEnv: row.api_key_env as string,
  prices: {
    input: Number(row.price_input),
    output: Number(row.price_output),
    cacheWrite5m: Number(row.price_cache_write_5m),
    cacheWrite1h: Number(row.price_cache_write_1h),
    cacheRead: Number(row.price_cache_read),
    ...((row.price_tiers as readonly PriceTier[]).length > 0 && { tiers: row.price_tiers as readonly PriceTier[] }),
  },
  contextTokens: row.context_tokens as number,
  maxOutputTokens: row.max_output_tokens as number,
  onLeave: row.on_leave as Model['onLeave'],
  minTier: row.min_tier as Model['minTier'],
  stage: orUndefined(row.stage),
  ...(row.stage_ends_at !== null && { stageEndsAt: row.stage_ends_at as Date }),
  ...(row.is_by_decision === true && { isByDecision: true }),
});

export const toOrganisation = (row: Loose): Organisation => ({
  id: row.id as Organisation['id'],
  name: row.name as string,
  standing: row.standing as Organisation['standing'],
  tier: orUndefined(row.tier),
});

export const toPerson = (row: Loose): Person => ({
  id: row.id as Person['id'],
  organisation: row.organisation as Person['organisation'],
  forOrganisation: orUndefined(row.for_organisation),
  email: row.email as string,
  standing: row.standing as Person['standing'],
  isCapped: row.is_capped as boolean,
});

export const toGrant = (row: Loose): Grant => ({
  id: row.id as Grant['id'],
  organisation: row.organisation as Grant['organisation'],
  person: orUndefined(row.person),
  model: row.model as string,
  tier: row.tier as Grant['tier'],
  expiresAt: row.expires_at as Date,
  revokedAt: orUndefined(row.revoked_at),
});

export const toAccessKey = (row: Loose): AccessKey => ({
  id: row.id as AccessKey['id'],
  mac: (row.mac as Buffer).toString('hex'),
  organisation: row.organisation as AccessKey['organisation'],
  person: row.person as AccessKey['person'],
  models: row.models as string[],
  tier: row.tier as AccessKey['tier'],
  bind: row.bind as AccessKey['bind'],
  jkt: orUndefined(row.jkt),
  isCapped: row.is_capped as boolean,
  createdAt: row.created_at as Date,
  expiresAt: orUndefined(row.expires_at),
  revokedAt: orUndefined(row.revoked_at),
});

const toScope = (row: Loose): ScopeNotice => ({
  id: row.id as string,
  organisation: row.organisation as ScopeNotice['organisation'],
  expiresAt: row.expires_at as Date,
});

export interface StopRow {
  readonly id: StopId;
  readonly model: string | null;
  readonly organisation: string | null;
  readonly person: string | null;
  readonly country_tag: string | null;
  readonly country_not: boolean | null;
  readonly tier: Tier | null;
  readonly tool: string | null;
  readonly key: string | null;
  readonly reason: string;
  readonly legal_order: string | null;
  readonly is_wide: boolean;
  readonly restored: readonly string[];
  readonly asked_by: string;
  readonly asked_at: Date;
  readonly confirmed_by: string | null;
  readonly expires_at: Date | null;
  readonly lifted_at: Date | null;
}

export function fromStopRow(row: StopRow): Stop {
  const { country_tag: tag } = row;
  return {
    id: row.id,
    terms: {
      model: row.model ?? undefined,
      organisation: row.organisation ?? undefined,
      person: row.person ?? undefined,
      country: tag === null ? undefined : { tag, isNot: row.country_not ?? false },
      tier: row.tier ?? undefined,
      tool: row.tool ?? undefined,
      key: row.key ?? undefined,
    },
    restored: row.restored,
    reason: row.reason,
    legalOrder: row.legal_order ?? undefined,
    isWide: row.is_wide,
    askedBy: row.asked_by,
    askedAt: row.asked_at,
    confirmedBy: row.confirmed_by ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    liftedAt: row.lifted_at ?? undefined,
  };
}

const toRollout = (row: Loose): RolloutNotice => ({
  id: row.id as string,
  base: row.base as RolloutNotice['base'],
  shareMillionths: row.share_millionths as number,
  salt: row.salt as Buffer,
  regions: orUndefined(row.regions),
  rates: row.rates as RolloutNotice['rates'],
});

const SOURCES: { readonly [Kind in RowKind]: Source<AuthorityRows[Kind]> } = {
  organisations: { columns: '*', current: 'true', fromRow: toOrganisation },
  persons: { columns: '*', current: `standing = 'active'`, fromRow: toPerson },
  countries: { columns: 'id, subject, kind, tag', current: 'true', fromRow: (row: Country) => row },
  models: { columns: '*', current: 'true', fromRow: toModel },
  grants: { columns: '*', current: 'revoked_at is null', fromRow: toGrant },
  keys: {
    columns: '*',
    current: 'revoked_at is null',
    fromRow: toAccessKey,
  },
  stops: { columns: '*', current: 'lifted_at is null', fromRow: (row: StopRow): Stop => fromStopRow(row) },
  scopes: { columns: '*', current: 'true', fromRow: toScope },
  rates: {
    columns: 'id, per_second as "perSecond", burst',
    current: 'true',
    fromRow: (row: OwnRate) => row,
  },
  rollouts: { columns: '*', current: 'true', fromRow: toRollout },
};
