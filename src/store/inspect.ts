/** What `doctor` asks of the store. Looks at what is there and makes nothing. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemRandom } from '../lib/id.ts';
import { checkPrivate, freeBytes, MIN_FREE_BYTES, toHome } from './home.ts';
import { type FailedJob, findFailedJobs } from './jobs.ts';
import { kindOfKept, openKept } from './kept-error.ts';
import { findNeededKeys, readMasterKey } from './master-key.ts';
import { readMigrations } from './migrate.ts';
import { openDatabase } from './open-database.ts';
import { startPostgres } from './postgres-launcher.ts';
import { createVault, masterKeyId } from './vault.ts';

export interface StoreCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface InspectOptions {
  readonly databaseUrl?: string | undefined;
  /** The system's Postgres, as for `startPostgres`. */
  readonly programs?: string | undefined;
  /** Tells the text of errors that ended jobs. */
  readonly reveal?: boolean;
}

const MEGABYTE = 1024 * 1024;

export async function inspectStore(homePath: string, options: InspectOptions = {}): Promise<StoreCheck[]> {
  const home = toHome(homePath);
  const checks: StoreCheck[] = [];
  const check = async (name: string, look: () => Promise<string>): Promise<void> => {
    try {
      checks.push({ name, ok: true, detail: await look() });
    } catch (error) {
      checks.push({ name, ok: false, detail: error instanceof Error ? error.message : String(error) });
    }
  };
  if (!(await isThere(home.path))) {
    return [{ name: 'data directory', ok: true, detail: `${home.path} will be made by the first start` }];
  }
  await check('data directory', async () => {
    await checkPrivate(home.path);
    return home.path;
  });
  const isSound = checks.every(({ ok }) => ok);
  await check('disk space', async () => {
    const free = await freeBytes(home.path);
    const text = `${Math.floor(free / MEGABYTE)} MB free`;
    if (free < MIN_FREE_BYTES) throw new Error(`${text}; ${MIN_FREE_BYTES / MEGABYTE} MB are needed`);
    return text;
  });
  const needed: string[] = [];
  const checkKey = () =>
    check('master key', async () => {
      const key = await readMasterKey(home.masterKeyFile);
      if (key) return `${masterKeyId(key)} in ${home.masterKeyFile}`;
      if (needed.length === 0) return 'will be made by the first start';
      throw new Error(
        `${home.masterKeyFile} is missing, and the database is sealed under ${needed.join(', ')}: put that file back (\`restore --with-keys FILE\` brings it)`,
      );
    });
  if (!options.databaseUrl && !(await isThere(join(home.postgres, 'data')))) {
    await checkKey();
    checks.push({ name: 'database', ok: true, detail: 'will be made by the first start' });
    return checks;
  }
  // A server writes into the directory it is started on; who is told that it is wrong must find it as it was.
  if (!options.databaseUrl && !isSound) {
    await checkKey();
    checks.push({ name: 'database', ok: false, detail: 'not started: put the data directory right first' });
    return checks;
  }
  await check('database', () => inspectDatabase(home, options, check, needed));
  await checkKey();
  return checks;
}

async function inspectDatabase(
  home: ReturnType<typeof toHome>,
  options: InspectOptions,
  check: (name: string, look: () => Promise<string>) => Promise<void>,
  needed: string[],
): Promise<string> {
  const server = options.databaseUrl
    ? undefined
    : await startPostgres({ directory: home.postgres, programs: options.programs });
  try {
    const database = await openDatabase({ url: options.databaseUrl ?? server?.url ?? '', name: 'doctor' });
    try {
      const { rows } = await database.query<{ version: string; made: boolean }>(
        `select current_setting('server_version') as version, to_regclass('store.migrations') is not null as made`,
      );
      if (!rows[0]?.made) return `PostgreSQL ${rows[0]?.version}, empty`;
      await check('schema', async () => {
        const ours = await readMigrations();
        const { rows: applied } = await database.query<{ number: number; sha256: string }>(
          'select number, sha256 from store.migrations',
        );
        const foreign = applied.filter(
          (row) => !ours.some((own) => own.number === row.number && own.sha256 === row.sha256),
        );
        if (foreign.length > 0) throw new Error('was written by another release');
        return `${applied.length} of ${ours.length} files applied`;
      });
      await check('sealed records', async () => {
        const key = await readMasterKey(home.masterKeyFile);
        needed.push(...(await findNeededKeys(database)));
        const missing = needed.filter((id) => !key || id !== masterKeyId(key));
        if (missing.length > 0) throw new Error(`cannot be opened without the master key ${missing.join(', ')}`);
        return 'the master key at hand opens all';
      });
      await check('jobs', async () => {
        const failed = (await findFailedJobs(database)).filter(({ nextAttemptAt }) => nextAttemptAt === null);
        const [first] = failed;
        if (first) {
          const reason = await describe(first, home, options.reveal ?? false);
          throw new Error(`${failed.length} failed for good, the last ${first.name} (${first.id}): ${reason}`);
        }
        return 'none failed for good';
      });
      return `PostgreSQL ${rows[0].version}${options.databaseUrl ? ' (DATABASE_URL)' : ', embedded'}`;
    } finally {
      await database.close();
    }
  } finally {
    await server?.stop();
  }
}

/** The text of an error may name what is sealed: it is opened only for the operator who asks. */
async function describe(
  { id, reason }: FailedJob,
  home: ReturnType<typeof toHome>,
  isRevealed: boolean,
): Promise<string> {
  const masterKey = isRevealed ? await readMasterKey(home.masterKeyFile) : undefined;
  if (!masterKey) return kindOfKept(reason);
  return openKept(createVault({ masterKey, random: systemRandom }), id, reason);
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
