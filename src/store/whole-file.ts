/** A private file that appears whole and synced, or not at all. */
import { randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';

/** Mode 0600. Throws EEXIST where there is one: nothing is overwritten. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const half = `${path}.half-${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(half, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(half, path);
  } finally {
    await rm(half, { force: true });
  }
}
