/** Organisations and persons in Postgres. */

import {
  type Organisation,
  type OrganisationId,
  type Person,
  type PersonId,
  type Tier,
  toOrganisation,
  toPerson,
} from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';

export function createMemberStore(tx: Transaction) {
  return { ...createOrganisations(tx), ...createPersons(tx) };
}

function createOrganisations(tx: Transaction) {
  return {
    async insertOrganisation({ id, name }: Pick<Organisation, 'id' | 'name'>, at: Date): Promise<void> {
      await tx.query(
        `insert into program.organisations (id, name, standing, created_at) values ($1, $2, 'applicant', $3)`,
        [id, name, at],
      );
    },

    /** By id, or by name where it is the only one of that name. */
    async findOrganisations(named: string): Promise<readonly Organisation[]> {
      const { rows } = await tx.query<never>(
        'select * from program.organisations where id = $1 or lower(name) = lower($1) order by id = $1 desc limit 2',
        [named],
      );
      return rows.map(toOrganisation);
    },

    pageOrganisations: (ask: PageAsk): Promise<Page<Organisation>> =>
      readPage(tx, { table: 'program.organisations', order: ['created_at', 'id'] }, ask, toOrganisation),

    async approve(id: OrganisationId, tier: Tier, at: Date): Promise<void> {
      await tx.query(
        `update program.organisations set standing = 'approved', tier = $2, approved_at = $3, ended_at = null where id = $1`,
        [id, tier, at],
      );
    },

    async end(id: OrganisationId, at: Date): Promise<void> {
      await tx.query(`update program.organisations set standing = 'ended', ended_at = $2 where id = $1`, [id, at]);
    },
  };
}

function createPersons(tx: Transaction) {
  return {
    async insertPerson({ id, organisation, forOrganisation, email }: Omit<Person, 'standing' | 'isCapped'>, at: Date) {
      const { rows } = await tx.query(
        `insert into program.persons (id, organisation, for_organisation, email, standing, created_at)
         values ($1, $2, $3, $4, 'active', $5) on conflict do nothing returning id`,
        [id, organisation, forOrganisation, email, at],
      );
      return rows.length > 0;
    },

    /** By id, or by address among those who act for the organisation. */
    async findPersons(organisation: OrganisationId | undefined, named: string): Promise<readonly Person[]> {
      const { rows } = await tx.query<never>(
        `select * from program.persons
          where (id = $1 or (lower(email) = lower($1) and standing = 'active'))
            and ($2::text is null or coalesce(for_organisation, organisation) = $2)
          order by id = $1 desc limit 2`,
        [named, organisation],
      );
      return rows.map(toPerson);
    },

    /** Where two persons are needed, one human with two engagements is one of them. Who is no person here has no address. */
    async isSamePerson(one: string, other: string): Promise<boolean> {
      if (one === other) return true;
      const { rows } = await tx.query<{ count: number }>(
        'select count(distinct lower(trim(email)))::int as count from program.persons where id in ($1, $2) having count(*) = 2',
        [one, other],
      );
      return rows[0]?.count === 1;
    },

    /** Of all organisations; or who belongs to this one or works for it. */
    pagePersons: (ask: PageAsk, organisation?: OrganisationId): Promise<Page<Person>> =>
      readPage(
        tx,
        {
          table: 'program.persons',
          order: ['created_at', 'id'],
          ...(organisation && { where: 'organisation = $1 or for_organisation = $1', parameters: [organisation] }),
        },
        ask,
        toPerson,
      ),

    /** Who has the address and takes part now, at most so many. */
    async findByEmail(email: string, limit: number): Promise<readonly Person[]> {
      const { rows } = await tx.query<never>(
        `select * from program.persons where lower(email) = lower($1) and standing = 'active'
          order by created_at, id limit $2`,
        [email, limit],
      );
      return rows.map(toPerson);
    },

    async setCapped(id: PersonId, isCapped: boolean): Promise<void> {
      await tx.query('update program.persons set is_capped = $2 where id = $1', [id, isCapped]);
    },

    async leave(id: PersonId, at: Date): Promise<void> {
      await tx.query(
        `update program.persons set standing = 'left', left_at = $2 where id = $1 and standing = 'active'`,
        [id, at],
      );
    },
  };
}
