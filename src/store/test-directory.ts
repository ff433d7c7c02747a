/** Where tests keep what need not survive them: in memory where there is enough of it, else in the temporary directory. */
import { mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** A container's default /dev/shm holds 64 MB, one database server 40. */
const ENOUGH_BYTES = 2 * 1024 ** 3;

/** A new directory, 0700. The caller removes it. */
export function makeTestDirectory(prefix: string): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize >= ENOUGH_BYTES) return mkdtempSync(join(MEMORY, prefix));
  } catch {
    // Not there, or not ours to write.
  }
  return mkdtempSync(join(tmpdir(), prefix));
}
