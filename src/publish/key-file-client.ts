/** Release keys as files: `<HOME>/keys/<name>.key`, 0600. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBase64 } from '../lib/bytes.ts';
import type { RandomBytes } from '../lib/id.ts';
import { createReleaseKey, type EncryptedKey, type ReleaseKeyName, readReleaseKey } from './release-key.ts';

export function createReleaseKeyFiles(home: string) {
  const folder = join(home, 'keys');
  const pathOf = (name: ReleaseKeyName) => join(folder, `${name}.key`);

  async function find(name: ReleaseKeyName): Promise<EncryptedKey | undefined> {
    let text: string;
    try {
      text = await readFile(pathOf(name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const read = readReleaseKey(text);
    if (!read.ok || read.value.name !== name) throw new Error(`${pathOf(name)} is no release key named ${name}`);
    return read.value;
  }

  return {
    find,

    /** Never replaces a key: throws where there is one. */
    async create(name: ReleaseKeyName, passphrase: string, random: RandomBytes, n?: number): Promise<EncryptedKey> {
      const key = createReleaseKey(name, passphrase, random, n);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = await open(pathOf(name), 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(key, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      return key;
    },

    /** The public halves of a pair, for verification; those that exist. */
    async publicKeys(kind: 'real' | 'demonstration'): Promise<readonly Uint8Array[]> {
      const names = namesFor(kind);
      const keys = await Promise.all(names.map(find));
      return keys.flatMap((key) => {
        const bytes = key && fromBase64(key.publicKey);
        return bytes ? [bytes] : [];
      });
    },
  };
}

export function namesFor(kind: 'real' | 'demonstration'): readonly [ReleaseKeyName, ReleaseKeyName] {
  return kind === 'real' ? ['release-a', 'release-b'] : ['demonstration-a', 'demonstration-b'];
}
