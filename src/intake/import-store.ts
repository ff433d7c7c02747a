/** Imports in Postgres. The only file that knows `intake.imports`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { DataKeyId } from '../store/vault.ts';

export type ImportId = Id<'import'>;

/** Through which door it came. */
export type Origin = 'file' | 'mail' | 'form' | 'campaign';

export interface Counts {
  readonly canonical: number;
  readonly merged: number;
  readonly rejected: number;
  /** Of the merged ones, those that were here already, letter by letter. */
  readonly known: number;
}

export interface StoredImport extends Counts {
  readonly id: ImportId;
  readonly keyId: DataKeyId;
  readonly format: string;
  readonly source: Origin;
  readonly received: number;
  readonly refused: string | undefined;
  readonly sealedAbout: Buffer;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
}

export function createImportStore(tx: Transaction) {
  return {
    async findByIdentity(identity: Buffer): Promise<StoredImport | undefined> {
      const { rows } = await tx.query<ImportRow>('select * from intake.imports where identity = $1', [identity]);
      return rows[0] && toImport(rows[0]);
    },

    /** The newest first. */
    async list(limit: number): Promise<StoredImport[]> {
      const { rows } = await tx.query<ImportRow>('select * from intake.imports order by started_at desc, id limit $1', [
        limit,
      ]);
      return rows.map(toImport);
    },

    async insert(
      fresh: Pick<StoredImport, 'id' | 'keyId' | 'format' | 'source' | 'sealedAbout'> & { readonly identity: Buffer },
    ): Promise<void> {
      const { id, keyId, identity, format, source, sealedAbout } = fresh;
      await tx.query(
        `insert into intake.imports (id, key_id, identity, format, source, sealed_about) values ($1, $2, $3, $4, $5, $6)`,
        [id, keyId, identity, format, source, sealedAbout],
      );
    },

    /** How many of its records are decided; nobody else decides any until the transaction ends. */
    async lockProgress(id: ImportId): Promise<number> {
      const { rows } = await tx.query<{ received: string }>(
        'select received from intake.imports where id = $1 for update',
        [id],
      );
      if (!rows[0]) throw new Error(`there is no import ${id}`);
      return Number(rows[0].received);
    },

    async add(id: ImportId, counts: Counts): Promise<void> {
      const { canonical, merged, rejected, known } = counts;
      await tx.query(
        `update intake.imports
            set received = received + $2, canonical = canonical + $3, merged = merged + $4, rejected = rejected + $5,
                known = known + $6
          where id = $1`,
        [id, canonical + merged + rejected, canonical, merged, rejected, known],
      );
    },

    async finish(id: ImportId, refused: string | undefined): Promise<void> {
      await tx.query(
        'update intake.imports set finished_at = now(), refused = $2 where id = $1 and finished_at is null',
        [id, refused ?? null],
      );
    },

    /** A record of it moved from one fate to another. */
    async move(id: ImportId, from: keyof Counts, to: keyof Counts): Promise<void> {
      await tx.query(`update intake.imports set ${from} = ${from} - 1, ${to} = ${to} + 1 where id = $1`, [id]);
    },
  };
}

interface ImportRow {
  readonly id: ImportId;
  readonly key_id: DataKeyId;
  readonly format: string;
  readonly source: Origin;
  readonly received: string;
  readonly canonical: string;
  readonly merged: string;
  readonly rejected: string;
  readonly known: string;
  readonly refused: string | null;
  readonly sealed_about: Buffer;
  readonly started_at: Date;
  readonly finished_at: Date | null;
}

function toImport(row: ImportRow): StoredImport {
  return {
    id: row.id,
    keyId: row.key_id,
    format: row.format,
    source: row.source,
    received: Number(row.received),
    canonical: Number(row.canonical),
    merged: Number(row.merged),
    rejected: Number(row.rejected),
    known: Number(row.known),
    refused: row.refused ?? undefined,
    sealedAbout: row.sealed_about,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
  };
}
