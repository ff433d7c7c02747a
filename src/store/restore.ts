/**
 * Brings a backup back, into a database and a public tree that hold nothing: never over anything. The file is proven
 * whole before the first change, and all rows arrive in one transaction.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import {
  BACKUP_FORMAT,
  type BackupHeader,
  EVIDENCE_PATH,
  type FileHead,
  KEYS_FORMAT,
  type KeysFile,
  listTables,
  quote,
  type SequenceState,
  type TableEnd,
  type TableHead,
  toColumnList,
} from './backup.ts';
import { type Frame, readBackupFile } from './backup-file.ts';
import { type Home, toHome } from './home.ts';
import { readMasterKey } from './master-key.ts';
import { migrate, readMigrations } from './migrate.ts';
import { StoreError } from './store-error.ts';
import { masterKeyId } from './vault.ts';
import { writeWhole } from './whole-file.ts';

export interface RestoreReport {
  readonly takenAt: string;
  readonly tables: number;
  readonly rows: number;
  readonly files: number;
  /** Documents of the evidence store whose bytes have the hash that they are named by. */
  readonly evidence: number;
  /** Those whose bytes do not, left out: they were damaged before the backup was taken. */
  readonly damagedEvidence: readonly string[];
  /** Data keys in the backup, and those that no master key at hand unwraps. */
  readonly sealed: number;
  readonly unreadable: number;
  /** The master keys that would open those. */
  readonly missingKeys: readonly string[];
}

export interface RestoreParts {
  readonly pool: pg.Pool;
  readonly home: string;
}

type Counted = { tables: number; rows: number; files: number; evidence: number; damagedEvidence: string[] };

export async function restore(
  parts: RestoreParts,
  file: string,
  options: { readonly keysFile?: string } = {},
): Promise<RestoreReport> {
  const home = toHome(parts.home);
  const header = await checkFile(file);
  const keys = options.keysFile ? await readKeys(options.keysFile) : undefined;
  if (keys) await checkKeysFit(home, keys);
  await checkEmpty(parts.pool, home, header);
  // The schema of the release that made the backup; the rest follows when its rows are in.
  await migrate(parts.pool, { only: new Set(header.migrations.map(({ number }) => number)) });
  const counted = await load(parts.pool, home, file, header);
  await migrate(parts.pool);
  if (keys) await placeKeys(home, keys);
  return { takenAt: header.takenAt, ...counted, ...(await countSealed(parts.pool, home)) };
}

/** Reads the file to its end before anything is changed. */
async function checkFile(file: string): Promise<BackupHeader> {
  let text = 'null';
  for await (const frame of readBackupFile(file)) {
    if (frame.type === 'H') text = frame.payload.toString();
  }
  // Not before its end was reached: until then it may be damaged.
  const header: BackupHeader | null = JSON.parse(text);
  if (header?.format !== BACKUP_FORMAT) {
    throw new StoreError('checksum', `${file} is no backup in the form ${BACKUP_FORMAT}`);
  }
  const ours = await readMigrations();
  const wrong = header.migrations.filter(({ number, sha256 }) => {
    const own = ours.find((migration) => migration.number === number);
    return own?.sha256 !== sha256;
  });
  if (wrong.length > 0) {
    throw new StoreError(
      'wrong-migrations',
      `${file} was written by a release with ${wrong.map(({ name }) => name).join(', ')}, which this one does not have. Restore with that release or a newer one.`,
    );
  }
  return header;
}

async function checkEmpty(pool: pg.Pool, home: Home, header: BackupHeader): Promise<void> {
  const client = await pool.connect();
  try {
    await checkSchema(client, header);
    for (const { schema, table } of await listTables(client)) {
      const { rows } = await client.query(`select from ${quote(schema)}.${quote(table)} limit 1`);
      if (rows.length > 0) {
        throw new StoreError(
          'not-empty',
          `the database holds data already (${schema}.${table}); restore into an empty data directory`,
        );
      }
    }
  } finally {
    client.release();
  }
  for (const tree of [home.public, home.evidence]) {
    const names = await readdir(tree).catch(() => []);
    if (names.length > 0) {
      throw new StoreError('not-empty', `${tree} holds files already; restore into an empty data directory`);
    }
  }
}

