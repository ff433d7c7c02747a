/** Applications with their reviews, terms, and the looks at what is sealed, in Postgres. */
import type { OrganisationId } from '../program/index.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';
import type { Application, ApplicationId, Review, Stage } from './application.ts';
import { deletionAt } from './application.ts';

export interface Terms {
  readonly version: number;
  readonly text: string;
  readonly sha256: string;
  readonly publishedAt: Date;
}

export interface Look {
  readonly organisation: string;
  readonly what: string;
  readonly reader: string;
  readonly purpose: LookPurpose;
  readonly at: Date;
}

export type LookPurpose = 'review' | 'appeal' | 'export';

export function createApplicationStore(tx: Transaction) {
  return { ...createApplications(tx), ...createTermsAndLooks(tx) };
}

function createApplications(tx: Transaction) {
  return {
    /** False where the organisation has an open one already. */
    async insert(it: Application, keyId: string): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into vetting.applications (id, version, organisation, tier, office, stage, since, round, key_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (organisation)
           where stage in ('applied', 'in-review', 'with-office', 'terms', 'appealed') do nothing returning id`,
        [it.id, it.version, it.organisation, it.tier, it.office, it.stage, it.since, it.round, keyId],
      );
      return rows.length > 0;
    },

    async find(id: string): Promise<(Application & { readonly keyId: string }) | undefined> {
      const { rows } = await tx.query<Row>('select * from vetting.applications where id = $1', [id]);
      return rows[0] && { ...fromRow(rows[0], await reviewsOf(tx, [rows[0].id])), keyId: rows[0].key_id };
    },

    /** The newest first; of all organisations, or of this one. */
    async page(ask: PageAsk, organisation?: string): Promise<Page<Application>> {
      const { items, next } = await readPage(
        tx,
        {
          ...{ table: 'vetting.applications', order: ['since', 'id'], isNewestFirst: true },
          ...(organisation !== undefined && { where: 'organisation = $1', parameters: [organisation] }),
        },
        ask,
        (row: Row) => row,
      );
      const reviews = await reviewsOf(
        tx,
        items.map(({ id }) => id),
      );
      return { items: items.map((row) => fromRow(row, reviews)), next };
    },

    /** Replaces the version it was made from. Throws StaleWrite if that version is gone. */
    async save(to: Application): Promise<void> {
      const { rows } = await tx.query(
        `update vetting.applications
            set version = $2, stage = $3, since = $4, round = $5, due_at = $6, reason = $7, appeal_until = $8,
                grounds = $9, terms_version = $10, delete_at = $11
          where id = $1 and version = $2 - 1 returning id`,
        [
          to.id,
          to.version,
          to.stage,
          to.since,
          to.round,
          'dueAt' in to ? to.dueAt : null,
          'reason' in to ? to.reason : null,
          'appealUntil' in to ? to.appealUntil : null,
          'grounds' in to ? to.grounds : null,
          'termsVersion' in to ? to.termsVersion : null,
          deletionAt(to) ?? null,
        ],
      );
      if (rows.length === 0) throw new StaleWrite('application', to.id);
      for (const { round, reviewer, role, verdict, at } of to.reviews) {
        await tx.query(
          `insert into vetting.reviews (application, round, reviewer, role, verdict, at)
           values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
          [to.id, round, reviewer, role, verdict, at],
        );
      }
    },

    /** Whose evidence has to go now. */
    async due(now: Date): Promise<readonly { id: ApplicationId; organisation: OrganisationId; keyId: string }[]> {
      const { rows } = await tx.query<{ id: ApplicationId; organisation: OrganisationId; keyId: string }>(
        `select id, organisation, key_id as "keyId" from vetting.applications
          where deleted_at is null and delete_at <= $1 for update skip locked`,
        [now],
      );
      return rows;
    },
    async nextDue(): Promise<Date | undefined> {
      const { rows } = await tx.query<{ at: Date | null }>(
        'select min(delete_at) as at from vetting.applications where deleted_at is null',
      );
      return rows[0]?.at ?? undefined;
    },
    async markDeleted(id: ApplicationId, now: Date): Promise<void> {
      await tx.query('update vetting.applications set deleted_at = $2 where id = $1', [id, now]);
      // The row tells that there was a file; what was in it is gone with the key, and so is the ciphertext.
      await tx.query(`update vetting.files set sealed = '' where application = $1`, [id]);
    },
  };
}

function createTermsAndLooks(tx: Transaction) {
  return {
    async insertTerms(it: Terms): Promise<void> {
      await tx.query('insert into vetting.terms (version, text, sha256, published_at) values ($1, $2, $3, $4)', [
        it.version,
        it.text,
        it.sha256,
        it.publishedAt,
      ]);
    },
    /** The version in force: the newest. */
    async currentTerms(): Promise<Terms | undefined> {
      const { rows } = await tx.query<Terms>(
        `select version, text, sha256, published_at as "publishedAt" from vetting.terms order by version desc limit 1`,
      );
      return rows[0];
    },

    async recordLook(it: Look): Promise<void> {
      await tx.query(
        'insert into vetting.looks (organisation, what, reader, purpose, at) values ($1, $2, $3, $4, $5)',
        [it.organisation, it.what, it.reader, it.purpose, it.at],
      );
    },
    pageLooks: (ask: PageAsk, organisation: string): Promise<Page<Look>> =>
      readPage(
        tx,
        {
          ...{ table: 'vetting.looks', where: 'organisation = $1', parameters: [organisation] },
          ...{ order: ['position'], place: 'position' },
        },
        ask,
        ({ organisation: of, what, reader, purpose, at }: Look) => ({ organisation: of, what, reader, purpose, at }),
      ),
  };
}

interface Row {
  readonly id: ApplicationId;
  readonly version: number;
  readonly organisation: string;
  readonly tier: string;
  readonly office: string | null;
  readonly stage: Stage;
  readonly since: Date;
  readonly round: number;
  readonly due_at: Date | null;
  readonly reason: string | null;
  readonly appeal_until: Date | null;
  readonly grounds: string | null;
  readonly terms_version: number | null;
  readonly key_id: string;
}

async function reviewsOf(tx: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, Review[]>> {
  const { rows } = await tx.query<Review & { readonly application: string }>(
    `select application, round, reviewer, role, verdict, at from vetting.reviews
      where application = any($1) order by round, at, reviewer`,
    [ids],
  );
  return Map.groupBy(rows, ({ application }) => application);
}

function fromRow(row: Row, reviews: ReadonlyMap<string, readonly Review[]>): Application {
  const { id, version, organisation, tier, stage, since, round } = row;
  const office = row.office ?? undefined;
  const own = (reviews.get(id) ?? []).map(({ round: at, reviewer, role, verdict, at: when }) => ({
    round: at,
    reviewer,
    role,
    verdict,
    at: when,
  }));
  const base = { id, version, organisation, tier, office, since, round, reviews: own };
  switch (stage) {
    case 'in-review':
    case 'with-office':
      return { ...base, stage, dueAt: present(row.due_at) };
    case 'approved':
      return { ...base, stage, termsVersion: row.terms_version ?? undefined };
    case 'refused':
      return { ...base, stage, reason: present(row.reason), appealUntil: row.appeal_until ?? undefined };
    case 'appealed':
      return {
        ...base,
        stage,
        reason: present(row.reason),
        grounds: present(row.grounds),
        dueAt: present(row.due_at),
      };
    case 'applied':
    case 'terms':
    case 'withdrawn':
    case 'ended':
      return { ...base, stage };
  }
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('an application lacks what its stage carries');
  return value;
}
