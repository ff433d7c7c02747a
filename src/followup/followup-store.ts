/** Watches, releases and what came of them in Postgres. The only file that knows the schema `followup`. */
import type { Id } from '../lib/id.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { TrialOutcome } from './consequence.ts';
import type { Source, SourceRefusal } from './release.ts';

export type WatchId = Id<'watch'>;
export type ReleaseId = Id<'release'>;

export interface WatchRow {
  readonly id: WatchId;
  readonly packageId: string;
  readonly source: Source;
  readonly keyId: string;
  readonly version: number;
  readonly sealed: Buffer;
  readonly lookedAt: Date | null;
  readonly nextAt: Date;
  readonly failures: number;
  readonly trouble: SourceRefusal['kind'] | null;
}

export interface ReleaseRow {
  readonly id: ReleaseId;
  readonly caseId: string;
  readonly sealed: Buffer;
  readonly seenAt: Date;
  readonly outcome: TrialOutcome | null;
  readonly triedAt: Date | null;
  readonly trial: Buffer | null;
}

export interface FollowSettings {
  readonly steppedBy: 'person' | 'machine';
  readonly staleDays: number;
  /** Sources are asked by a clock; else only when a person says so. */
  readonly looksByItself: boolean;
}

const WATCH = `id, package_id as "packageId", source, key_id as "keyId", version, sealed, looked_at as "lookedAt",
  next_at as "nextAt", failures, trouble`;
const RELEASE = `id, case_id as "caseId", sealed, seen_at as "seenAt", outcome, tried_at as "triedAt", trial`;
/** At most so many are listed or worked on at once. */
const MOST_ROWS = 1_000;

export function createFollowupStore(tx: Transaction) {
  return { ...watches(tx), ...releases(tx), ...marks(tx) };
}

function watches(tx: Transaction) {
  const list = async (condition: string, values: unknown[]): Promise<readonly WatchRow[]> =>
    (await tx.query<WatchRow>(`select ${WATCH} from followup.watches ${condition} limit ${MOST_ROWS}`, values)).rows;
  return {
    listWatches: () => list('order by package_id, source', []),
    watchesOf: (packageIds: readonly string[]) =>
      list('where package_id = any($1) order by package_id, source', [packageIds]),
    /** Of these packages, what is to be looked at by the database's clock. */
    dueWatches: (packageIds: readonly string[]) =>
      list('where package_id = any($1) and next_at <= now() order by next_at, id', [packageIds]),
    findWatch: async (id: string): Promise<WatchRow | undefined> => (await list('where id = $1', [id]))[0],

    /** False where the package is watched there already. */
    async insertWatch(row: Pick<WatchRow, 'id' | 'packageId' | 'source' | 'keyId' | 'sealed'>): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into followup.watches (id, package_id, source, key_id, sealed) values ($1, $2, $3, $4, $5)
         on conflict (package_id, source) do nothing returning id`,
        [row.id, row.packageId, row.source, row.keyId, row.sealed],
      );
      return rows.length > 0;
    },

    /** Throws StaleWrite where another look was faster. */
    async saveWatch(row: Pick<WatchRow, 'id' | 'version' | 'sealed' | 'failures' | 'trouble'>, pause: number) {
      const { rows } = await tx.query(
        `update followup.watches
            set version = version + 1, sealed = $3, failures = $4, trouble = $5, looked_at = now(),
                next_at = now() + $6 * interval '1 millisecond'
          where id = $1 and version = $2 returning id`,
        [row.id, row.version, row.sealed, row.failures, row.trouble, pause],
      );
      if (rows.length === 0) throw new StaleWrite('watch', row.id);
    },

    /** At once at the next sweep. */
    async hurryWatches(packageIds: readonly string[]): Promise<void> {
      await tx.query('update followup.watches set next_at = now() where package_id = any($1) and next_at > now()', [
        packageIds,
      ]);
    },

    async removeWatch(packageId: string, source: Source): Promise<boolean> {
      const { rows } = await tx.query(
        'delete from followup.watches where package_id = $1 and source = $2 returning id',
        [packageId, source],
      );
      return rows.length > 0;
    },
  };
}

function releases(tx: Transaction) {
  const list = async (condition: string, values: unknown[]): Promise<readonly ReleaseRow[]> =>
    (await tx.query<ReleaseRow>(`select ${RELEASE} from followup.releases ${condition} limit ${MOST_ROWS}`, values))
      .rows;
  return {
    releasesOf: (caseId: string) => list('where case_id = $1 order by seen_at, id', [caseId]),
    waitingReleases: () => list('where outcome is null order by seen_at, id', []),
    findRelease: async (id: string): Promise<ReleaseRow | undefined> => (await list('where id = $1', [id]))[0],

    /** False where it was seen for this case before. */
    async insertRelease(
      row: Pick<ReleaseRow, 'id' | 'caseId' | 'sealed'> & { readonly nameId: string },
    ): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into followup.releases (id, case_id, name_id, sealed) values ($1, $2, $3, $4)
         on conflict (case_id, name_id) do nothing returning id`,
        [row.id, row.caseId, row.nameId, row.sealed],
      );
      return rows.length > 0;
    },

    /** What showed nothing waits again. How many did. */
    async forgetUnclear(): Promise<number> {
      const { rows } = await tx.query(
        `update followup.releases set outcome = null, trial = null, tried_at = null where outcome = 'unclear' returning id`,
      );
      return rows.length;
    },

    /** False where another worker has written what came of it. */
    async keepTrial(id: ReleaseId, outcome: TrialOutcome, trial: Uint8Array): Promise<boolean> {
      const { rows } = await tx.query(
        `update followup.releases set outcome = $2, trial = $3, tried_at = now()
          where id = $1 and outcome is null returning id`,
        [id, outcome, trial],
      );
      return rows.length > 0;
    },
  };
}

