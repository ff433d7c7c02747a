/** Stops in Postgres. The only file that writes this table. */

import { fromStopRow, type Stop, type StopId, type StopRow } from '../program/index.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';

export function createStopStore(tx: Transaction) {
  return {
    async insert({ terms, ...stop }: Stop): Promise<void> {
      await tx.query(
        `insert into program.stops (id, model, organisation, person, country_tag, country_not, tier, tool, key,
                                    reason, legal_order, is_wide, asked_by, asked_at, confirmed_by, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
        [
          stop.id,
          terms.model,
          terms.organisation,
          terms.person,
          terms.country?.tag,
          terms.country?.isNot,
          terms.tier,
          terms.tool,
          terms.key,
          stop.reason,
          stop.legalOrder,
          stop.isWide,
          stop.askedBy,
          stop.askedAt,
          stop.confirmedBy,
          stop.expiresAt,
        ],
      );
    },

    async find(id: string): Promise<Stop | undefined> {
      const { rows } = await tx.query<StopRow>('select * from program.stops where id = $1', [id]);
      return rows[0] && fromStopRow(rows[0]);
    },

    /** The newest first; lifted ones among them. */
    page: (ask: PageAsk): Promise<Page<Stop>> =>
      readPage(tx, { table: 'program.stops', order: ['asked_at', 'id'], isNewestFirst: true }, ask, (row: StopRow) =>
        fromStopRow(row),
      ),

    async confirm(id: StopId, by: string, expiresAt: Date | undefined): Promise<void> {
      const { rows } = await tx.query(
        `update program.stops set confirmed_by = $2, expires_at = $3
          where id = $1 and confirmed_by is null and lifted_at is null returning id`,
        [id, by, expiresAt],
      );
      if (rows.length === 0) throw new StaleWrite('stop', id);
    },

    async restore(id: StopId, subjects: readonly string[]): Promise<void> {
      const { rows } = await tx.query(
        `update program.stops set restored = array(select distinct unnest(restored || $2::text[]) order by 1)
          where id = $1 and lifted_at is null returning id`,
        [id, subjects],
      );
      if (rows.length === 0) throw new StaleWrite('stop', id);
    },

    async lift(id: StopId, by: string, at: Date): Promise<void> {
      const { rows } = await tx.query(
        'update program.stops set lifted_at = $3, lifted_by = $2 where id = $1 and lifted_at is null returning id',
        [id, by, at],
      );
      if (rows.length === 0) throw new StaleWrite('stop', id);
    },
  };
}
