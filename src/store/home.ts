/**
 * The data directory: everything the installation knows, open to one account alone.
 *
 *   <HOME>/  0700
 *     master.key   0600, wraps all data keys
 *     postgres/    the embedded server
 *     keys/        signing keys, each under its passphrase
 *     evidence/    what decisions rest on, each document under its SHA-256
 *     public/      all that the public server may read
 *     cache/       sealed engine results and downloads
 *     scratch/     emptied at start
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StoreError } from './store-error.ts';

export interface Home {
  readonly path: string;
  readonly masterKeyFile: string;
  readonly postgres: string;
  readonly keys: string;
  readonly evidence: string;
  readonly public: string;
  readonly cache: string;
  readonly scratch: string;
}

/** Below this a start is refused: a database that runs out of space stops in the middle of work. */
export const MIN_FREE_BYTES = 256 * 1024 * 1024;

export function toHome(path: string): Home {
  const root = resolve(path);
  return {
    path: root,
    masterKeyFile: join(root, 'master.key'),
    postgres: join(root, 'postgres'),
    keys: join(root, 'keys'),
    evidence: join(root, 'evidence'),
    public: join(root, 'public'),
    cache: join(root, 'cache'),
    scratch: join(root, 'scratch'),
  };
}

/** Makes what is missing. Throws StoreError, and changes nothing that was there. */
export async function openHome(path: string, minFreeBytes = MIN_FREE_BYTES): Promise<Home> {
  const home = toHome(path);
  await makePrivate(home.path);
  await checkPrivate(home.path);
  await checkSpace(home.path, minFreeBytes);
  for (const directory of [home.keys, home.public, home.cache, home.scratch]) {
    await makePrivate(directory);
    await checkPrivate(directory);
  }
  return home;
}

async function makePrivate(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'EEXIST' && (await isThere(path))) return;
    if (error.code === 'ENOSPC') throw new StoreError('full-disk', `no space is left for ${path}`, { cause: error });
    if (['EACCES', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(String(error.code))) {
      throw new StoreError(
        'wrong-permissions',
        `${path} cannot be made: ${error.message}. Set HEADSTART_HOME to a directory of yours.`,
        { cause: error },
      );
    }
    throw error;
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

export async function checkPrivate(path: string): Promise<void> {
  const found = await lstat(path);
  if (!found.isDirectory()) throw new StoreError('wrong-permissions', `${path} is not a directory`);
  const own = process.geteuid?.();
  if (found.uid !== own) {
    throw new StoreError(
      'wrong-owner',
      `${path} belongs to uid ${found.uid} and this is uid ${own}. Run as that account, or set HEADSTART_HOME to a directory of yours.`,
    );
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw new StoreError('wrong-permissions', `${path} is open to other accounts (${mode}); run: chmod 700 ${path}`);
  }
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch((cause) => {
    throw new StoreError('wrong-permissions', `${path} cannot be written; run: chmod 700 ${path}`, { cause });
  });
}

async function checkSpace(path: string, minFreeBytes: number): Promise<void> {
  const free = await freeBytes(path);
  if (free < minFreeBytes) {
    const megabytes = (bytes: number): number => Math.floor(bytes / 1024 / 1024);
    throw new StoreError(
      'full-disk',
      `${megabytes(free)} MB are free on the disk of ${path}, ${megabytes(minFreeBytes)} MB are needed. Nothing was changed.`,
    );
  }
  const probe = join(path, `.probe-${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(probe, Buffer.alloc(4096), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw new StoreError('full-disk', `${path} takes no files`, { cause });
  } finally {
    await rm(probe, { force: true });
  }
}

export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
