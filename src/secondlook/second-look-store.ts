/** Second looks in Postgres. The only file that knows the schema `secondlook`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { PersonsVerdict } from './agreement.ts';
import type { Kind } from './sample.ts';

export type SecondLookId = Id<'second'>;

export interface LookRow {
  readonly id: SecondLookId;
  readonly kind: Kind;
  readonly sealedRecord: Buffer;
  readonly drawnAt: Date;
  readonly persons: number;
  readonly outcome: 'stands' | 'reopened' | null;
  /** Verdicts so far. */
  readonly given: number;
}

export interface VerdictRow {
  readonly person: string;
  readonly verdict: PersonsVerdict;
  readonly note: Buffer;
}

export interface SecondLookSettings {
  readonly perThousand: number;
  readonly persons: number;
}

const LOOK = `d.id, d.kind, d.sealed_record as "sealedRecord", d.drawn_at as "drawnAt", d.persons, d.outcome,
  (select count(*)::int from secondlook.verdicts v where v.drawn_id = d.id) as given`;
/** Looks listed at once. */
const MOST_LISTED = 1_000;

export function createSecondLookStore(tx: Transaction) {
  return {
    async settings(): Promise<SecondLookSettings> {
      const { rows } = await tx.query<SecondLookSettings>(
        'select per_thousand as "perThousand", persons from secondlook.settings',
      );
      return rows[0] ?? { perThousand: 0, persons: 1 };
    },

    async saveSettings({ perThousand, persons }: SecondLookSettings): Promise<void> {
      await tx.query('update secondlook.settings set per_thousand = $1, persons = $2', [perThousand, persons]);
    },

    /** False where it was drawn before. */
    async insert(row: Pick<LookRow, 'id' | 'kind' | 'sealedRecord' | 'persons'>): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into secondlook.drawn (id, kind, sealed_record, persons) values ($1, $2, $3, $4)
         on conflict do nothing returning id`,
        [row.id, row.kind, row.sealedRecord, row.persons],
      );
      return rows.length > 0;
    },

    async listOpen(): Promise<readonly LookRow[]> {
      const { rows } = await tx.query<LookRow>(
        `select ${LOOK} from secondlook.drawn d where outcome is null order by drawn_at, id limit ${MOST_LISTED}`,
      );
      return rows;
    },

    async find(id: string): Promise<LookRow | undefined> {
      return (await tx.query<LookRow>(`select ${LOOK} from secondlook.drawn d where id = $1`, [id])).rows[0];
    },

    /** Nobody else decides it until the transaction ends. */
    async lock(id: string): Promise<LookRow | undefined> {
      return (await tx.query<LookRow>(`select ${LOOK} from secondlook.drawn d where id = $1 for update`, [id])).rows[0];
    },

    /** False where this person has said it already. */
    async addVerdict(id: SecondLookId, { person, verdict, note }: VerdictRow): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into secondlook.verdicts (drawn_id, person, verdict, note) values ($1, $2, $3, $4)
         on conflict do nothing returning person`,
        [id, person, verdict, note],
      );
      return rows.length > 0;
    },

    async verdictsOf(id: SecondLookId): Promise<readonly VerdictRow[]> {
      const { rows } = await tx.query<VerdictRow>(
        'select person, verdict, note from secondlook.verdicts where drawn_id = $1 order by at, person',
        [id],
      );
      return rows;
    },

    async settle(id: SecondLookId, outcome: 'stands' | 'reopened'): Promise<void> {
      await tx.query('update secondlook.drawn set outcome = $2, decided_at = now() where id = $1', [id, outcome]);
    },

    async decided(): Promise<readonly { readonly kind: Kind; readonly verdicts: readonly PersonsVerdict[] }[]> {
      const { rows } = await tx.query<{ kind: Kind; verdicts: PersonsVerdict[] }>(
        `select d.kind, array_agg(v.verdict order by v.at, v.person) as verdicts
           from secondlook.drawn d join secondlook.verdicts v on v.drawn_id = d.id
          where d.outcome is not null group by d.id`,
      );
      return rows;
    },

    async waiting(): Promise<Readonly<Partial<Record<Kind, number>>>> {
      const { rows } = await tx.query<{ kind: Kind; count: number }>(
        'select kind, count(*)::int as count from secondlook.drawn where outcome is null group by kind',
      );
      return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]));
    },
  };
}
