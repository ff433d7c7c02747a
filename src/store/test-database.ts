/**
 * Databases for tests: one server for the whole run, one database for each caller, copied from a migrated template.
 * The runner names the server in HEADSTART_TEST_DATABASE_URL; without it (one file run by hand) this process starts its
 * own in a temporary directory and ends it when it ends.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sha256Hex } from '../lib/hash.ts';
import { migrate, readMigrations } from './migrate.ts';
import { type OpenDatabase, openDatabase } from './open-database.ts';
import { type RunningPostgres, startPostgres } from './postgres-launcher.ts';
import { makeTestDirectory } from './test-directory.ts';

export interface TestDatabase {
  readonly database: OpenDatabase;
  readonly url: string;
  /** Closes `database` and removes it. */
  drop(): Promise<void>;
}

const CONNECTIONS = 6;
/** Serialises the making of the template between test processes. */
const DROP_ATTEMPTS = 50;
const DROP_PAUSE_MS = 100;
const TEMPLATE_LOCK = 7_713_055_018;

/** `empty` leaves the schema to the caller. */
export async function createTestDatabase(options: { readonly empty?: boolean } = {}): Promise<TestDatabase> {
  const server = await findServer();
  const template = options.empty ? 'template1' : await openTemplate(server);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(server, (client) => client.query(`create database ${name} template ${template}`));
  const url = withDatabase(server, name);
  const database = await openDatabase({ url, maxConnections: CONNECTIONS, name: 'test' });
  return {
    database,
    url,
    async drop() {
      await database.close();
      await administer(server, (client) => dropDatabase(client, name));
    },
  };
}

async function openTemplate(server: string): Promise<string> {
  const migrations = await readMigrations();
  const name = `template_${sha256Hex(migrations.map(({ sha256 }) => sha256).join()).slice(0, 16)}`;
  await administer(server, async (client) => {
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rows } = await client.query('select from pg_database where datname = $1', [name]);
    if (rows.length > 0) return;
    const half = `${name}_half`;
    await dropDatabase(client, half);
    await client.query(`create database ${half}`);
    const database = await openDatabase({ url: withDatabase(server, half), name: 'test template' });
    try {
      await migrate(database.pool);
    } finally {
      await database.close();
    }
    await client.query(`alter database ${half} rename to ${name}`);
  });
  return name;
}

/** An autovacuum that is at work in it belongs to the superuser: it cannot be ended by us, and is done in a moment. */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query(`drop database if exists ${name} with (force)`);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== '42501' || attempt === DROP_ATTEMPTS) throw error;
      await sleep(DROP_PAUSE_MS);
    }
  }
}

async function administer(server: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

const END_WAIT_MS = 5000;

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

let own: Promise<RunningPostgres> | undefined;

async function findServer(): Promise<string> {
  // biome-ignore lint/style/noProcessEnv: test support, named by the test runner
  const given = process.env.HEADSTART_TEST_DATABASE_URL;
  if (given) return given;
  own ??= startOwn();
  return (await own).url;
}

async function startOwn(): Promise<RunningPostgres> {
  const directory = makeTestDirectory('headstart-test-');
  const server = await startPostgres({ directory: join(directory, 'postgres'), throwaway: true });
  // The connection to it keeps no process alive, so this is reached however the tests end.
  process.once('exit', () => {
    const pid = Number.parseInt(readFileSync(join(directory, 'postgres', 'data', 'postmaster.pid'), 'utf8'), 10);
    process.kill(pid, 'SIGQUIT');
    // Only waiting without the event loop is left here. The command line of an ended process is empty.
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    const until = Date.now() + END_WAIT_MS;
    while (commandLine(pid) !== '' && Date.now() < until) Atomics.wait(nobody, 0, 0, 5);
    rmSync(directory, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  return server;
}
