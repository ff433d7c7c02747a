/** Attested countries, and what was done by whom: rows that are only ever added. */
import type { CountryKind } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';

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

export interface StoredCountry extends Pick<NewCountry, 'id' | 'subject' | 'kind' | 'evidence'> {
  readonly attestedBy: string;
  readonly attestedAt: Date;
  readonly keyId: string | null;
  readonly sealed: Buffer | null;
}

export interface HistoryEvent {
  readonly subject: string;
  readonly event: string;
  readonly actor: string;
  readonly at: Date;
  readonly note?: string;
}

export function createHistoryStore(tx: Transaction) {
  return {
    async insertCountry(it: NewCountry): Promise<void> {
      await tx.query(
        `insert into program.countries (id, subject, kind, tag, key_id, sealed, evidence, attested_by, attested_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (subject, kind, tag) do nothing`,
        [it.id, it.subject, it.kind, it.tag, it.keyId, it.sealed, it.evidence, it.attestedBy, it.attestedAt],
      );
    },

    /** Of an organisation and of the persons who belong to it or work for it. */
    async countriesOf(organisation: string): Promise<readonly StoredCountry[]> {
      const { rows } = await tx.query<StoredCountry>(
        `select id, subject, kind, key_id as "keyId", sealed, evidence, attested_by as "attestedBy",
                attested_at as "attestedAt"
           from program.countries
          where subject = $1
             or subject in (select id from program.persons where organisation = $1 or for_organisation = $1)
          order by attested_at, id`,
        [organisation],
      );
      return rows;
    },
    async dropSealed(id: string): Promise<void> {
      await tx.query('update program.countries set key_id = null, sealed = null where id = $1', [id]);
    },
    /** The data keys that are not needed any more. */
    async deleteCountriesOfLeft(before: Date): Promise<readonly string[]> {
      const { rows } = await tx.query<{ keyId: string | null }>(
        `delete from program.countries where subject in
           (select id from program.persons where left_at <= $1 union select id from program.organisations where ended_at <= $1)
         returning key_id as "keyId"`,
        [before],
      );
      return rows.flatMap(({ keyId }) => keyId ?? []);
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

    pageEvents: (ask: PageAsk, subject: string): Promise<Page<HistoryEvent>> =>
      readPage(
        tx,
        {
          ...{ table: 'program.events', columns: 'subject, event, actor, at, note' },
          ...{ where: 'subject = $1', parameters: [subject], order: ['position'], place: 'position' },
        },
        ask,
        ({ subject, event, actor, at, note }: HistoryEvent) => ({ subject, event, actor, at, ...(note && { note }) }),
      ),
  };
}
