/** Looking at records: lists, one with all it says, and the bytes it came in as. */
import type { Database, Transaction } from '../store/database.ts';
import type { Sealer, Vault } from '../store/vault.ts';
import { createBlind } from './blind.ts';
import type { Claim } from './claim.ts';
import { type LookUp, toLookUp } from './identity.ts';
import { createImportStore, type ImportId, type StoredImport } from './import-store.ts';
import { claimContext, originalContext, partContext, type Said } from './record-seal.ts';
import { createRecordStore, type FateName, type StoredRecord } from './record-store.ts';

export interface SeenRecord
  extends Pick<StoredRecord, 'number' | 'id' | 'importId' | 'ordinal' | 'fate' | 'receivedAt'> {
  readonly claim: Claim | undefined;
  readonly detail: string | undefined;
}

export interface SeenImport extends Omit<StoredImport, 'sealedAbout' | 'keyId'> {
  readonly about: About;
}

export interface About {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly notes: readonly string[];
}

export const aboutContext = (id: ImportId): string => `intake.imports/${id}/about`;

export interface LookQuery {
  readonly fate?: FateName | undefined;
  readonly where: Readonly<Partial<Record<LookUp, string>>>;
  /** The number of the last record of the page before. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export function createLooks({ database, vault }: { readonly database: Database; readonly vault: Vault }) {
  const blind = createBlind(vault);
  return {
    list: ({ fate, where, before, limit }: LookQuery): Promise<SeenRecord[]> =>
      database.transaction(async (tx) => {
        const blinds = Object.entries(where).map(([field, value]) => blind(toLookUp(field as LookUp, value)));
        return await openRecords(tx, vault, await createRecordStore(tx).list({ fate, blinds, before, limit }));
      }),

    /** Ids alone, the newest first; nothing is opened. */
    ids: (fate: FateName, limit: number): Promise<readonly string[]> =>
      createRecordStore(database).listIds(fate, limit),

    find: (id: string): Promise<SeenRecord | undefined> =>
      database.transaction(async (tx) => {
        const found = await createRecordStore(tx).find(id);
        return found && (await openRecords(tx, vault, [found]))[0];
      }),

    /** Cases of ours that tell of the same flaw as this record, or of one much like it. */
    casesOf: (id: string): Promise<string[]> =>
      database.transaction(async (tx) => {
        const own = await openRecords(tx, vault, await createRecordStore(tx).findOwnBeside(id));
        return [...new Set(own.flatMap(({ claim }) => claim?.sourceId ?? []))];
      }),

    /** The first record of an import; undefined where every one of it was here before. */
    firstOf: (importId: string): Promise<SeenRecord | undefined> =>
      database.transaction(async (tx) => {
        const found = await createRecordStore(tx).findFirst(importId);
        return found && (await openRecords(tx, vault, [found]))[0];
      }),

    imports: (limit: number): Promise<SeenImport[]> =>
      database.transaction(async (tx) => {
        const seen: SeenImport[] = [];
        for (const { sealedAbout, keyId, ...rest } of await createImportStore(tx).list(limit)) {
          const about = await vault.openJson<About>(tx, keyId, sealedAbout, aboutContext(rest.id));
          seen.push({ ...rest, about });
        }
        return seen;
      }),

    /** How many records there are of each fate. */
    count: () => createRecordStore(database).count(),

    /** The bytes it came in as, in order. Undefined where there is no such record. */
    async original(id: string): Promise<AsyncIterable<Buffer> | undefined> {
      const found = await createRecordStore(database).find(id);
      return found && originalOf(found, database, vault);
    },
  };
}

async function* originalOf(record: StoredRecord, database: Database, vault: Vault): AsyncGenerator<Buffer> {
  const sealer = await vault.sealer(database, record.keyId);
  const records = createRecordStore(database);
  const { sealed, parts } = await records.findOriginal(record.id);
  if (sealed) yield sealer.open(sealed, originalContext(record.id));
  for (let part = 0; part < parts; part += 1) {
    yield sealer.open(await records.findPart(record.id, part), partContext(record.id, part));
  }
}

/** A page of them, with one look at each data key. */
export async function openRecords(
  tx: Transaction,
  vault: Vault,
  records: readonly StoredRecord[],
): Promise<SeenRecord[]> {
  const sealers = new Map<string, Sealer>();
  for (const { keyId } of records) if (!sealers.has(keyId)) sealers.set(keyId, await vault.sealer(tx, keyId));
  return records.map(({ sealedClaim, keyId, ...rest }) => {
    const opened = sealers.get(keyId)?.open(sealedClaim, claimContext(rest.id));
    const { claim, detail } = JSON.parse(opened?.toString() ?? '{}') as Said;
    return { ...rest, claim, detail };
  });
}
