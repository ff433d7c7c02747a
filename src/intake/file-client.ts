/** Files of this machine, and bytes at hand, as something that can be read more than once. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Source } from './piece.ts';

const READ_BYTES = 256 * 1024;

/** Throws where it is no regular file: a pipe cannot be read twice. */
export async function openFileSource(path: string): Promise<Source> {
  const found = await stat(path);
  if (!found.isFile()) throw Object.assign(new Error(`${path} is not a file`), { code: 'ENOTFILE' });
  return {
    name: basename(path),
    bytes: found.size,
    read: (from = 0, to = found.size) =>
      from >= to ? nothing() : createReadStream(path, { start: from, end: to - 1, highWaterMark: READ_BYTES }),
  };
}

export function toSource(name: string, bytes: Buffer): Source {
  return {
    name,
    bytes: bytes.length,
    async *read(from = 0, to = bytes.length) {
      yield bytes.subarray(from, to);
    },
  };
}

async function* nothing(): AsyncGenerator<Buffer> {}
