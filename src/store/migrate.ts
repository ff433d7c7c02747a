/**
 * Brings the schema of a database to the one this program needs: numbered SQL files, forward only, each applied once
 * and in one transaction. What was applied is remembered with its hash, so a database is never used by a program that
 * disagrees about its past.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger, runMigrations } from 'graphile-worker';
import type pg from 'pg';
import { sha256Hex } from '../lib/hash.ts';
import { StoreError } from './store-error.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
  readonly sql: string;
}

const DIRECTORY = join(import.meta.dirname, 'migrations');
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;
/** Any number that no other program takes on the same database. */
const ADVISORY_LOCK = 4_851_402_206;

const BOOTSTRAP = `
  create schema if not exists store;
  create table if not exists store.migrations (
    number     integer primary key,
    name       text not null,
    sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz not null default now()
  );`;

export async function readMigrations(directory = DIRECTORY): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    const number = FILE_NAME.exec(name)?.[1];
    if (!number) throw new Error(`${name} in ${directory} is not named like 0001-what-it-does.sql`);
    const sql = await readFile(join(directory, name), 'utf8');
    if (migrations.at(-1)?.number === Number(number)) throw new Error(`two migrations bear the number ${number}`);
    migrations.push({ number: Number(number), name, sha256: sha256Hex(sql), sql });
  }
  return migrations;
}

/** The program's own files; a restore of an older backup takes only those the backup was made with. */
export interface MigrateOptions {
  readonly directory?: string;
  readonly only?: ReadonlySet<number>;
}

/** Returns the names of the files applied. Throws StoreError `wrong-migrations` before anything is changed. */
export async function migrate(pool: pg.Pool, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = await readMigrations(options.directory ?? DIRECTORY);
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
    await client.query(BOOTSTRAP);
    const applied = await checkHistory(client, migrations);
    const fresh = migrations.filter(({ number }) => !applied.has(number) && (options.only?.has(number) ?? true));
    // First, so that our own files may refer to its functions.
    await runMigrations({ pgPool: pool, logger: quietLogger() });
    for (const migration of fresh) await apply(client, migration);
    return fresh.map(({ name }) => name);
  } finally {
    // Ends the connection, and with it the lock and the setting, whatever went wrong.
    client.release(true);
  }
}

async function checkHistory(client: pg.PoolClient, migrations: readonly Migration[]): Promise<Set<number>> {
  const { rows } = await client.query<{ number: number; name: string; sha256: string }>(
    'select number, name, sha256 from store.migrations order by number',
  );
  const wrong: string[] = [];
  for (const row of rows) {
    const ours = migrations.find(({ number }) => number === row.number);
    if (!ours) wrong.push(`${row.name} was applied and this release does not have it`);
    else if (ours.sha256 !== row.sha256) wrong.push(`${row.name} is not the file that was applied`);
  }
  if (wrong.length > 0) {
    throw new StoreError(
      'wrong-migrations',
      `the database was written by another release: ${wrong.join('; ')}. Nothing was changed; use that release or a newer one.`,
    );
  }
  return new Set(rows.map(({ number }) => number));
}

async function apply(client: pg.PoolClient, migration: Migration): Promise<void> {
  try {
    await client.query('begin');
    await client.query(migration.sql);
    await client.query('insert into store.migrations (number, name, sha256) values ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.sha256,
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    throw new Error(`migration ${migration.name} failed and was undone`, { cause });
  }
}

export function quietLogger(): Logger {
  return new Logger(() => () => {});
}