/** Rows of an older release fit only the tables of that release, which cannot be had back once newer files were applied. */
async function checkSchema(client: pg.ClientBase, header: BackupHeader): Promise<void> {
  const { rows: found } = await client.query(`select where to_regclass('store.migrations') is not null`);
  if (found.length === 0) return;
  const { rows } = await client.query<{ number: number; name: string }>('select number, name from store.migrations');
  const newer = rows.filter(({ number }) => !header.migrations.some((migration) => migration.number === number));
  if (newer.length > 0) {
    throw new StoreError(
      'not-empty',
      `the database was set up by a newer release already (${newer.map(({ name }) => name).join(', ')}); restore into an empty data directory`,
    );
  }
}

async function load(pool: pg.Pool, home: Home, file: string, header: BackupHeader): Promise<Counted> {
  const client = await pool.connect();
  const mark = `half-${randomBytes(6).toString('hex')}`;
  const half = { public: `${home.public}.${mark}`, evidence: `${home.evidence}.${mark}` };
  try {
    await client.query('set statement_timeout = 0');
    await client.query('begin');
    await checkJobsRevision(client, header);
    const tables = await listTables(client);
    const constraints = await dropForeignKeys(client);
    await setTriggers(client, tables, 'disable');
    await client.query(`truncate ${tables.map(({ schema, table }) => `${quote(schema)}.${quote(table)}`).join(', ')}`);
    for (const directory of Object.values(half)) await mkdir(directory, { mode: 0o700 });
    const counted = await loadFrames(client, tables, half, file);
    await setTriggers(client, tables, 'enable');
    // Checks every row against them.
    for (const sql of constraints) await client.query(sql);
    await freeJobs(client);
    for (const tree of ['evidence', 'public'] as const) {
      await rmdir(home[tree]).catch(() => {});
      await rename(half[tree], home[tree]);
    }
    await client.query('commit');
    return counted;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    for (const directory of Object.values(half)) await rm(directory, { recursive: true, force: true });
    throw error;
  } finally {
    client.release(true);
  }
}

async function checkJobsRevision(client: pg.ClientBase, header: BackupHeader): Promise<void> {
  const { rows } = await client.query<{ id: number }>('select max(id) as id from graphile_worker.migrations');
  if (rows[0]?.id !== header.jobsRevision) {
    throw new StoreError(
      'wrong-migrations',
      `the backup holds jobs in the form ${header.jobsRevision}, this release uses ${rows[0]?.id}. Restore with the release that made it, and let the newer one open the result.`,
    );
  }
}

/** Rows arrive table by table, in no order that foreign keys would accept. Returns the SQL that brings them back. */
async function dropForeignKeys(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ schema: string; table: string; name: string; definition: string }>(
    `select n.nspname as schema, c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where k.contype = 'f' and n.nspname !~ '^pg_'`,
  );
  for (const { schema, table, name } of rows) {
    await client.query(`alter table ${quote(schema)}.${quote(table)} drop constraint ${quote(name)}`);
  }
  return rows.map(
    ({ schema, table, name, definition }) =>
      `alter table ${quote(schema)}.${quote(table)} add constraint ${quote(name)} ${definition}`,
  );
}

async function setTriggers(
  client: pg.ClientBase,
  tables: readonly TableHead[],
  to: 'enable' | 'disable',
): Promise<void> {
  for (const { schema, table } of tables) {
    await client.query(`alter table ${quote(schema)}.${quote(table)} ${to} trigger user`);
  }
}

