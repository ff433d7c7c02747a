/**
 * Results of searches, one file each below a directory, sealed: they name flaws that nobody has been told of. A file
 * that cannot be opened (another key, damage, a half-written one) counts as not there.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResultCache } from './finder.ts';

export interface CacheParts {
  /** Made where missing, 0700. */
  readonly directory: string;
  /** The key of the entry goes in as associated data, so that no file can stand in for another. */
  readonly seal: (plain: Uint8Array, associated: string) => Promise<Uint8Array> | Uint8Array;
  /** Throws where the bytes were not sealed by `seal` with this key. */
  readonly open: (sealed: Uint8Array, associated: string) => Promise<Uint8Array> | Uint8Array;
}

const KEY = /^[0-9a-f]{64}$/;
const ENTRY_BYTES = 16 * 1024 * 1024;

export function createFileCache(parts: CacheParts): ResultCache {
  const fileOf = (key: string): string => {
    if (!KEY.test(key)) throw new TypeError('a cache key is 64 hexadecimal digits');
    return join(parts.directory, `${key}.sealed`);
  };
  return {
    async get(key) {
      const file = fileOf(key);
      try {
        return await parts.open(await readFile(file), key);
      } catch {
        return undefined;
      }
    },
    async put(key, bytes) {
      const file = fileOf(key);
      if (bytes.length > ENTRY_BYTES) return;
      await mkdir(parts.directory, { recursive: true, mode: 0o700 });
      const sealed = await parts.seal(bytes, key);
      const draft = `${file}.${process.pid}.draft`;
      try {
        const handle = await open(draft, 'w', 0o600);
        try {
          await handle.writeFile(sealed);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(draft, file);
      } finally {
        await rm(draft, { force: true });
      }
    },
  };
}
