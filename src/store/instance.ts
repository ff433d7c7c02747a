/** At most one process in a role (`serve`, say) on a data directory. The kernel ends the claim with the process. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdFileLock, LockTimeout } from './file-lock.ts';
import { StoreError } from './store-error.ts';

export interface Instance {
  release(): Promise<void>;
}

/** Throws StoreError `busy`, naming the process that has the role. */
export async function claimRole(home: string, role: string): Promise<Instance> {
  const path = join(home, `${role}.lock`);
  try {
    return await holdFileLock(path, String(process.pid));
  } catch (cause) {
    if (!(cause instanceof LockTimeout)) throw cause;
    const pid = (await readFile(path, 'utf8').catch(() => '')).trim();
    throw new StoreError('busy', `${role} runs on ${home} already (process ${pid}); stop it first`, { cause });
  }
}
