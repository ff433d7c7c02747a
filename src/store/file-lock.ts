/**
 * One process at a time: an flock(2) on a file, taken through util-linux `flock` on a descriptor it inherits.
 * The lock belongs to the open file, so the kernel frees it when the holder dies, even by SIGKILL: there is no stale
 * lock to judge and none to steal.
 */
import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';

/** flock(1) ends so when it waited in vain. */
const TIMED_OUT_STATUS = 75;

export class LockTimeout extends Error {
  override readonly name = 'LockTimeout';
}

/** Throws LockTimeout when another process holds `path` for longer than `waitMs`. */
export async function withFileLock<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const file = await open(path, 'a', 0o600);
  try {
    await lock(file, path, waitMs);
    return await work();
  } finally {
    await file.close();
  }
}

/** Takes the lock at once or throws LockTimeout, and writes `note` into the file for those who do not get it. */
export async function holdFileLock(path: string, note: string): Promise<{ release(): Promise<void> }> {
  const file = await open(path, 'a', 0o600);
  try {
    await lock(file, path, 0);
    await file.truncate();
    await file.write(note);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}

function lock(file: FileHandle, path: string, waitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const seconds = String(Math.max(0.001, waitMs / 1000));
    const options = ['--exclusive', '--timeout', seconds, '--conflict-exit-code', String(TIMED_OUT_STATUS), '3'];
    const child = spawn('flock', options, { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
    child.on('error', (cause) =>
      reject(new Error(`cannot run flock to lock ${path}; install the package util-linux`, { cause })),
    );
    child.on('exit', (status) => {
      if (status === 0) resolve();
      else if (status === TIMED_OUT_STATUS) reject(new LockTimeout(`another process held ${path} for ${waitMs} ms`));
      else reject(new Error(`flock on ${path} ended with status ${status}`));
    });
  });
}
