/** Scopes and their assets in Postgres. The only file that knows `scope.scopes` and `scope.assets`. */
import type { Id } from '../lib/id.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';
import { type Asset, assetText, readAsset } from './asset.ts';
import type { Method } from './proof.ts';
import type { Holding } from './scope-answer.ts';
import { type Basis, nextLook, type Standing } from './standing.ts';

export type ScopeId = Id<'scope'>;
export type AssetId = Id<'asset'>;

export interface Scope {
  readonly id: ScopeId;
  readonly organisation: string;
  readonly createdAt: Date;
  readonly endsAt: Date | undefined;
  readonly withdrawnAt: Date | undefined;
}

export interface ScopedAsset {
  readonly id: AssetId;
  readonly scopeId: ScopeId;
  readonly asset: Asset;
  readonly proof: { readonly method: Method; readonly token: string } | undefined;
  readonly standing: Standing;
  readonly trouble: string | undefined;
  readonly version: number;
}

/** Characters kept of why a look failed. */
const MAX_TROUBLE = 500;

export function createScopeStore(tx: Transaction) {
  return { ...createScopes(tx), ...createAssets(tx) };
}

/** An organisation's scopes with their assets. */
export async function loadHoldings(tx: Transaction, organisation: string): Promise<readonly Holding[]> {
  const store = createScopeStore(tx);
  const holdings: Holding[] = [];
  for (const scope of await store.scopesOf(organisation)) {
    holdings.push({ scope, assets: await store.assetsOf(scope.id) });
  }
  return holdings;
}

function createScopes(tx: Transaction) {
  return {
    async insertScope(scope: Scope): Promise<void> {
      await tx.query('insert into scope.scopes (id, organisation, created_at, ends_at) values ($1, $2, $3, $4)', [
        scope.id,
        scope.organisation,
        scope.createdAt,
        scope.endsAt ?? null,
      ]);
    },

    async withdrawScope(id: string, now: Date): Promise<void> {
      await tx.query('update scope.scopes set withdrawn_at = $2 where id = $1 and withdrawn_at is null', [id, now]);
    },

    /** Holds off other writers about this scope until commit. */
    async lockScope(id: string): Promise<Scope | undefined> {
      const { rows } = await tx.query<ScopeRow>('select * from scope.scopes where id = $1 for update', [id]);
      return rows[0] && toScope(rows[0]);
    },

    async scopesOf(organisation: string): Promise<readonly Scope[]> {
      const { rows } = await tx.query<ScopeRow>(
        'select * from scope.scopes where organisation = $1 order by created_at, id',
        [organisation],
      );
      return rows.map(toScope);
    },

    pageScopes: (ask: PageAsk, organisation: string): Promise<Page<Scope>> =>
      readPage(
        tx,
        {
          ...{ table: 'scope.scopes', order: ['created_at', 'id'] },
          ...{ where: 'organisation = $1', parameters: [organisation] },
        },
        ask,
        toScope,
      ),

    async findScopeOf(organisation: string, id: string): Promise<Scope | undefined> {
      const { rows } = await tx.query<ScopeRow>('select * from scope.scopes where organisation = $1 and id = $2', [
        organisation,
        id,
      ]);
      return rows.map(toScope)[0];
    },
  };
}

