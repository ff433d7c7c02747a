/**
 * Where targets are unpacked and reproducers are written in the clear: a directory in memory where the system has one,
 * so that no disk keeps them. Named after this process, so that a later start can remove what a killed one left behind.
 */
import { chmod, lstat, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scratch {
  readonly directory: string;
  /** False where no directory in memory can be written: the content lies on a disk until it is removed. */
  readonly isInMemory: boolean;
}

const PARENTS = ['/dev/shm', tmpdir()];
const NAME = /^headstart-scratch-(\d+)-/;
/** Of `statfs`: tmpfs and ramfs. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

export async function makeScratch(parents: readonly string[] = PARENTS): Promise<Scratch> {
  const places = await Promise.all(
    parents.map(async (parent) => ({ parent, isInMemory: await isInMemory(parent).catch(() => false) })),
  );
  // In the order given, those in memory first.
  for (const { parent, isInMemory: inMemory } of places.toSorted(
    (left, right) => Number(right.isInMemory) - Number(left.isInMemory),
  )) {
    try {
      await removeAbandoned(parent);
      const directory = await mkdtemp(join(parent, `headstart-scratch-${process.pid}-`));
      await chmod(directory, 0o711);
      return { directory, isInMemory: inMemory };
    } catch {
      // Not there or not writable: the next one.
    }
  }
  throw new Error(`none of ${parents.join(', ')} can be written`);
}

/** For people, where it is not in memory. */
export function onDiskWarning(directory: string): string {
  return `unpacked targets and reproducers lie on a disk, in the clear, while they are worked on (${directory}): mount a tmpfs on /dev/shm, or let TMPDIR name one`;
}

/** What `doctor` asks. */
export async function inspectScratch(
  parents: readonly string[] = PARENTS,
): Promise<{ readonly name: string; readonly ok: boolean; readonly detail: string }> {
  const { directory, isInMemory: inMemory } = await makeScratch(parents);
  await rm(directory, { recursive: true, force: true });
  return { name: 'scratch', ok: inMemory, detail: inMemory ? `in memory, ${directory}` : onDiskWarning(directory) };
}

async function isInMemory(directory: string): Promise<boolean> {
  return MEMORY_FILE_SYSTEMS.has((await statfs(directory)).type);
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    // Another start may be removing the same: a place is not given up for what was left behind in it.
    await removeOwn(join(parent, name)).catch(() => undefined);
  }
}

async function removeOwn(directory: string): Promise<void> {
  const { uid } = await lstat(directory);
  if (uid === process.geteuid?.()) await rm(directory, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
