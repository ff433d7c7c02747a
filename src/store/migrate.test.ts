import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { migrate, readMigrations } from './migrate.ts';
import { openDatabase } from './open-database.ts';
import { StoreError } from './store-error.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

let db: TestDatabase;
let directory: string;
beforeEach(async () => {
  db = await createTestDatabase({ empty: true });
  directory = mkdtempSync(join(tmpdir(), 'headstart-migrations-'));
  put('0001-first.sql', 'create table one (n int); insert into one values (1);');
});
afterEach(async () => {
  await db.drop();
  rmSync(directory, { recursive: true });
});

const put = (name: string, sql: string): void => writeFileSync(join(directory, name), sql);
const run = () => migrate(db.database.pool, { directory });
const wrong = (pattern: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.trouble === 'wrong-migrations' && pattern.test(error.message);

test('each file is applied once, in the order of its number, and a later one joins whatever its number', async () => {
  put('0020-third.sql', 'create table three as select * from one');
  assert.deepEqual(await run(), ['0001-first.sql', '0020-third.sql']);
  assert.deepEqual(await run(), []);
  put('0010-second.sql', 'insert into one values (2)');
  assert.deepEqual(await run(), ['0010-second.sql']);
  assert.deepEqual((await db.database.query('select n from one order by n')).rows, [{ n: 1 }, { n: 2 }]);
});

test('a file that fails half way leaves nothing of itself, and is tried again', async () => {
  put('0002-bad.sql', 'create table half (n int); select 1/0;');
  await assert.rejects(run(), /0002-bad\.sql failed and was undone/);
  await assert.rejects(db.database.query('select from half'), /does not exist/);
  put('0002-bad.sql', 'create table half (n int)');
  assert.deepEqual(await run(), ['0002-bad.sql']);
});

test('a file that changed after it was applied is refused before any other is applied', async () => {
  await run();
  put('0001-first.sql', 'create table one (n bigint)');
  put('0002-next.sql', 'create table next ()');
  await assert.rejects(run(), wrong(/0001-first\.sql is not the file that was applied/));
  await assert.rejects(db.database.query('select from next'), /does not exist/);
});

test('a database of a newer release is refused, naming what is missing here', async () => {
  put('0002-newer.sql', 'select 1');
  await run();
  rmSync(join(directory, '0002-newer.sql'));
  await assert.rejects(run(), wrong(/0002-newer\.sql was applied and this release does not have it/));
});

test('of three that migrate at once, each file is applied by one', async () => {
  put('0002-slow.sql', 'select pg_sleep(0.1); insert into one values (2);');
  const others = await Promise.all([0, 1].map(() => openDatabase({ url: db.url })));
  const applied = await Promise.all([run(), ...others.map(({ pool }) => migrate(pool, { directory }))]);
  for (const other of others) await other.close();
  assert.deepEqual(applied.flat().toSorted(), ['0001-first.sql', '0002-slow.sql']);
  assert.deepEqual((await db.database.query('select n from one order by n')).rows, [{ n: 1 }, { n: 2 }]);
});

test('two files of one number, and a file of another form, are refused', async () => {
  put('0001-twin.sql', 'select 1');
  await assert.rejects(readMigrations(directory), /two migrations bear the number 0001/);
  rmSync(join(directory, '0001-twin.sql'));
  put('notes.txt', '');
  await assert.rejects(readMigrations(directory), /notes\.txt/);
});