/** The processes that ran them are not here. */
async function freeJobs(client: pg.ClientBase): Promise<void> {
  await client.query(
    `select graphile_worker.force_unlock_workers(array_agg(distinct locked_by))
     from graphile_worker.jobs where locked_by is not null having count(*) > 0`,
  );
}

async function loadFrames(
  client: pg.ClientBase,
  tables: readonly TableHead[],
  roots: { readonly public: string; readonly evidence: string },
  file: string,
): Promise<Counted> {
  const counted: Counted = { tables: 0, rows: 0, files: 0, evidence: 0, damagedEvidence: [] };
  const table = createTableLoader(client, tables);
  const tree = createFileLoader(roots, counted);
  try {
    for await (const frame of readBackupFile(file)) {
      if (frame.type === 'F') await tree.begin(toJson<FileHead>(frame));
      else if (frame.type === 'f') await tree.write(frame.payload);
      else if (frame.type === 'T') table.begin(toJson<TableHead>(frame));
      else if (frame.type === 't') await table.write(frame.payload);
      else if (frame.type === 'E') {
        counted.rows += await table.end(toJson<TableEnd>(frame));
        counted.tables += 1;
      } else if (frame.type === 'S') await setSequences(client, toJson<SequenceState[]>(frame));
    }
  } finally {
    await tree.end();
  }
  return counted;
}

const toJson = <T>(frame: Frame): T => JSON.parse(frame.payload.toString());

function createTableLoader(client: pg.ClientBase, tables: readonly TableHead[]) {
  let current: { head: TableHead; stream: ReturnType<typeof copyFrom>; done: Promise<unknown> } | undefined;
  let digest = createHash('sha256');
  return {
    begin(head: TableHead): void {
      const own = tables.find(({ schema, table }) => schema === head.schema && table === head.table);
      const foreign = head.columns.filter((column) => !own?.columns.includes(column));
      if (!own || foreign.length > 0) {
        throw new StoreError(
          'wrong-migrations',
          `this release has no ${head.schema}.${head.table} (${foreign.join(', ')})`,
        );
      }
      const stream = client.query(copyFrom(`copy ${toColumnList(head)} from stdin`));
      const done = once(stream, 'finish');
      // Awaited at the end of the table; a row that is refused must not count as unhandled until then.
      done.catch(() => {});
      current = { head, stream, done };
      digest = createHash('sha256');
    },
    async write(bytes: Buffer): Promise<void> {
      if (!current) throw new StoreError('checksum', 'rows without a table');
      digest.update(bytes);
      if (!current.stream.write(bytes)) await Promise.race([once(current.stream, 'drain'), current.done]);
    },
    async end(end: TableEnd): Promise<number> {
      if (!current) throw new StoreError('checksum', 'the end of no table');
      const { head, stream, done } = current;
      stream.end();
      await done;
      if (stream.rowCount !== end.rows || digest.digest('hex') !== end.sha256) {
        throw new StoreError('checksum', `${head.schema}.${head.table} did not arrive as it was written`);
      }
      current = undefined;
      return end.rows;
    },
  };
}

type OpenFile = { handle: FileHandle; head: FileHead; path: string; written: number; digest: Hash };

function createFileLoader(roots: { readonly public: string; readonly evidence: string }, counted: Counted) {
  let current: OpenFile | undefined;
  const end = async (): Promise<void> => {
    if (!current) return;
    const { handle, head, path, written, digest } = current;
    current = undefined;
    await handle.close();
    if (written !== head.size)
      throw new StoreError('checksum', `${head.tree ?? 'public'}/${head.path} was changed while it was backed up`);
    if (head.tree === undefined) counted.files += 1;
    else if (digest.digest('hex') === head.path.replace('/', '')) counted.evidence += 1;
    else {
      // Nothing may be found under a name that its bytes do not have.
      counted.damagedEvidence.push(head.path.replace('/', ''));
      await rm(path);
    }
  };
  return {
    end,
    async begin(head: FileHead): Promise<void> {
      await end();
      const path = join(roots[head.tree ?? 'public'], checkPath(head));
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const handle = await open(path, 'wx', head.tree === undefined ? 0o644 : 0o600);
      current = { handle, head, path, written: 0, digest: createHash('sha256') };
    },
    async write(bytes: Buffer): Promise<void> {
      if (!current) throw new StoreError('checksum', 'bytes without a file');
      await current.handle.writeFile(bytes);
      current.digest.update(bytes);
      current.written += bytes.length;
    },
  };
}

