import assert from 'node:assert/strict';
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { systemRandom } from '../lib/id.ts';
import { openBytes, SealError, sealBytes } from './sealed-box.ts';
import { StoreError } from './store-error.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createVault, KeyShredded } from './vault.ts';

const masterKey = randomBytes(32);
const vault = createVault({ masterKey, random: systemRandom });
let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

const sealedWith = (trouble: string) => (error: unknown) => error instanceof SealError && error.trouble === trouble;

test('what was sealed opens under the same key and context, and under no other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), fc.string(), (plaintext, context, other) => {
      const key = randomBytes(32);
      const sealed = sealBytes(key, plaintext, context, systemRandom);
      assert.deepEqual(new Uint8Array(openBytes(key, sealed, context)), plaintext);
      assert.throws(() => openBytes(randomBytes(32), sealed, context), sealedWith('another-key'));
      if (other !== context) assert.throws(() => openBytes(key, sealed, other), sealedWith('altered'));
    }),
  );
});

test('no changed, cut or lengthened byte goes unnoticed', () => {
  const key = randomBytes(32);
  const sealed = sealBytes(key, Buffer.from('details'), 'case', systemRandom);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => openBytes(key, changed, 'case'), SealError, `byte ${at}`);
    assert.throws(() => openBytes(key, sealed.subarray(0, at), 'case'), SealError, `cut at ${at}`);
  }
  assert.throws(() => openBytes(key, Buffer.concat([sealed, Buffer.of(0)]), 'case'), SealError);
});

test('a record whose commitment belongs to another key is refused although its tag is right', () => {
  const key = randomBytes(32);
  const commitment = createHmac('sha256', randomBytes(32)).update('commit').digest();
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', createHmac('sha256', key).update('encrypt').digest(), nonce);
  cipher.setAAD(Buffer.concat([Buffer.from('headstart/sealed/v1\0'), commitment, Buffer.from('case')]));
  const body = Buffer.concat([cipher.update('two-faced'), cipher.final()]);
  const forged = Buffer.concat([Buffer.of(1), commitment, nonce, cipher.getAuthTag(), body]);
  assert.throws(() => openBytes(key, forged, 'case'), sealedWith('another-key'));
});

test('the same text sealed twice gives different bytes', () => {
  const key = randomBytes(32);
  const [one, two] = [0, 1].map(() => sealBytes(key, Buffer.from('same'), 'case', systemRandom));
  assert.notDeepEqual(one, two);
});

test('a record is bound to its key and its field: moved to another, it does not open', async () => {
  const mine = await vault.createKey(db.database, 'case_1');
  const theirs = await vault.createKey(db.database, 'case_2');
  const sealed = await vault.sealJson(db.database, mine, { text: 'secret' }, 'case_1/report');
  assert.deepEqual(await vault.openJson(db.database, mine, sealed, 'case_1/report'), { text: 'secret' });
  await assert.rejects(vault.open(db.database, mine, sealed, 'case_1/title'), sealedWith('altered'));
  await assert.rejects(vault.open(db.database, theirs, sealed, 'case_1/report'), sealedWith('another-key'));
});

test('a data key moved to another row does not unwrap', async () => {
  const one = await vault.createKey(db.database, 'case_3');
  const two = await vault.createKey(db.database, 'case_4');
  await db.database.query(
    'update store.data_keys set wrapped = (select wrapped from store.data_keys where id = $1) where id = $2',
    [one, two],
  );
  await assert.rejects(vault.seal(db.database, two, Buffer.from('x'), 'c'), sealedWith('altered'));
});

test('a key exists only if the transaction that made it was kept', async () => {
  let lost = '';
  await assert.rejects(
    db.database.transaction(async (tx) => {
      lost = await vault.createKey(tx, 'case_5');
      throw new Error('undone');
    }),
    /undone/,
  );
  await assert.rejects(vault.seal(db.database, lost, Buffer.from('x'), 'c'), SealError);
});

test('after shredding nothing sealed under the key opens, and the row still tells when', async () => {
  const key = await vault.createKey(db.database, 'case_6');
  const sealed = await vault.seal(db.database, key, Buffer.from('gone'), 'c');
  await vault.shred(db.database, key);
  await vault.shred(db.database, key);
  await assert.rejects(vault.open(db.database, key, sealed, 'c'), KeyShredded);
  const { rows } = await db.database.query<{ shredded_at: Date; wrapped: null }>(
    'select shredded_at, wrapped from store.data_keys where id = $1',
    [key],
  );
  assert.ok(rows[0]?.shredded_at);
  assert.equal(rows[0]?.wrapped, null);
});

test('another master key is named, not reported as damage', async () => {
  const key = await vault.createKey(db.database, 'case_7');
  const sealed = await vault.seal(db.database, key, Buffer.from('x'), 'c');
  const other = createVault({ masterKey: randomBytes(32), random: systemRandom });
  await assert.rejects(
    other.open(db.database, key, sealed, 'c'),
    (error) =>
      error instanceof StoreError && error.trouble === 'wrong-key' && error.message.includes(vault.masterKeyId),
  );
});

test('a derived key depends on its use and on the master key, and is stable', () => {
  const other = createVault({ masterKey: randomBytes(32), random: systemRandom });
  assert.deepEqual(vault.derive('cache'), createVault({ masterKey, random: systemRandom }).derive('cache'));
  assert.notDeepEqual(vault.derive('cache'), vault.derive('fingerprint'));
  assert.notDeepEqual(vault.derive('cache'), other.derive('cache'));
  const sealed = vault.sealUnder('cache', Buffer.from('result'), 'entry 1');
  assert.equal(vault.openUnder('cache', sealed, 'entry 1').toString(), 'result');
  assert.throws(() => vault.openUnder('other', sealed, 'entry 1'), SealError);
});
