/**
 * Host uids of sandboxes, for a launcher that is root: one per live run, from a range of our own, agreed between all
 * processes of the machine by lock files in a directory that only root can write.
 *
 * A lock names its owner (process id and start time). It appears by `link`, whole or not at all. The lock of a dead owner
 * is reclaimed by whoever first links it to a name that holds the dead owner's identity, so it is reclaimed once.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOwnerAlive, ownIdentity } from './process-tree-client.ts';

const FIRST_UID = 64_000;
const LAST_UID = 64_999;

export interface HostUids {
  /** A uid no other live run has, or undefined when the range is used up. */
  lease(): number | undefined;
  giveBack(uid: number): void;
  /** Gives every lock back; runs must have ended. */
  close(): void;
}

function readOwner(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function namedUids(): Set<number> {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return new Set(lines.map((line) => Number(line.split(':')[2])));
}

/** Removes the lock of a dead owner. The loser of a race leaves everything as it is. */
function reclaim(lock: string): void {
  const owner = readOwner(lock);
  if (owner === undefined || isOwnerAlive(owner)) return;
  const grave = `${lock}.${owner}`;
  if (!tryLink(lock, grave)) return;
  if (readOwner(grave) === owner) rmSync(lock, { force: true });
  rmSync(grave, { force: true });
}

/** The names of dead launchers; their locks are reclaimed when a uid is wanted. */
function sweep(directory: string): void {
  for (const name of readdirSync(directory).filter((entry) => entry.startsWith('owner-'))) {
    const [, pid, started] = name.split('-');
    if (!isOwnerAlive(`${pid}-${started}`)) rmSync(join(directory, name), { force: true });
  }
}

/** `directory` is one for the whole machine, so that two installations cannot hand out the same uid. */
export function createHostUids(directory: string, tag: string): HostUids {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  sweep(directory);
  const owner = ownIdentity();
  const mine = join(directory, `owner-${owner}-${tag}`);
  writeFileSync(mine, owner, { mode: 0o600 });
  const taken = namedUids();
  const held = new Set<number>();
  const idle: number[] = [];
  const lockOf = (uid: number): string => join(directory, String(uid));

  function acquire(): number | undefined {
    for (let uid = FIRST_UID; uid <= LAST_UID; uid += 1) {
      if (taken.has(uid) || held.has(uid)) continue;
      if (tryLink(mine, lockOf(uid))) return uid;
      reclaim(lockOf(uid));
      if (tryLink(mine, lockOf(uid))) return uid;
    }
    return undefined;
  }

  return {
    lease() {
      const uid = idle.pop() ?? acquire();
      if (uid !== undefined) held.add(uid);
      return uid;
    },
    giveBack(uid) {
      if (held.has(uid)) idle.push(uid);
    },
    close() {
      for (const uid of held) rmSync(lockOf(uid), { force: true });
      held.clear();
      idle.length = 0;
      rmSync(mine, { force: true });
    },
  };
}
