/**
 * A logical backup: every row of every schema of ours at one instant, jobs included, the public tree and the evidence. Needs nothing
 * but the database connection, and moves between major versions of Postgres. What is sealed stays sealed: the master
 * key goes into a second file, and only when asked for.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Clock } from '../lib/clock.ts';
import { type Frame, jsonFrame, writeBackupFile } from './backup-file.ts';
import { type Home, toHome } from './home.ts';
import { findNeededKeys, readMasterKey } from './master-key.ts';
import { StoreError } from './store-error.ts';
import { masterKeyId } from './vault.ts';
import { writeWhole } from './whole-file.ts';

export const BACKUP_FORMAT = 'headstart-backup/1';
export const KEYS_FORMAT = 'headstart-keys/1';

export interface BackupHeader {
  readonly format: typeof BACKUP_FORMAT;
  readonly takenAt: string;
  readonly postgres: string;
  readonly migrations: readonly { number: number; name: string; sha256: string }[];
  /** The revision of the job tables, which are not under our migrations. */
  readonly jobsRevision: number;
  readonly masterKeys: readonly string[];
}

export interface TableHead {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

export interface TableEnd {
  readonly rows: number;
  readonly sha256: string;
}

export interface FileHead {
  /** Relative to its tree, parts joined by "/". */
  readonly path: string;
  readonly size: number;
  /** The public directory where nothing is said. */
  readonly tree?: 'evidence';
}

export interface SequenceState {
  readonly schema: string;
  readonly name: string;
  /** As text: beyond what a number holds. */
  readonly value: string;
}

export interface BackupReport {
  readonly tables: number;
  readonly rows: number;
  readonly files: number;
  /** Documents of the evidence store. */
  readonly evidence: number;
  readonly bytes: number;
  /** Without these the sealed records of the backup cannot be read. */
  readonly masterKeys: readonly string[];
  readonly keysWritten: boolean;
}

export interface BackupParts {
  readonly pool: pg.Pool;
  readonly home: string;
  readonly clock: Clock;
}

const FILE_CHUNK_BYTES = 256 * 1024;
/** Kept by the database that is restored into, or meaningless there. */
const LEFT_OUT = ['store.migrations', 'store.job_processes', 'graphile_worker.migrations'];

export async function backup(
  parts: BackupParts,
  file: string,
  options: { readonly keysFile?: string } = {},
): Promise<BackupReport> {
  const home = toHome(parts.home);
  for (const path of [file, ...(options.keysFile ? [options.keysFile] : [])]) await refuseExisting(path);
  const count = { tables: 0, rows: 0, files: 0, evidence: 0 };
  const client = await parts.pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    const header = await readHeader(client, parts.clock);
    await writeBackupFile(file, frames(client, home, header, count));
    if (options.keysFile) await writeKeys(home, options.keysFile);
    const { size } = await stat(file);
    return { ...count, bytes: size, masterKeys: header.masterKeys, keysWritten: options.keysFile !== undefined };
  } finally {
    client.release(true);
  }
}

async function refuseExisting(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found) throw new StoreError('not-empty', `${path} exists and is not overwritten; choose another name`);
}

async function readHeader(client: pg.ClientBase, clock: Clock): Promise<BackupHeader> {
  const { rows: migrations } = await client.query<{ number: number; name: string; sha256: string }>(
    'select number, name, sha256 from store.migrations order by number',
  );
  const { rows: jobs } = await client.query<{ id: number }>('select max(id) as id from graphile_worker.migrations');
  const { rows: version } = await client.query<{ server_version: string }>('show server_version');
  return {
    format: BACKUP_FORMAT,
    takenAt: clock.now().toISOString(),
    postgres: version[0]?.server_version ?? '',
    migrations,
    jobsRevision: jobs[0]?.id ?? 0,
    masterKeys: await findNeededKeys(client),
  };
}

/**
 * The public tree comes first: rows are written before files that follow from them, so a tree read before the rows never
 * knows more than they do. A log restored the other way round would give a published position to another entry. Evidence
 * comes last: there the documents are written before the rows that name them.
 */
