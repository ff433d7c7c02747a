/** The feeds as they were last imported: `triage.feeds`, `triage.kev` and `triage.epss`. */
import type { Transaction } from '../store/database.ts';
import type { EpssEntry, Feed, FeedKind, KevEntry } from './feed.ts';
import type { ListKind } from './list-store.ts';

export interface StoredFeed {
  readonly kind: FeedKind | ListKind;
  readonly version: string;
  readonly releasedAt: Date;
  readonly importedAt: Date;
  readonly sha256: string;
  readonly entries: number;
}

/** Where a feed is read again by itself. */
export interface FeedSource {
  readonly kind: FeedKind;
  readonly url: string;
  readonly lookedAt: Date | null;
  /** Why it was not taken when it was last looked at. */
  readonly trouble: string | null;
}

/** What one version of a feed has otherwise than the one before. */
export interface FeedChange {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** Rows written by one statement. */
const ROWS = 20_000;

/** Imports of one feed take turns. */
const TURN = 7_713_055_160;

export function createFeedStore(tx: Transaction) {
  return {
    async takeTurn(): Promise<void> {
      await tx.query('select pg_advisory_xact_lock($1)', [TURN]);
    },

    async feeds(): Promise<readonly StoredFeed[]> {
      const { rows } = await tx.query<StoredFeed>(
        `select kind, version, sha256, entries, released_at as "releasedAt", imported_at as "importedAt"
         from triage.feeds order by kind`,
      );
      return rows;
    },

    async listSources(): Promise<readonly FeedSource[]> {
      const { rows } = await tx.query<FeedSource>(
        'select kind, url, looked_at as "lookedAt", trouble from triage.feed_sources order by kind',
      );
      return rows;
    },

    /** Null: it is read no more. */
    async saveSource(kind: FeedKind, url: string | null): Promise<void> {
      await tx.query('delete from triage.feed_sources where kind = $1', [kind]);
      if (url !== null) await tx.query('insert into triage.feed_sources (kind, url) values ($1, $2)', [kind, url]);
    },

    async noteLook(kind: FeedKind, trouble: string | null): Promise<void> {
      await tx.query('update triage.feed_sources set looked_at = now(), trouble = left($2, 500) where kind = $1', [
        kind,
        trouble,
      ]);
    },

    async listKevIds(): Promise<readonly string[]> {
      const { rows } = await tx.query<{ cve: string }>('select cve from triage.kev');
      return rows.map(({ cve }) => cve);
    },

    /** Replaces the whole feed, and says what is otherwise. */
    async replace(feed: Feed, sha256: string): Promise<FeedChange> {
      const table = `triage.${feed.kind}`;
      await tx.query(`create temporary table newer (like ${table} including defaults) on commit drop`);
      for (let from = 0; from < feed.entries.length; from += ROWS) {
        if (feed.kind === 'kev') await insertKev(tx, feed.entries.slice(from, from + ROWS));
        else await insertEpss(tx, feed.entries.slice(from, from + ROWS));
      }
      const { rows } = await tx.query<FeedChange>(
        `select count(*) filter (where older is null)::int as added,
                count(*) filter (where newer is null)::int as removed,
                count(*) filter (where older is distinct from newer and older is not null and newer is not null)::int as changed
         from ${table} as older full join newer using (cve)`,
      );
      await tx.query(`delete from ${table}`);
      await tx.query(`insert into ${table} select * from newer`);
      await tx.query('drop table newer');
      await tx.query(
        `insert into triage.feeds (kind, version, released_at, sha256, entries) values ($1, $2, $3, $4, $5)
         on conflict (kind) do update set version = excluded.version, released_at = excluded.released_at,
           sha256 = excluded.sha256, entries = excluded.entries, imported_at = now()`,
        [feed.kind, feed.version, feed.releasedAt, sha256, feed.entries.length],
      );
      return rows[0] ?? { added: 0, changed: 0, removed: 0 };
    },

    async findKev(cves: readonly string[]): Promise<readonly KevEntry[]> {
      const { rows } = await tx.query<KevEntry>(
        `select cve, to_char(added, 'YYYY-MM-DD') as added, to_char(due, 'YYYY-MM-DD') as due, ransomware
         from triage.kev where cve = any($1) order by cve`,
        [cves],
      );
      return rows;
    },

    async findEpss(cves: readonly string[]): Promise<readonly EpssEntry[]> {
      const { rows } = await tx.query<EpssEntry>(
        'select cve, score, percentile from triage.epss where cve = any($1) order by cve',
        [cves],
      );
      return rows;
    },
  };
}

async function insertKev(tx: Transaction, entries: readonly KevEntry[]): Promise<void> {
  await tx.query(
    `insert into newer (cve, added, due, ransomware)
     select * from unnest($1::text[], $2::date[], $3::date[], $4::boolean[])`,
    [
      entries.map(({ cve }) => cve),
      entries.map(({ added }) => added),
      entries.map(({ due }) => due),
      entries.map(({ ransomware }) => ransomware),
    ],
  );
}

async function insertEpss(tx: Transaction, entries: readonly EpssEntry[]): Promise<void> {
  await tx.query(
    'insert into newer (cve, score, percentile) select * from unnest($1::text[], $2::float8[], $3::float8[])',
    [entries.map(({ cve }) => cve), entries.map(({ score }) => score), entries.map(({ percentile }) => percentile)],
  );
}
