/**
 * Brings out what a run left in its working directory. Everything in there is hostile: the walk goes from descriptor to
 * descriptor without following a link, after the last process is gone, and takes regular files only.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';

export interface CollectLimits {
  readonly files: number;
  readonly depth: number;
  /** Sizes as files claim them: a sparse file counts in full. */
  readonly bytes: number;
}

export const COLLECT_LIMITS = { files: 4_096, depth: 16 } as const;

export interface Collected {
  /** Content by path relative to the directory; modes and times are not taken over. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** What was left behind and why, without content. */
  readonly refused: readonly string[];
}

const MAX_REFUSED = 100;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Without O_NONBLOCK, opening a named pipe would wait for a writer for ever. */
const ANY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

function readWhole(descriptor: number, size: number): Buffer {
  const content = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const read = readSync(descriptor, content, done, size - done, done);
    if (read === 0) break;
    done += read;
  }
  return content.subarray(0, done);
}

/** `root` is an open directory and stays open. */
export function collect(root: number, limits: CollectLimits): Collected {
  const files = new Map<string, Buffer>();
  const refused: string[] = [];
  const device = fstatSync(root).dev;
  let bytes = 0;
  const leave = (why: string): void => {
    if (refused.length < MAX_REFUSED) refused.push(why);
  };

  function takeEntry(directory: number, name: string, path: string, depth: number): void {
    const open = (flags: number): number => openSync(`/proc/self/fd/${directory}/${name}`, flags);
    let descriptor: number;
    try {
      descriptor = open(ANY);
    } catch (error) {
      leave(`${(error as NodeJS.ErrnoException).code === 'ELOOP' ? 'link' : 'not readable'}: ${path}`);
      return;
    }
    try {
      const stat = fstatSync(descriptor);
      if (stat.dev !== device) leave(`mount: ${path}`);
      else if (stat.isDirectory()) takeDirectory(descriptor, path, depth + 1);
      else if (!stat.isFile()) leave(`neither file nor directory: ${path}`);
      else if (files.size >= limits.files) leave(`more than ${limits.files} files: ${path}`);
      else if (bytes + stat.size > limits.bytes) leave(`more than ${limits.bytes} bytes: ${path}`);
      else {
        files.set(path, readWhole(descriptor, stat.size));
        bytes += stat.size;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  function takeDirectory(directory: number, path: string, depth: number): void {
    if (depth > limits.depth) {
      leave(`deeper than ${limits.depth} directories: ${path}`);
      return;
    }
    // Names are bytes; one that is not UTF-8 cannot be a path of the result and opens as nothing.
    const names = readdirSync(`/proc/self/fd/${directory}`).sort();
    for (const name of names) takeEntry(directory, name, path === '' ? name : `${path}/${name}`, depth);
  }

  const own = openSync(`/proc/self/fd/${root}/.`, DIRECTORY);
  try {
    takeDirectory(own, '', 1);
  } finally {
    closeSync(own);
  }
  return { files, refused };
}