function marks(tx: Transaction) {
  return {
    /** Trials of one case are judged one after the other. */
    async takeTurn(caseId: string): Promise<void> {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 200))', [caseId]);
    },

    async reopenedAs(caseId: string): Promise<string | null> {
      const { rows } = await tx.query<{ as: string }>(
        'select reopened_as as "as" from followup.reopenings where case_id = $1',
        [caseId],
      );
      return rows[0]?.as ?? null;
    },

    async reopens(caseId: string): Promise<string | null> {
      const { rows } = await tx.query<{ id: string }>(
        'select case_id as id from followup.reopenings where reopened_as = $1',
        [caseId],
      );
      return rows[0]?.id ?? null;
    },

    async insertReopening(caseId: string, reopenedAs: string, release: ReleaseId): Promise<void> {
      await tx.query('insert into followup.reopenings (case_id, reopened_as, release_id) values ($1, $2, $3)', [
        caseId,
        reopenedAs,
        release,
      ]);
    },

    async lastChase(caseId: string): Promise<{ readonly round: number; readonly at: Date } | undefined> {
      const { rows } = await tx.query<{ round: number; at: Date }>(
        'select round, at from followup.chases where case_id = $1 order by round desc limit 1',
        [caseId],
      );
      return rows[0];
    },

    async insertChase(caseId: string, round: number, by: { readonly actor: string; readonly at: Date }): Promise<void> {
      await tx.query('insert into followup.chases (case_id, round, actor, at) values ($1, $2, $3, $4)', [
        ...[caseId, round, by.actor, by.at],
      ]);
    },

    async settings(): Promise<FollowSettings> {
      const { rows } = await tx.query<FollowSettings>(
        'select stepped_by as "steppedBy", stale_days as "staleDays", looks_by_itself as "looksByItself" from followup.settings',
      );
      if (!rows[0]) throw new Error('the settings of followup are gone');
      return rows[0];
    },

    async saveSettings({ steppedBy, staleDays, looksByItself }: FollowSettings): Promise<void> {
      await tx.query('update followup.settings set stepped_by = $1, stale_days = $2, looks_by_itself = $3', [
        ...[steppedBy, staleDays, looksByItself],
      ]);
    },
  };
}
