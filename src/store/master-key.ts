/**
 * The master key: 32 random bytes in a file of mode 0600 outside the database. It wraps the data keys, so database and
 * backup without it are ciphertext. It is made once; a database that was sealed under another one is refused.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { RandomBytes } from '../lib/id.ts';
import type { Transaction } from './database.ts';
import { StoreError } from './store-error.ts';
import { masterKeyId } from './vault.ts';
import { writeWhole } from './whole-file.ts';

const MASTER_KEY_BYTES = 32;

/** Makes the key where there is none, unless `tx` holds records sealed under one: then the file is missing, not new. */
export async function openMasterKey(path: string, tx: Transaction, random: RandomBytes): Promise<Buffer> {
  const needed = await findNeededKeys(tx);
  let key = await readMasterKey(path);
  if (!key && needed.length > 0) {
    throw new StoreError(
      'wrong-key',
      `${path} is missing, and the database holds records sealed under the master key ${needed.join(', ')}. Put that file back (\`restore --with-keys FILE\` brings it).`,
    );
  }
  key ??= await createMasterKey(path, random);
  const own = masterKeyId(key);
  const others = needed.filter((id) => id !== own);
  if (others.length > 0) {
    throw new StoreError(
      'wrong-key',
      `${path} is the master key ${own}, and the database holds records sealed under ${others.join(', ')}. Nothing was changed; put the right file back.`,
    );
  }
  return key;
}

/** The master keys under which something is sealed that was not shredded. */
export async function findNeededKeys(tx: Transaction): Promise<string[]> {
  const { rows } = await tx.query<{ master_key: string }>(
    'select distinct master_key from store.data_keys where wrapped is not null order by master_key',
  );
  return rows.map(({ master_key }) => master_key);
}

/** Undefined when there is no such file. */
export async function readMasterKey(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ELOOP') throw new StoreError('wrong-permissions', `${path} must be a file, not a link`);
    throw error;
  });
  if (!file) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new StoreError('wrong-permissions', `${path} is not a file`);
    if (found.uid !== process.geteuid?.()) {
      throw new StoreError('wrong-owner', `${path} belongs to uid ${found.uid}, this is uid ${process.geteuid?.()}`);
    }
    if ((found.mode & 0o077) !== 0) {
      throw new StoreError(
        'wrong-permissions',
        `${path} can be read by other accounts; treat the key as known, or run: chmod 600 ${path}`,
      );
    }
    const key = Buffer.alloc(MASTER_KEY_BYTES + 1);
    const { bytesRead } = await file.read(key, 0, key.length, 0);
    if (bytesRead !== MASTER_KEY_BYTES) {
      throw new StoreError(
        'wrong-key',
        `${path} holds ${bytesRead} bytes (or more), a master key has ${MASTER_KEY_BYTES}`,
      );
    }
    return key.subarray(0, MASTER_KEY_BYTES);
  } finally {
    await file.close();
  }
}

async function createMasterKey(path: string, random: RandomBytes): Promise<Buffer> {
  await writeWhole(path, random(MASTER_KEY_BYTES)).catch((error) => {
    // Another process was faster: its key is the one.
    if (error.code !== 'EEXIST') throw error;
  });
  const key = await readMasterKey(path);
  if (!key) throw new Error(`${path} vanished while it was made`);
  return key;
}
