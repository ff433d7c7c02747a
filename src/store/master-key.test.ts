import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { openMasterKey, readMasterKey } from './master-key.ts';
import { StoreError } from './store-error.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createVault, masterKeyId } from './vault.ts';
import { writeWhole } from './whole-file.ts';

let db: TestDatabase;
let directory: string;
let path: string;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headstart-key-'));
  path = join(directory, 'master.key');
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await db.database.query('delete from store.data_keys');
});

const troubled = (trouble: string, pattern: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.trouble === trouble && pattern.test(error.message);

test('the key is made once, 32 bytes, readable by its owner alone, and stays the same', async () => {
  const key = await openMasterKey(path, db.database, systemRandom);
  assert.equal(key.length, 32);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(await openMasterKey(path, db.database, systemRandom), key);
  assert.deepEqual(readdirSync(directory), ['master.key']);
});

test('of ten that make it at once, all end up with the same key', async () => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => openMasterKey(path, db.database, systemRandom)));
  assert.equal(new Set(keys.map((key) => key.toString('hex'))).size, 1);
});

test('a key file that others can read is refused, with the command that closes it', async () => {
  await openMasterKey(path, db.database, systemRandom);
  chmodSync(path, 0o640);
  await assert.rejects(readMasterKey(path), troubled('wrong-permissions', /chmod 600/));
});

test('a key file of another owner is refused', { skip: process.geteuid?.() !== 0 && 'needs root' }, async () => {
  await openMasterKey(path, db.database, systemRandom);
  chownSync(path, 12345, 12345);
  await assert.rejects(readMasterKey(path), troubled('wrong-owner', /uid 12345/));
});

test('a link, a short and a long file are refused', async () => {
  symlinkSync('/etc/hostname', path);
  await assert.rejects(readMasterKey(path), troubled('wrong-permissions', /link/));
  for (const size of [0, 31, 33]) {
    rmSync(path);
    writeFileSync(path, Buffer.alloc(size), { mode: 0o600 });
    await assert.rejects(readMasterKey(path), troubled('wrong-key', /32/));
  }
});

test('an existing key is never overwritten', async () => {
  const key = await openMasterKey(path, db.database, systemRandom);
  await assert.rejects(writeWhole(path, Buffer.alloc(32)), /EEXIST/);
  assert.deepEqual(readFileSync(path), key);
});

test('where sealed records exist, a missing key file is not replaced by a new one', async () => {
  const key = await openMasterKey(path, db.database, systemRandom);
  await createVault({ masterKey: key, random: systemRandom }).createKey(db.database, 'case_1');
  rmSync(path);
  await assert.rejects(
    openMasterKey(path, db.database, systemRandom),
    troubled('wrong-key', new RegExp(masterKeyId(key))),
  );
  assert.deepEqual(readdirSync(directory), []);
});

test('a key under which the records were not sealed is refused, naming both', async () => {
  const key = await openMasterKey(path, db.database, systemRandom);
  await createVault({ masterKey: key, random: systemRandom }).createKey(db.database, 'case_1');
  writeFileSync(path, Buffer.alloc(32, 7));
  await assert.rejects(
    openMasterKey(path, db.database, systemRandom),
    troubled('wrong-key', new RegExp(`${masterKeyId(Buffer.alloc(32, 7))}.*${masterKeyId(key)}`)),
  );
});
