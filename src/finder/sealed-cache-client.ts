/**
 * Results of searches kept between runs, encrypted: they name flaws. One file a key; what cannot be opened or was cut off
 * counts as absent, and the search runs again.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RandomBytes } from '../lib/id.ts';
import type { Vault } from '../store/vault.ts';
import type { ResultCache } from './finder.ts';

const USE = 'finder/results';
const KEY = /^[0-9a-f]{64}$/;

export interface SealedCacheOptions {
  readonly directory: string;
  readonly vault: Pick<Vault, 'sealUnder' | 'openUnder'>;
  readonly random: RandomBytes;
}

export function createSealedCache({ directory, vault, random }: SealedCacheOptions): ResultCache {
  const pathOf = (key: string): string => {
    if (!KEY.test(key)) throw new RangeError('a cache key is 64 hexadecimal digits');
    return join(directory, key);
  };
  return {
    async get(key) {
      const sealed = await readFile(pathOf(key)).catch(() => undefined);
      if (!sealed) return undefined;
      try {
        return vault.openUnder(USE, sealed, key);
      } catch {
        return undefined;
      }
    },
    async put(key, bytes) {
      const path = pathOf(key);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const draft = `${path}.${Buffer.from(random(8)).toString('hex')}`;
      await writeFile(draft, vault.sealUnder(USE, bytes, key), { mode: 0o600 });
      await rename(draft, path);
    },
  };
}
