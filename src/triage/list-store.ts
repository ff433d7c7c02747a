/** Lists that everybody can read: `triage.cnas` and `triage.past_advisories`. */

import type { PastAdvisory } from '../formats/past-advisory.ts';
import type { Transaction } from '../store/database.ts';
import type { Cna } from './cna.ts';

export type ListKind = 'cna' | 'osv';

export function createListStore(tx: Transaction) {
  return {
    /** In place of those before. */
    async replaceCnas(cnas: readonly Cna[]): Promise<void> {
      await tx.query('delete from triage.cnas');
      await tx.query(
        `insert into triage.cnas (short_name, name, scope, contact, policy)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])`,
        [
          cnas.map(({ shortName }) => shortName),
          cnas.map(({ name }) => name),
          cnas.map(({ scope }) => scope),
          cnas.map(({ contact }) => contact),
          cnas.map(({ policy }) => policy),
        ],
      );
    },

    async cnas(): Promise<readonly Cna[]> {
      const { rows } = await tx.query<Cna>(
        'select short_name as "shortName", name, scope, contact, policy from triage.cnas order by short_name',
      );
      return rows;
    },

    /** Beside those before: a record that is there already is replaced. */
    async addAdvisories(advisories: readonly PastAdvisory[]): Promise<void> {
      // One statement a batch: the arrays of a record do not unnest side by side.
      await tx.query(
        `insert into triage.past_advisories (id, package, aliases, cwes, fixed)
         select each->>'id', each->>'package', array(select jsonb_array_elements_text(each->'aliases')),
                array(select jsonb_array_elements_text(each->'cwes')), array(select jsonb_array_elements_text(each->'fixed'))
           from jsonb_array_elements($1::jsonb) as each
         on conflict (id, package) do update set aliases = excluded.aliases, cwes = excluded.cwes, fixed = excluded.fixed`,
        [JSON.stringify(advisories)],
      );
    },

    async advisoriesOf(packageName: string): Promise<readonly PastAdvisory[]> {
      const { rows } = await tx.query<PastAdvisory>(
        'select id, package, aliases, cwes, fixed from triage.past_advisories where package = $1 order by id',
        [packageName],
      );
      return rows;
    },

    async recordImport(kind: ListKind, sha256: string): Promise<number> {
      const table = kind === 'cna' ? 'triage.cnas' : 'triage.past_advisories';
      const { rows } = await tx.query<{ count: number }>(`select count(*)::int as count from ${table}`);
      const count = rows[0]?.count ?? 0;
      await tx.query(
        `insert into triage.feeds (kind, version, released_at, sha256, entries) values ($1, $2, now(), $3, $4)
         on conflict (kind) do update set version = excluded.version, released_at = excluded.released_at,
           sha256 = excluded.sha256, entries = excluded.entries, imported_at = now()`,
        [kind, sha256.slice(0, 12), sha256, count],
      );
      return count;
    },
  };
}