function createAssets(tx: Transaction) {
  return {
    async insertAsset(it: Omit<ScopedAsset, 'version' | 'standing' | 'trouble'>): Promise<void> {
      await tx.query(
        `insert into scope.assets (id, scope_id, asset, method, token, state, version)
         values ($1, $2, $3, $4, $5, 'waiting', 1)`,
        [it.id, it.scopeId, assetText(it.asset), it.proof?.method ?? null, it.proof?.token ?? null],
      );
    },

    /** Compare and set; throws StaleWrite where somebody was faster. */
    async update(it: ScopedAsset, standing: Standing, now: Date, trouble?: string): Promise<ScopedAsset> {
      const held = standing.state === 'standing' || standing.state === 'lapsed' ? standing : undefined;
      const { rows } = await tx.query<AssetRow>(
        `update scope.assets set state = $3, basis = $4, since = $5, until = $6, withdrawn_at = $7, due_at = $8,
                trouble = $9, version = version + 1
          where id = $1 and version = $2 returning *`,
        [
          it.id,
          it.version,
          standing.state,
          held ? JSON.stringify(held.basis) : null,
          held?.since ?? null,
          held?.until ?? null,
          standing.state === 'withdrawn' ? standing.at : null,
          dueAt(standing, now),
          trouble?.slice(0, MAX_TROUBLE) ?? null,
        ],
      );
      if (!rows[0]) throw new StaleWrite('asset', it.id);
      return toAsset(rows[0]);
    },

    async assetsOf(scopeId: string): Promise<readonly ScopedAsset[]> {
      const { rows } = await tx.query<AssetRow>('select * from scope.assets where scope_id = $1 order by asset', [
        scopeId,
      ]);
      return rows.map(toAsset);
    },

    /** Assets whose clock has come. */
    async listDue(now: Date, limit: number): Promise<readonly ScopedAsset[]> {
      const { rows } = await tx.query<AssetRow>(
        'select * from scope.assets where due_at <= $1 order by due_at limit $2',
        [now, limit],
      );
      return rows.map(toAsset);
    },

    async nextDue(): Promise<Date | undefined> {
      const { rows } = await tx.query<{ due: Date | null }>('select min(due_at) as due from scope.assets');
      return rows[0]?.due ?? undefined;
    },

    /** Standing assets that rest on an authorisation by this organisation. */
    async authorisedBy(organisation: string): Promise<readonly ScopedAsset[]> {
      const { rows } = await tx.query<AssetRow>(
        `select * from scope.assets where state = 'standing' and basis->>'by' = 'authorisation' and basis->>'from' = $1`,
        [organisation],
      );
      return rows.map(toAsset);
    },
  };
}

interface ScopeRow {
  id: ScopeId;
  organisation: string;
  created_at: Date;
  ends_at: Date | null;
  withdrawn_at: Date | null;
}

interface AssetRow {
  id: AssetId;
  scope_id: ScopeId;
  asset: string;
  method: Method | null;
  token: string | null;
  state: Standing['state'];
  basis: Basis | null;
  since: Date | null;
  until: Date | null;
  withdrawn_at: Date | null;
  trouble: string | null;
  version: number;
}

function dueAt(standing: Standing, now: Date): Date | null {
  if (standing.state !== 'standing') return null;
  const look = nextLook(standing, now);
  return look && look < standing.until ? look : standing.until;
}

function toScope({ id, organisation, created_at, ends_at, withdrawn_at }: ScopeRow): Scope {
  return {
    id,
    organisation,
    createdAt: created_at,
    endsAt: ends_at ?? undefined,
    withdrawnAt: withdrawn_at ?? undefined,
  };
}

function toAsset(row: AssetRow): ScopedAsset {
  const asset = readAsset(row.asset);
  if (!asset.ok) throw new Error(`the stored asset ${row.id} cannot be read: ${asset.refusal.why}`);
  return {
    id: row.id,
    scopeId: row.scope_id,
    asset: asset.value,
    proof: row.method && row.token ? { method: row.method, token: row.token } : undefined,
    standing: toStanding(row),
    trouble: row.trouble ?? undefined,
    version: row.version,
  };
}

function toStanding({ id, state, basis, since, until, withdrawn_at }: AssetRow): Standing {
  if (state === 'waiting') return { state };
  if (state === 'withdrawn' && withdrawn_at) return { state, at: withdrawn_at };
  if (state !== 'withdrawn' && basis && since && until) return { state, basis, since, until };
  throw new Error(`the stored asset ${id} is ${state} and lacks what that carries`);
}
