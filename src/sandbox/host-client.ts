/**
 * What this host offers to a sandbox: directories below /, files of /proc to hide, who may reach an input.
 */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { PROC_MASKS } from './bwrap-arguments.ts';

const OTHERS_READ = 0o4;
const OTHERS_WRITE = 0o2;
const OTHERS_SEARCH = 0o1;

const ROOT_NAMES = ['bin', 'lib', 'lib32', 'lib64', 'sbin'];

/** `[link, target]` for what is merged into /usr, `[dir]` for a directory of its own. */
export function readRootEntries(): (readonly [string, string?])[] {
  return ROOT_NAMES.flatMap((name): (readonly [string, string?])[] => {
    const stat = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (!stat) return [];
    return [stat.isSymbolicLink() ? [name, readlinkSync(`/${name}`)] : [name]];
  });
}

/** Files that only root may read need no mask: the sandbox's uid is not root to the kernel. Each mask costs 0.3 ms. */
export function readProcMasks(): string[] {
  const present = new Set(readdirSync('/proc'));
  return PROC_MASKS.filter(
    (name) => present.has(name) && (statSync(`/proc/${name}`).mode & (OTHERS_READ | OTHERS_WRITE)) !== 0,
  );
}

/**
 * How an input gets to a uid that is neither its owner nor in its group: `direct` by its own path, `bind` when only the
 * way there is closed (a 0700 home), `copy` when the thing itself is.
 */
export type Reach = 'direct' | 'bind' | 'copy';

/** `path` has no links in it. */
export function reachOf(path: string): Reach {
  const { mode } = statSync(path);
  const needed = statSync(path).isDirectory() ? OTHERS_READ | OTHERS_SEARCH : OTHERS_READ;
  if ((mode & needed) !== needed) return 'copy';
  for (let dir = dirname(path); ; dir = dirname(dir)) {
    if (!(statSync(dir).mode & OTHERS_SEARCH)) return 'bind';
    if (dir === '/') return 'direct';
  }
}

/** The real path of a directory or regular file, or why it cannot be an input. */
export function findInput(path: string): { readonly path: string } | { readonly problem: string } {
  try {
    const real = realpathSync(path);
    const stat = statSync(real);
    if (!stat.isDirectory() && !stat.isFile()) return { problem: `${path} is neither a directory nor a regular file` };
    return { path: real };
  } catch (cause) {
    return { problem: `${path} cannot be opened: ${(cause as Error).message}` };
  }
}
