/**
 * Files without a name that never touch a disk: what a run is given (a reproducer among it) travels in these.
 */
import { constants, openSync, statfsSync, writeSync } from 'node:fs';

const SHARED_MEMORY = '/dev/shm';
const TMPFS_MAGIC = 0x01021994;
/** O_TMPFILE includes O_DIRECTORY; Node does not name it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Whether this host has memory files at all. */
export function hasMemoryFiles(): boolean {
  try {
    return statfsSync(SHARED_MEMORY).type === TMPFS_MAGIC;
  } catch {
    return false;
  }
}

/** An open descriptor, positioned at the start; the caller closes it and with it the content is gone. */
export function openMemoryFile(content: string | Uint8Array): number {
  const descriptor = openSync(SHARED_MEMORY, O_TMPFILE | constants.O_RDWR, 0o600);
  const bytes = Buffer.from(content as string);
  // With a position the offset that the child will read from stays at 0.
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, done);
  return descriptor;
}
