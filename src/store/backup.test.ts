import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { systemClock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { systemRandom } from '../lib/id.ts';
import { backup } from './backup.ts';
import { jsonFrame, writeBackupFile } from './backup-file.ts';
import { openHome } from './home.ts';
import { addJob, countPendingJobs } from './jobs.ts';
import { openMasterKey } from './master-key.ts';
import { migrate } from './migrate.ts';
import { restore } from './restore.ts';
import { StoreError } from './store-error.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createVault } from './vault.ts';

const SECRET = 'MARKER-of-the-plaintext';
const ROWS = 20_000;

let db: TestDatabase;
let root: string;
let home: string;
let file: string;
let keysFile: string;
let sealedUnder: string;
let dataKey: string;
let document: string;
let documentPath: string;
let targets: TestDatabase[] = [];

before(async () => {
  db = await createTestDatabase();
  root = mkdtempSync(join(tmpdir(), 'headstart-backup-'));
  home = join(root, 'home');
  const { public: publicRoot, keys, masterKeyFile } = await openHome(home);
  mkdirSync(join(publicRoot, 'log', 'tile', '0'), { recursive: true });
  writeFileSync(join(publicRoot, 'log', 'checkpoint'), 'signed head\n');
  writeFileSync(join(publicRoot, 'log', 'tile', '0', '000'), Buffer.alloc(200_000, 7));
  writeFileSync(join(publicRoot, 'empty'), '');
  document = 'what a decision rests on';
  documentPath = `${sha256Hex(document).slice(0, 2)}/${sha256Hex(document).slice(2)}`;
  const damagedPath = `ab/${'c'.repeat(62)}`;
  for (const [path, text] of [
    [documentPath, document],
    [damagedPath, 'other bytes than its name says'],
    [`${documentPath}.half-0123`, 'half'],
  ] as const) {
    mkdirSync(join(home, 'evidence', path.slice(0, 2)), { recursive: true });
    writeFileSync(join(home, 'evidence', path), text);
  }
  writeFileSync(join(keys, 'log.key'), 'encrypted under a passphrase', { mode: 0o600 });
  const vault = createVault({
    masterKey: await openMasterKey(masterKeyFile, db.database, systemRandom),
    random: systemRandom,
  });
  sealedUnder = vault.masterKeyId;
  await db.database.transaction(async (tx) => {
    dataKey = await vault.createKey(tx, 'case_1');
    await tx.query(`create schema odd`);
    await tx.query(
      `create table odd."Wide one" (id bigint generated always as identity primary key, parent bigint references odd."Wide one",
         text text, bytes bytea, at timestamptz, doc jsonb, twice int generated always as (length(text) * 2) stored)`,
    );
    await tx.query(
      `insert into odd."Wide one" (parent, text, bytes, at, doc)
       select nullif(n, 1) - 1, E'tab\\t line\\n \\\\ é ' || n, decode(md5(n::text), 'hex'), now(), jsonb_build_object('n', n)
       from generate_series(1, ${ROWS}) n`,
    );
    const sealed = await vault.seal(tx, dataKey, Buffer.from(SECRET), 'odd');
    await tx.query(`update odd."Wide one" set bytes = $1 where id = 1`, [sealed]);
    await addJob(tx, 'later', { n: 1 }, { key: 'k' });
    await tx.query(`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'gone'`);
  });
});
after(async () => {
  await db.drop();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  file = join(root, 'backup');
  keysFile = join(root, 'keys.json');
  rmSync(file, { force: true });
  rmSync(keysFile, { force: true });
});
afterEach(async () => {
  for (const target of targets) await target.drop();
  targets = [];
});

const troubled = (trouble: string, pattern: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.trouble === trouble && pattern.test(error.message);
const take = (options: { keysFile?: string } = {}) =>
  backup({ pool: db.database.pool, home, clock: systemClock }, file, options);

/** An empty database and data directory. The table of this test has no migration, so it is made by hand. */
async function openTarget(): Promise<TestDatabase & { home: string }> {
  const target = await createTestDatabase({ empty: true });
  targets.push(target);
  await target.database.query(`create schema odd`);
  await target.database.query(
    `create table odd."Wide one" (id bigint generated always as identity primary key, parent bigint references odd."Wide one",
       text text, bytes bytea, at timestamptz, doc jsonb, twice int generated always as (length(text) * 2) stored)`,
  );
  return { ...target, home: (await openHome(mkdtempSync(join(root, 'target-')))).path };
}
const into = (target: { database: TestDatabase['database']; home: string }, options: { keysFile?: string } = {}) =>
  restore({ pool: target.database.pool, home: target.home }, file, options);

test('a backup restored is the same rows, jobs, counters and public files, and with its keys all opens', async () => {
  const report = await take({ keysFile });
  assert.equal(report.files, 3);
  assert.deepEqual(report.masterKeys, [sealedUnder]);
  const target = await openTarget();
  const restored = await into(target, { keysFile });
  assert.equal(restored.rows, report.rows);
  assert.deepEqual([restored.sealed, restored.unreadable, restored.missingKeys, restored.files], [1, 0, [], 3]);
  const digest = `select md5(string_agg(w::text, ',' order by id)) as digest from odd."Wide one" w`;
  assert.deepEqual((await target.database.query(digest)).rows, (await db.database.query(digest)).rows);
  const next = `insert into odd."Wide one" (parent, text) values (5, 'new') returning id::int, twice`;
  assert.deepEqual((await target.database.query(next)).rows, [{ id: ROWS + 1, twice: 6 }]);
  await assert.rejects(
    target.database.query(`insert into odd."Wide one" (parent) values (-1)`),
    /violates foreign key/,
  );
  for (const path of ['public/log/checkpoint', 'public/log/tile/0/000', 'public/empty', 'master.key', 'keys/log.key']) {
    assert.deepEqual(readFileSync(join(target.home, path)), readFileSync(join(home, path)), path);
  }
  assert.equal(statSync(join(target.home, 'master.key')).mode & 0o777, 0o600);
  const vault = createVault({ masterKey: readFileSync(join(target.home, 'master.key')), random: systemRandom });
  const { rows } = await target.database.query<{ bytes: Buffer }>(`select bytes from odd."Wide one" where id = 1`);
  const [row] = rows;
  assert.ok(row);
  assert.equal((await vault.open(target.database, dataKey, row.bytes, 'odd')).toString(), SECRET);
  assert.equal(await countPendingJobs(target.database), 1);
  const { rows: jobs } = await target.database.query('select key, locked_by from graphile_worker.jobs');
  assert.deepEqual(jobs, [{ key: 'k', locked_by: null }]);
  assert.deepEqual(await migrate(target.database.pool), []);
});

test('a backup without keys holds neither the master key nor the text, and its restore names the key that is needed', async () => {
  await take();
  const bytes = gunzipSync(readFileSync(file));
  const masterKey = readFileSync(join(home, 'master.key'));
  for (const secret of [SECRET, masterKey, masterKey.toString('hex'), masterKey.toString('base64')]) {
    assert.equal(bytes.includes(secret), false);
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const target = await openTarget();
  const report = await into(target);
  assert.deepEqual([report.sealed, report.unreadable, report.missingKeys], [1, 1, [sealedUnder]]);
});

test('rows written while a backup is taken are in it wholly or not at all', async () => {
  let done = false;
  const writer = (async () => {
    while (!done) {
      await db.database.transaction(async (tx) => {
        await tx.query(`insert into odd."Wide one" (text) values ('pair')`);
        await tx.query(`insert into odd."Wide one" (text) values ('pair')`);
      });
    }
  })();
  await take();
  done = true;
  await writer;
  const target = await openTarget();
  await into(target);
  const { rows } = await target.database.query<{ odd: boolean }>(
    `select count(*) % 2 = 1 as odd from odd."Wide one" where text = 'pair'`,
  );
  assert.deepEqual(rows, [{ odd: false }]);
  await db.database.query(`delete from odd."Wide one" where text = 'pair'`);
});

test('a backup is never written over a file', async () => {
  await take();
  await assert.rejects(take(), troubled('not-empty', /exists/));
});

test('a restore never goes over rows or public files', async () => {
  await take();
  const target = await openTarget();
  await target.database.query(`insert into odd."Wide one" (text) values ('mine')`);
  await assert.rejects(into(target), troubled('not-empty', /odd\.Wide one/));
  const other = await openTarget();
  writeFileSync(join(other.home, 'public', 'mine'), '');
  await assert.rejects(into(other), troubled('not-empty', /holds files/));
  assert.deepEqual((await other.database.query(`select from odd."Wide one"`)).rows, []);
});

test('a backup cut or changed at any place is refused before anything is written', async () => {
  await take();
  const whole = readFileSync(file);
  const plain = gunzipSync(whole);
  const flip = (bytes: Buffer, at: number): Buffer => {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 4;
    return changed;
  };
  const target = await openTarget();
  const damaged = [
    whole.subarray(0, whole.length - 1),
    whole.subarray(0, whole.length >> 1),
    Buffer.alloc(0),
    Buffer.from('not gzip'),
    gzipSync(plain.subarray(0, plain.length - 10)),
    gzipSync(Buffer.concat([plain, Buffer.from('t\0\0\0\0')])),
    ...[0, 3, 10, plain.length >> 1, plain.length - 3].map((at) => gzipSync(flip(plain, at))),
  ];
  for (const [index, bytes] of damaged.entries()) {
    writeFileSync(file, bytes);
    await assert.rejects(into(target), troubled('checksum', /./), `damage ${index}`);
  }
  assert.deepEqual((await target.database.query(`select from pg_namespace where nspname = 'store'`)).rows, []);
  writeFileSync(file, whole);
  await into(target);
});

test('a backup of a newer release is refused, naming what is missing here', async () => {
  await db.database.query(`insert into store.migrations values (9999, '9999-future.sql', repeat('a', 64))`);
  await take();
  await db.database.query('delete from store.migrations where number = 9999');
  await assert.rejects(into(await openTarget()), troubled('wrong-migrations', /9999-future\.sql/));
});

test('a backup of an older release is refused by a database that a newer one set up, and lands in an untouched one', async () => {
  const oldest = await createTestDatabase({ empty: true });
  targets.push(oldest);
  await migrate(oldest.database.pool, { only: new Set([1]) });
  await addJob(oldest.database, 'later', 1);
  await backup({ pool: oldest.database.pool, home, clock: systemClock }, file);
  const migrated = await createTestDatabase();
  targets.push(migrated);
  const empty = { home: (await openHome(mkdtempSync(join(root, 'target-')))).path };
  await assert.rejects(into({ ...migrated, ...empty }), troubled('not-empty', /newer release/));
  const untouched = await createTestDatabase({ empty: true });
  targets.push(untouched);
  await into({ ...untouched, ...empty });
  assert.equal(await countPendingJobs(untouched.database), 1);
  const newest = 'select number from store.migrations order by number';
  assert.deepEqual((await untouched.database.query(newest)).rows, (await migrated.database.query(newest)).rows);
});

test('evidence is restored under its hash; what was damaged before is left out and named', async () => {
  assert.equal((await take()).evidence, 2);
  const target = await openTarget();
  const restored = await into(target);
  assert.deepEqual([restored.evidence, restored.damagedEvidence], [1, [`ab${'c'.repeat(62)}`]]);
  assert.equal(readFileSync(join(target.home, 'evidence', documentPath), 'utf8'), document);
  assert.deepEqual(readdirSync(join(target.home, 'evidence', 'ab')), []);
  assert.equal(readdirSync(join(target.home, 'evidence', documentPath.slice(0, 2))).length, 1);
});

test('a data directory that holds evidence is not restored over', async () => {
  await take();
  const target = await openTarget();
  mkdirSync(join(target.home, 'evidence', 'ab'), { recursive: true });
  await assert.rejects(into(target), troubled('not-empty', /evidence holds files already/));
});

test('a backup that names a file outside the public tree writes nothing', async () => {
  await take();
  const heads = ['../escaped', '/tmp/headstart-escaped', 'a/../../escaped'].map((path) => ({ path, size: 0 }));
  for (const head of [
    ...heads,
    { path: 'log/checkpoint', size: 0, tree: 'evidence' },
    { path: 'x', size: 0, tree: 'keys' },
  ]) {
    rmSync(file);
    const target = await openTarget();
    const { rows: migrations } = await db.database.query('select number, name, sha256 from store.migrations');
    const { rows: jobs } = await db.database.query<{ id: number }>(
      'select max(id) as id from graphile_worker.migrations',
    );
    await writeBackupFile(
      file,
      (async function* () {
        yield jsonFrame('H', { format: 'headstart-backup/1', migrations, jobsRevision: jobs[0]?.id, masterKeys: [] });
        yield jsonFrame('F', head);
      })(),
    );
    await assert.rejects(into(target), troubled('checksum', /outside/));
    assert.deepEqual((await target.database.query(`select from odd."Wide one"`)).rows, []);
  }
});

test('keys of another installation do not replace the ones that are there', async () => {
  await take({ keysFile });
  const target = await openTarget();
  writeFileSync(join(target.home, 'master.key'), Buffer.alloc(32, 9), { mode: 0o600 });
  await assert.rejects(into(target, { keysFile }), troubled('wrong-key', new RegExp(sealedUnder)));
  assert.deepEqual(readFileSync(join(target.home, 'master.key')), Buffer.alloc(32, 9));
});
