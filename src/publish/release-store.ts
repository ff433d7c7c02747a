/** Releases in Postgres. The only file that knows the table `publish.releases`. */
import type { CaseId } from '../disclosure/index.ts';
import type { Id } from '../lib/id.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { EntryId } from '../tlog/index.ts';
import type { FeedItem } from './feed.ts';

export type ReleaseId = Id<'release'>;

export interface StoredRelease {
  readonly id: ReleaseId;
  readonly caseId: CaseId;
  readonly sequence: number;
  readonly entryId: EntryId;
  /** Encrypted under the case's key. */
  readonly documents: Buffer;
  readonly keyId: string;
  readonly notBefore: Date;
  /** signed ──▶ accepted ──▶ published; signed ──▶ refused */
  readonly state: 'signed' | 'accepted' | 'published' | 'refused';
  readonly signedAt: Date;
  readonly acceptedAt: Date | null;
  readonly publishedAt: Date | null;
  readonly trouble: string | null;
}

type NewRelease = Omit<StoredRelease, 'state' | 'acceptedAt' | 'publishedAt' | 'trouble'>;

export function createReleaseStore(tx: Transaction) {
  return {
    async insert(release: NewRelease): Promise<void> {
      const { id, caseId, sequence, entryId, documents, keyId, notBefore, signedAt } = release;
      await tx.query(
        `insert into publish.releases (id, case_id, sequence, entry_id, documents, key_id, not_before, state, signed_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'signed', $8)`,
        [id, caseId, sequence, entryId, documents, keyId, notBefore, signedAt],
      );
    },

    find: (id: string): Promise<StoredRelease | undefined> => first(tx, 'id = $1', id),

    /** The same, held until the transaction ends. */
    lock: (id: string): Promise<StoredRelease | undefined> => first(tx, 'id = $1 for update', id),

    findOpen: (caseId: string): Promise<StoredRelease | undefined> =>
      first(tx, `case_id = $1 and state in ('signed', 'accepted')`, caseId),

    findPublished: (caseId: string): Promise<StoredRelease | undefined> =>
      first(tx, `case_id = $1 and state = 'published' order by sequence desc limit 1`, caseId),

    /** How often the case was published, and when first. */
    async findFirstPublished(caseId: string): Promise<{ readonly count: number; readonly at: Date } | undefined> {
      const { rows } = await tx.query<{ count: number; at: Date }>(
        `select count(*)::int as count, min(signed_at) as at from publish.releases
          where case_id = $1 and state = 'published'`,
        [caseId],
      );
      return rows[0] && rows[0].count > 0 ? rows[0] : undefined;
    },

    /** Of any release of the case that was signed; a refused one has used its number too. */
    async lastSequence(caseId: string): Promise<number> {
      const { rows } = await tx.query<{ last: number | null }>(
        'select max(sequence) as last from publish.releases where case_id = $1',
        [caseId],
      );
      return rows[0]?.last ?? 0;
    },

    async markAccepted(id: string, item: FeedItem, now: Date): Promise<void> {
      await move(tx, id, `state = 'accepted', accepted_at = $2, feed_item = $3`, 'signed', [now, JSON.stringify(item)]);
    },

    async markPublished(id: string, now: Date): Promise<void> {
      await move(tx, id, `state = 'published', published_at = $2`, 'accepted', [now]);
    },

    async markRefused(id: string, trouble: string): Promise<void> {
      await move(tx, id, `state = 'refused', trouble = $2`, 'signed', [trouble]);
    },

    /** The highest sequence among the other releases of the case that were accepted. */
    async lastAccepted(caseId: string, exceptId: string): Promise<number> {
      const { rows } = await tx.query<{ last: number | null }>(
        `select max(sequence) as last from publish.releases
          where case_id = $1 and id <> $2 and state in ('accepted', 'published')`,
        [caseId, exceptId],
      );
      return rows[0]?.last ?? 0;
    },

    /** Signed or accepted, the oldest first: what a start has to finish. */
    async listUnfinished(): Promise<readonly ReleaseId[]> {
      const { rows } = await tx.query<{ id: ReleaseId }>(
        `select id from publish.releases where state in ('signed', 'accepted') order by signed_at, id`,
      );
      return rows.map(({ id }) => id);
    },
  };
}

/** What the feed says of every release that is out, or on its way out. */
export async function listFeed(tx: Transaction): Promise<readonly FeedItem[]> {
  const { rows } = await tx.query<{ item: Omit<FeedItem, 'publishedAt'> & { publishedAt: string } }>(
    'select feed_item as item from publish.releases where feed_item is not null order by accepted_at, id',
  );
  // A later release of the same advisory replaces the earlier one.
  const items = rows.map(({ item }) => [item.advisory, { ...item, publishedAt: new Date(item.publishedAt) }] as const);
  return [...new Map(items).values()];
}

async function first(tx: Transaction, where: string, value: string): Promise<StoredRelease | undefined> {
  const { rows } = await tx.query<StoredRelease>(`select ${FIELDS} from publish.releases where ${where}`, [value]);
  return rows[0];
}

async function move(
  tx: Transaction,
  id: string,
  change: string,
  from: string,
  values: readonly unknown[],
): Promise<void> {
  const { rows } = await tx.query(
    `update publish.releases set ${change} where id = $1 and state = '${from}' returning id`,
    [id, ...values],
  );
  if (rows.length === 0) throw new StaleWrite('release', id);
}

const FIELDS = `id, case_id as "caseId", sequence, entry_id as "entryId", documents, key_id as "keyId",
  not_before as "notBefore", state, signed_at as "signedAt", accepted_at as "acceptedAt",
  published_at as "publishedAt", trouble`;
