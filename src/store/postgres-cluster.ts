/** The files of one database server: its data directory, made once, and the passwords to it. Called under the lock. */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import type { Account } from './postgres-account.ts';
import type { PostgresPrograms } from './postgres-binaries.ts';
import { explainFailure, initCluster } from './postgres-process.ts';
import { StoreError } from './store-error.ts';

export interface Access {
  readonly superuserPassword: string;
  readonly password: string;
  readonly port: number;
}

export interface Place {
  readonly directory: string;
  readonly data: string;
  readonly logFile: string;
  readonly accessFile: string;
  readonly throwaway: boolean;
  readonly readyWaitMs: number;
}

/** Of the program's own role and of its database. */
const NAME = 'headstart';

export async function readAccess(place: Place): Promise<Access | undefined> {
  const text = await readFile(place.accessFile, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

export async function writeAccess(place: Place, access: Access): Promise<void> {
  await writeFile(`${place.accessFile}.new`, JSON.stringify(access), { mode: 0o600, flush: true });
  await rename(`${place.accessFile}.new`, place.accessFile);
}

/** The cluster of this directory: made when there is none, refused when another major version made it. */
export async function openCluster(
  place: Place,
  account: Account,
  programs: PostgresPrograms,
  known: Access | undefined,
): Promise<Access> {
  const made = await readFile(join(place.data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (made !== undefined && known) {
    if (Number.parseInt(made, 10) !== programs.major) {
      throw new StoreError(
        'wrong-version',
        `${place.data} was made by PostgreSQL ${made.trim()}, this release runs PostgreSQL ${programs.major}. Nothing was changed. Run \`backup FILE\` with the release that made it, then \`restore FILE\` with this one into an empty data directory.`,
      );
    }
    await checkDataDirectory(place, account);
    return known;
  }
  if (made !== undefined) {
    throw new StoreError(
      'wrong-permissions',
      `${place.accessFile} is missing, and with it the password of ${place.data}`,
    );
  }
  return createCluster(place, account, programs);
}

async function checkDataDirectory(place: Place, account: Account): Promise<void> {
  const found = await stat(place.data);
  if (found.uid !== account.uid) {
    throw new StoreError('wrong-owner', `${place.data} belongs to uid ${found.uid} and must belong to ${account.uid}`);
  }
  if ((found.mode & 0o077) !== 0) {
    throw new StoreError('wrong-permissions', `${place.data} is open to other accounts; run: chmod 700 ${place.data}`);
  }
}

/**
 * initdb writes PG_VERSION early, so it works in a directory of another name: a crash on the way leaves no cluster that
 * looks finished.
 */
async function createCluster(place: Place, account: Account, programs: PostgresPrograms): Promise<Access> {
  const random = (): string => randomBytes(32).toString('base64url');
  const access = { superuserPassword: random(), password: random(), port: 0 };
  // A killed starter's initdb may still be writing to an earlier one.
  await removeHalves(place.directory);
  const half = `${place.data}.half-${randomBytes(6).toString('hex')}`;
  const passwordFile = `${place.accessFile}.password`;
  await rm(passwordFile, { force: true });
  try {
    await mkdir(half, { mode: 0o700 });
    if (account.lent) await chown(half, account.uid, account.gid);
    await chmod(half, 0o700);
    await writeFile(passwordFile, access.superuserPassword, { mode: 0o600 });
    await initCluster({ programs, account, dataDirectory: half, passwordFile, throwaway: place.throwaway });
    await writeAccess(place, access);
    await rm(place.data, { recursive: true, force: true });
    await rename(half, place.data);
    return access;
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    if (isFull(error)) throw explainFailure('initdb', 'No space left on device', place.data);
    throw error;
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function removeHalves(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith('data.half-'))
      await rm(join(directory, name), { recursive: true, force: true }).catch(() => {});
  }
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

/** The program's own role and database, made once. The role may make databases (tests, restore) and nothing else. */
export async function createDatabase(superuser: pg.Client, password: string): Promise<void> {
  const { rows } = await superuser.query<{ role: boolean; database: boolean }>(
    `select exists (select from pg_roles where rolname = '${NAME}') as role,
            exists (select from pg_database where datname = '${NAME}') as database`,
  );
  if (!rows[0]?.role) {
    await superuser.query(`create role ${NAME} login createdb password ${superuser.escapeLiteral(password)}`);
  }
  if (!rows[0]?.database) await superuser.query(`create database ${NAME} owner ${NAME}`);
}
