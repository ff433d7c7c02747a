/**
 * Encrypted records. Each subject (a case, say) has a data key of its own; the data key lies in the database wrapped by
 * the master key, which does not. Shredding a data key makes everything sealed under it unreadable at once, here and,
 * because every copy needs the row, in later backups. Until Postgres reuses the space, dead rows and write-ahead log
 * still hold the wrapped key: against someone who has the disk *and* the master key, shredding needs these to be
 * overwritten too.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { createId, type Id, type RandomBytes } from '../lib/id.ts';
import type { Transaction } from './database.ts';
import { type Box, createBox, createOpener, openBytes, SealError, sealBytes } from './sealed-box.ts';
import { StoreError } from './store-error.ts';

export type DataKeyId = Id<'key'>;

export interface Vault {
  /** Names the master key and tells nothing of it. */
  readonly masterKeyId: string;
  /** `subject` is the id of what the key protects. */
  createKey(tx: Transaction, subject: string): Promise<DataKeyId>;
  /** `context` says which field of which record this is; opening under any other fails. */
  seal(tx: Transaction, keyId: string, plaintext: Uint8Array, context: string): Promise<Buffer>;
  /** Throws KeyShredded, SealError, or StoreError `wrong-key`. */
  open(tx: Transaction, keyId: string, sealed: Uint8Array, context: string): Promise<Buffer>;
  /** Many of one key, each under its own context, in their order: the key is looked up once. */
  openAll(tx: Transaction, keyId: string, records: readonly SealedRecord[]): Promise<readonly Buffer[]>;
  sealJson(tx: Transaction, keyId: string, value: unknown, context: string): Promise<Buffer>;
  /** The caller knows the shape it sealed under this context. */
  openJson<T>(tx: Transaction, keyId: string, sealed: Uint8Array, context: string): Promise<T>;
  shred(tx: Transaction, keyId: string): Promise<void>;
  /** The key at hand for many records of one transaction, for one look at its row. Throws as `open` does. */
  sealer(tx: Transaction, keyId: string): Promise<Sealer>;
  /** 32 bytes for one use (fingerprints, caches outside the database). The same name gives the same bytes. */
  derive(use: string): Buffer;
  /** For files outside the database, under `derive(use)`. */
  sealUnder(use: string, plaintext: Uint8Array, context: string): Buffer;
  openUnder(use: string, sealed: Uint8Array, context: string): Buffer;
}

/** What `seal` and `open` of one data key do, without the database. */
export type Sealer = Box;

export interface SealedRecord {
  readonly sealed: Uint8Array;
  readonly context: string;
}

/** The data key was destroyed on purpose; what it sealed is gone for good. */
export class KeyShredded extends Error {
  override readonly name = 'KeyShredded';
}

const KEY_BYTES = 32;

export function masterKeyId(masterKey: Uint8Array): string {
  return createHmac('sha256', masterKey).update('headstart/master-key-id/v1').digest('hex').slice(0, 16);
}

export function createVault(parts: { readonly masterKey: Uint8Array; readonly random: RandomBytes }): Vault {
  const { masterKey, random } = parts;
  if (masterKey.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes`);
  const ownId = masterKeyId(masterKey);
  const derive = (use: string): Buffer =>
    Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `headstart/derived/v1\0${use}`, KEY_BYTES));
  const wrapping = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'headstart/wrap/v1', KEY_BYTES));

  const unwrap = async (tx: Transaction, keyId: string): Promise<Buffer> => {
    const row = await findRow(tx, keyId);
    if (!row.wrapped) throw new KeyShredded(`the key ${keyId} was shredded`);
    if (row.master_key !== ownId) throw anotherMasterKey(keyId, row.master_key, ownId);
    return openBytes(wrapping, row.wrapped, wrapContext(keyId, row.subject));
  };
  const seal: Vault['seal'] = async (tx, keyId, plaintext, context) =>
    sealBytes(await unwrap(tx, keyId), plaintext, recordContext(keyId, context), random);
  const open: Vault['open'] = async (tx, keyId, sealed, context) =>
    openBytes(await unwrap(tx, keyId), sealed, recordContext(keyId, context));

  return {
    masterKeyId: ownId,
    derive,
    seal,
    open,
    async openAll(tx, keyId, records) {
      const open = createOpener(await unwrap(tx, keyId));
      return records.map(({ sealed, context }) => open(sealed, recordContext(keyId, context)));
    },
    async createKey(tx, subject) {
      const keyId = createId('key', random);
      const wrapped = sealBytes(wrapping, random(KEY_BYTES), wrapContext(keyId, subject), random);
      await tx.query('insert into store.data_keys (id, subject, master_key, wrapped) values ($1, $2, $3, $4)', [
        keyId,
        subject,
        ownId,
        wrapped,
      ]);
      return keyId;
    },
    sealJson: (tx, keyId, value, context) => seal(tx, keyId, Buffer.from(JSON.stringify(value)), context),
    openJson: async (tx, keyId, sealed, context) => JSON.parse((await open(tx, keyId, sealed, context)).toString()),
    async shred(tx, keyId) {
      await findRow(tx, keyId);
      await tx.query(
        'update store.data_keys set wrapped = null, shredded_at = now() where id = $1 and wrapped is not null',
        [keyId],
      );
    },
    async sealer(tx, keyId) {
      const box = createBox(await unwrap(tx, keyId), random);
      return {
        seal: (plaintext, context) => box.seal(plaintext, recordContext(keyId, context)),
        open: (sealed, context) => box.open(sealed, recordContext(keyId, context)),
      };
    },
    sealUnder: (use, plaintext, context) => sealBytes(derive(use), plaintext, context, random),
    openUnder: (use, sealed, context) => openBytes(derive(use), sealed, context),
  };
}

interface DataKeyRow {
  readonly subject: string;
  readonly master_key: string;
  readonly wrapped: Buffer | null;
}

async function findRow(tx: Transaction, keyId: string): Promise<DataKeyRow> {
  const { rows } = await tx.query<DataKeyRow>(
    'select subject, master_key, wrapped from store.data_keys where id = $1',
    [keyId],
  );
  if (!rows[0]) throw new SealError('another-key', `there is no data key ${keyId}`);
  return rows[0];
}

function anotherMasterKey(keyId: string, needed: string, own: string): StoreError {
  return new StoreError('wrong-key', `${keyId} is wrapped by the master key ${needed}, and the one in use is ${own}`);
}

const wrapContext = (keyId: string, subject: string): string => `wrap\0${keyId}\0${subject}`;
const recordContext = (keyId: string, context: string): string => `record\0${keyId}\0${context}`;