/** A backup from a stranger must not write outside the tree. */
function checkPath({ path, tree }: FileHead): string {
  const isInside = normalize(path) === path && !path.startsWith('..') && !path.startsWith('/') && !path.includes('\0');
  const isKnown = tree === undefined || (tree === 'evidence' && EVIDENCE_PATH.test(path));
  if (isInside && isKnown) return path;
  const named = JSON.stringify(tree === undefined ? path : `${tree}/${path}`);
  throw new StoreError('checksum', `the backup names a file outside its trees: ${named}`);
}

async function setSequences(client: pg.ClientBase, sequences: readonly SequenceState[]): Promise<void> {
  for (const { schema, name, value } of sequences) {
    await client.query('select setval(format($1, $2::text, $3::text)::regclass, $4::bigint, true)', [
      '%I.%I',
      schema,
      name,
      value,
    ]);
  }
}

async function readKeys(path: string): Promise<KeysFile> {
  const keys: KeysFile = JSON.parse(await readFile(path, 'utf8'));
  if (keys.format !== KEYS_FORMAT || masterKeyId(Buffer.from(keys.masterKey, 'base64')) !== keys.masterKeyId) {
    throw new StoreError('wrong-key', `${path} is no whole file of keys in the form ${KEYS_FORMAT}`);
  }
  return keys;
}

async function checkKeysFit(home: Home, keys: KeysFile): Promise<void> {
  const present = await readMasterKey(home.masterKeyFile);
  if (present && masterKeyId(present) !== keys.masterKeyId) {
    throw new StoreError(
      'wrong-key',
      `${home.masterKeyFile} is the master key ${masterKeyId(present)}, the file of keys holds ${keys.masterKeyId}. Nothing was changed; move the former away first.`,
    );
  }
}

async function placeKeys(home: Home, keys: KeysFile): Promise<void> {
  const place = async (path: string, base64: string): Promise<void> => {
    await writeWhole(path, Buffer.from(base64, 'base64')).catch((error) => {
      // The same key from before: kept.
      if (error.code !== 'EEXIST') throw error;
    });
  };
  await place(home.masterKeyFile, keys.masterKey);
  await mkdir(home.keys, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(keys.files)) {
    if (normalize(name) !== name || name.startsWith('..') || name.startsWith('/')) {
      throw new StoreError('wrong-key', `the file of keys names a file outside the keys: ${JSON.stringify(name)}`);
    }
    await mkdir(dirname(join(home.keys, name)), { recursive: true, mode: 0o700 });
    await place(join(home.keys, name), content);
  }
}

async function countSealed(
  pool: pg.Pool,
  home: Home,
): Promise<Pick<RestoreReport, 'sealed' | 'unreadable' | 'missingKeys'>> {
  const { rows } = await pool.query<{ master_key: string; count: number }>(
    `select master_key, count(*)::int as count from store.data_keys where wrapped is not null group by 1 order by 1`,
  );
  const key = await readMasterKey(home.masterKeyFile);
  const own = key && masterKeyId(key);
  const missing = rows.filter(({ master_key }) => master_key !== own);
  const sum = (of: typeof rows): number => of.reduce((total, { count }) => total + count, 0);
  return { sealed: sum(rows), unreadable: sum(missing), missingKeys: missing.map(({ master_key }) => master_key) };
}
