/** Documents by their SHA-256, as files: `<HOME>/evidence/ab/cdef…`. What does not hash to its name is not there. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../lib/hash.ts';
import { writeWhole } from '../store/whole-file.ts';

export interface EvidenceFiles {
  /** Gives `sha256:…`. Storing the same again changes nothing. */
  put(bytes: Uint8Array): Promise<string>;
  find(hash: string): Promise<Uint8Array | undefined>;
}

/** Of one document. */
const MAX_DOCUMENT_BYTES = 16_000_000;
const NAME = /^sha256:([0-9a-f]{2})([0-9a-f]{62})$/;

export function openEvidence(directory: string): EvidenceFiles {
  return {
    async put(bytes) {
      if (bytes.length > MAX_DOCUMENT_BYTES) throw new RangeError(`a document is at most ${MAX_DOCUMENT_BYTES} bytes`);
      const hash = sha256Hex(bytes);
      const folder = join(directory, hash.slice(0, 2));
      if (await hasAlready(join(folder, hash.slice(2)), bytes.length)) return `sha256:${hash}`;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        await writeWhole(join(folder, hash.slice(2)), bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      return `sha256:${hash}`;
    },

    async find(hash) {
      const [, folder, rest] = NAME.exec(hash) ?? [];
      if (folder === undefined || rest === undefined) return undefined;
      const path = join(directory, folder, rest);
      try {
        if ((await stat(path)).size > MAX_DOCUMENT_BYTES) return undefined;
        const bytes = await readFile(path);
        return `sha256:${sha256Hex(bytes)}` === hash ? bytes : undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}

/** Files appear whole, so one of that name and length is the one. Should its disk have failed it, `find` says so. */
async function hasAlready(path: string, length: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === length;
}