async function* frames(
  client: pg.ClientBase,
  home: Home,
  header: BackupHeader,
  count: { tables: number; rows: number; files: number; evidence: number },
): AsyncGenerator<Frame> {
  yield jsonFrame('H', header);
  for (const path of await listFiles(home.public)) {
    for await (const frame of fileFrames(home.public, path)) {
      if (frame.type === 'F') count.files += 1;
      yield frame;
    }
  }
  await client.query('begin isolation level repeatable read read only');
  for (const table of await listTables(client)) {
    count.tables += 1;
    count.rows += yield* tableFrames(client, table);
  }
  yield jsonFrame('S', await listSequences(client));
  await client.query('commit');
  for (const path of (await listFiles(home.evidence)).filter((each) => EVIDENCE_PATH.test(each))) {
    for await (const frame of fileFrames(home.evidence, path, 'evidence')) {
      if (frame.type === 'F') count.evidence += 1;
      yield frame;
    }
  }
}

/** A document by its SHA-256; anything else there is half written. */
export const EVIDENCE_PATH = /^[0-9a-f]{2}\/[0-9a-f]{62}$/;

/** Heads of logs (`checkpoint`) first, for the same reason: what they name is there when its turn comes. */
async function listFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const rank = (path: string): number => (path.endsWith('checkpoint') ? 0 : 1);
  return paths.toSorted((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1));
}

async function* fileFrames(root: string, path: string, tree?: FileHead['tree']): AsyncGenerator<Frame> {
  // One open file, so that one replaced by a rename meanwhile is read as it was.
  const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    // Removed since it was listed: a partial tile that its full one replaced.
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return;
  try {
    const { size } = await file.stat();
    yield jsonFrame('F', { path, size, ...(tree && { tree }) } satisfies FileHead);
    for (let position = 0; position < size; ) {
      const chunk = Buffer.alloc(Math.min(FILE_CHUNK_BYTES, size - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) throw new Error(`${join(root, path)} became shorter while it was backed up`);
      position += bytesRead;
      yield { type: 'f', payload: chunk.subarray(0, bytesRead) };
    }
  } finally {
    await file.close();
  }
}

export async function listTables(client: pg.ClientBase): Promise<TableHead[]> {
  const { rows } = await client.query<{ schema: string; table: string; columns: string[] }>(
    `select n.nspname as schema, c.relname as table,
            array_agg(a.attname::text order by a.attnum) filter (where a.attgenerated = '') as columns
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and n.nspname || '.' || c.relname <> all ($1)
     group by n.nspname, c.relname
     order by n.nspname, c.relname`,
    [LEFT_OUT],
  );
  return rows;
}

async function* tableFrames(client: pg.ClientBase, head: TableHead): AsyncGenerator<Frame, number> {
  yield jsonFrame('T', head);
  const digest = createHash('sha256');
  const stream = client.query(copyTo(`copy ${toColumnList(head)} to stdout`));
  for await (const chunk of stream) {
    digest.update(chunk);
    yield { type: 't', payload: chunk };
  }
  yield jsonFrame('E', { rows: stream.rowCount, sha256: digest.digest('hex') } satisfies TableEnd);
  return stream.rowCount;
}

export function toColumnList({ schema, table, columns }: TableHead): string {
  return `${quote(schema)}.${quote(table)} (${columns.map(quote).join(', ')})`;
}

/** A name as an SQL identifier. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function listSequences(client: pg.ClientBase): Promise<SequenceState[]> {
  const { rows } = await client.query<SequenceState>(
    `select schemaname as schema, sequencename as name, last_value::text as value from pg_sequences
     where last_value is not null and schemaname !~ '^pg_' order by 1, 2`,
  );
  return rows;
}

export interface KeysFile {
  readonly format: typeof KEYS_FORMAT;
  readonly masterKeyId: string;
  /** Base64. */
  readonly masterKey: string;
  /** The files of <HOME>/keys, base64, by name. */
  readonly files: Readonly<Record<string, string>>;
}

async function writeKeys(home: Home, path: string): Promise<void> {
  const masterKey = await readMasterKey(home.masterKeyFile);
  if (!masterKey) throw new StoreError('wrong-key', `${home.masterKeyFile} is missing, so there is no key to write`);
  const files: Record<string, string> = {};
  for (const name of await listFiles(home.keys))
    files[name] = (await readFile(join(home.keys, name))).toString('base64');
  const content: KeysFile = {
    format: KEYS_FORMAT,
    masterKeyId: masterKeyId(masterKey),
    masterKey: masterKey.toString('base64'),
    files,
  };
  await writeWhole(path, Buffer.from(JSON.stringify(content, undefined, 2)));
}
