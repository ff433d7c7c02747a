/** The clock that deadlines obey, the last instant seen on it, and what holds it, in Postgres. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Doubt, HoldReason } from './time-watch.ts';

export interface Hold {
  readonly id: Id<'hold'>;
  readonly why: HoldReason;
  readonly heldAt: Date;
  readonly offMs: number;
  readonly freedAt: Date | null;
  readonly freedBy: string | null;
}

export interface Reading {
  readonly at: Date;
  readonly seenAt: Date | null;
  /** Not freed, the oldest first. */
  readonly open: readonly Hold[];
  /** When the last hold ended; lateness counts from there. */
  readonly freedAt: Date | null;
}

export function createTimeStore(tx: Transaction) {
  return {
    async read(): Promise<Reading> {
      const { rows } = await tx.query<{ at: Date; seenAt: Date | null; freedAt: Date | null; holds: boolean }>(
        `select timekeeping.instant() as at, (select seen_at from timekeeping.mark) as "seenAt",
                (select max(freed_at) from timekeeping.holds) as "freedAt",
                exists (select from timekeeping.holds where freed_at is null) as holds`,
      );
      const row = rows[0];
      if (!row) throw new Error('the database tells no time');
      return { at: row.at, seenAt: row.seenAt, freedAt: row.freedAt, open: row.holds ? await this.listOpen() : [] };
    },

    async listOpen(): Promise<readonly Hold[]> {
      const { rows } = await tx.query<Hold>(
        `select ${FIELDS} from timekeeping.holds where freed_at is null order by held_at`,
      );
      return rows;
    },

    async list(limit: number): Promise<readonly Hold[]> {
      const { rows } = await tx.query<Hold>(
        `select ${FIELDS} from timekeeping.holds order by position desc limit ${Math.trunc(limit)}`,
      );
      return rows;
    },

    /** The number of the newest hold; 0 where there never was one. */
    async lastPosition(): Promise<number> {
      const { rows } = await tx.query<{ last: number }>(
        'select coalesce(max(position), 0)::int as last from timekeeping.holds',
      );
      return rows[0]?.last ?? 0;
    },

    /** A person believed this very offset once. */
    async wasBelieved({ why, offMs }: Doubt, withinMs: number): Promise<boolean> {
      const { rows } = await tx.query<{ found: boolean }>(
        `select exists (select from timekeeping.holds where why = $1 and abs(off_ms - $2) <= $3
           and freed_at is not null and freed_by <> $4) as found`,
        [why, Math.round(offMs), withinMs, AGREEMENT],
      );
      return rows[0]?.found ?? false;
    },

    /** A jump seen after that position was believed since, by a person or by another process. */
    async isFreedAfter(position: number): Promise<boolean> {
      const { rows } = await tx.query<{ found: boolean }>(
        `select exists (select from timekeeping.holds where why = 'jump' and position > $1 and freed_at is not null)
            and not exists (select from timekeeping.holds where why = 'jump' and freed_at is null) as found`,
        [position],
      );
      return rows[0]?.found ?? false;
    },

    /** Seen by anybody; never set back by itself. */
    async mark(at: Date): Promise<void> {
      await tx.query(
        `insert into timekeeping.mark (seen_at) values ($1)
         on conflict (singleton) do update set seen_at = greatest(timekeeping.mark.seen_at, excluded.seen_at)`,
        [at],
      );
    },

    /** One at a time of each kind. */
    async hold(id: Hold['id'], { why, offMs }: Doubt, at: Date): Promise<void> {
      await tx.query(
        `insert into timekeeping.holds (id, held_at, why, off_ms) values ($1, $2, $3, $4)
         on conflict (why) where freed_at is null do nothing`,
        [id, at, why, Math.round(offMs)],
      );
    },

    /** By `AGREEMENT` or a person; a person's word sets the mark to the clock as it is now. */
    async free(why: readonly HoldReason[], by: string, at: Date, after = 0): Promise<number> {
      const { rows } = await tx.query(
        `update timekeeping.holds set freed_at = $3, freed_by = $2 where freed_at is null and why = any($1) and position > $4 returning id`,
        [why, by, at, after],
      );
      if (by !== AGREEMENT) await tx.query('update timekeeping.mark set seen_at = $1', [at]);
      return rows.length;
    },
  };
}

export const AGREEMENT = 'agreement of the clocks';

const FIELDS = `id, why, held_at as "heldAt", off_ms::float8 as "offMs", freed_at as "freedAt", freed_by as "freedBy"`;
