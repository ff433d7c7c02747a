/** Attested countries, and what was done by whom: rows that are only ever added. */
import type { CountryKind } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';

export interface NewCountry {
  readonly id: string;
  readonly subject: string;
  readonly kind: CountryKind;
  readonly tag: string;
  readonly keyId: string;
  readonly sealed: Uint8Array;
  readonly evidence: string;
  readonly attestedBy: string;
  readonly attestedAt: Date;
}

export interface HistoryEvent {
  readonly subject: string;
  readonly event: string;
  readonly actor: string;
  readonly at: Date;
  readonly note?: string;
}

/** At most so many are listed at once. */
const LIST_LIMIT = 10_000;

export function createHistoryStore(tx: Transaction) {
  return {
    async insertCountry(it: NewCountry): Promise<void> {
      await tx.query(
        `insert into program.countries (id, subject, kind, tag, key_id, sealed, evidence, attested_by, attested_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (subject, kind, tag) do nothing`,
        [it.id, it.subject, it.kind, it.tag, it.keyId, it.sealed, it.evidence, it.attestedBy, it.attestedAt],
      );
    },

    async record({ subject, event, actor, at, note = '' }: HistoryEvent): Promise<void> {
      await tx.query('insert into program.events (subject, event, actor, at, note) values ($1, $2, $3, $4, $5)', [
        subject,
        event,
        actor,
        at,
        note,
      ]);
    },

    async listEvents(subject: string): Promise<readonly HistoryEvent[]> {
      const { rows } = await tx.query<HistoryEvent>(
        'select subject, event, actor, at, note from program.events where subject = $1 order by position limit $2',
        [subject, LIST_LIMIT],
      );
      return rows;
    },
  };
}
