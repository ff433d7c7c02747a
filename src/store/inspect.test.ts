import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { openHome } from './home.ts';
import { inspectStore } from './inspect.ts';
import { openMasterKey } from './master-key.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createVault } from './vault.ts';

let db: TestDatabase;
let parent: string;
let home: string;
beforeEach(async () => {
  db = await createTestDatabase();
  parent = mkdtempSync(join(tmpdir(), 'headstart-inspect-'));
  home = join(parent, 'home');
});
afterEach(async () => {
  await db.drop();
  rmSync(parent, { recursive: true });
});

const inspect = async () => {
  const checks = await inspectStore(home, { databaseUrl: db.url });
  return Object.fromEntries(checks.map(({ name, ok, detail }) => [name, { ok, detail }]));
};

test('where nothing was made yet, nothing is wrong and nothing is made', async () => {
  assert.ok(Object.values(await inspect()).every(({ ok }) => ok));
  assert.deepEqual(readdirSync(parent), []);
});

test('a whole installation passes every check', async () => {
  const { masterKeyFile } = await openHome(home);
  await openMasterKey(masterKeyFile, db.database, systemRandom);
  const checks = await inspect();
  assert.deepEqual(
    Object.entries(checks).filter(([, { ok }]) => !ok),
    [],
  );
  assert.deepEqual(Object.keys(checks).toSorted(), [
    'data directory',
    'database',
    'disk space',
    'jobs',
    'master key',
    'schema',
    'sealed records',
  ]);
});

test('each thing that is wrong is named by its own check', async () => {
  const { masterKeyFile } = await openHome(home);
  const masterKey = await openMasterKey(masterKeyFile, db.database, systemRandom);
  await createVault({ masterKey, random: systemRandom }).createKey(db.database, 'case_1');
  writeFileSync(masterKeyFile, Buffer.alloc(32, 1));
  chmodSync(home, 0o755);
  await db.database.query(`update store.migrations set sha256 = repeat('a', 64) where number = 1`);
  const checks = await inspect();
  assert.match(checks['data directory']?.detail ?? '', /chmod 700/);
  assert.match(checks['sealed records']?.detail ?? '', /cannot be opened/);
  assert.match(checks.schema?.detail ?? '', /another release/);
  assert.equal(checks['disk space']?.ok, true);
});

test('after a restore without keys the missing master key is a failed check, not one that the first start makes', async () => {
  const { masterKeyFile } = await openHome(home);
  const masterKey = await openMasterKey(masterKeyFile, db.database, systemRandom);
  await createVault({ masterKey, random: systemRandom }).createKey(db.database, 'case_1');
  rmSync(masterKeyFile);
  const { 'master key': key } = await inspect();
  assert.equal(key?.ok, false);
  assert.match(key?.detail ?? '', /is missing.*sealed under [0-9a-f]{16}/);
});

test('no database server is started on a data directory that was just found wrong', async () => {
  const { postgres } = await openHome(home);
  mkdirSync(join(postgres, 'data'), { recursive: true });
  chmodSync(home, 0o755);
  const before = readdirSync(home, { recursive: true });
  const checks = await inspectStore(home);
  assert.match(checks.find(({ name }) => name === 'database')?.detail ?? '', /not started/);
  assert.ok(checks.filter(({ name }) => name === 'database' || name === 'data directory').every(({ ok }) => !ok));
  assert.deepEqual(readdirSync(home, { recursive: true }), before);
});
