/** What was seen of each log, by origin, as files: `<folder>/<sha256 of the origin>.json`. A log may only grow from there. */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromHex, toHex } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { KnownHead } from './audit.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readLimited } from './log-reader-client.ts';
import { formatVerifierKey, type VerifierKey } from './note.ts';

export const KNOWN_HEADS_FOLDER = 'known-logs';
const MAX_RECORD_BYTES = 4_096;

export type KnownHeads = ReturnType<typeof createKnownHeads>;

export interface KeyChange {
  readonly origin: string;
  readonly known: string;
  readonly given: string;
}

export function createKnownHeads(folder: string) {
  const pathOf = (origin: string) => join(folder, `${sha256Hex(origin)}.json`);

  async function find(origin: string): Promise<{ readonly vkey: string; readonly head: KnownHead } | undefined> {
    const bytes = await readLimited(pathOf(origin), MAX_RECORD_BYTES);
    if (!bytes) return undefined;
    try {
      const { vkey, size, root } = JSON.parse(Buffer.from(bytes).toString('utf8'));
      const hash = typeof root === 'string' ? fromHex(root) : undefined;
      if (typeof vkey !== 'string' || !Number.isSafeInteger(size) || !hash)
        throw new TypeError('a member is malformed');
      return { vkey, head: { size, root: hash } };
    } catch (cause) {
      throw new Error(`${pathOf(origin)} is damaged; remove it to forget what was seen of ${origin}`, { cause });
    }
  }

  return {
    find,

    /** Keeps the larger head. Gives the change of key, and keeps nothing, where the key is not the one seen first. */
    async remember({ origin, size, root }: Checkpoint, signer: VerifierKey): Promise<KeyChange | undefined> {
      const vkey = formatVerifierKey(signer);
      const known = await find(origin);
      if (known && known.vkey !== vkey) return { origin, known: known.vkey, given: vkey };
      if (known && known.head.size >= size) return undefined;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const temporary = `${pathOf(origin)}.${randomBytes(8).toString('hex')}`;
      await writeFile(temporary, canonicalJson({ origin, root: toHex(root), size, vkey }), { mode: 0o600 });
      await rename(temporary, pathOf(origin));
      return undefined;
    },
  };
}
