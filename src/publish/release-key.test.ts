import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { createReleaseKeyFiles } from './key-file-client.ts';
import { createReleaseKey, openReleaseKey, readReleaseKey } from './release-key.ts';

const N = 1_024;
const key = createReleaseKey('release-a', 'correct horse', systemRandom, N);

test('a key opens under its passphrase and no other', () => {
  const opened = openReleaseKey(key, 'correct horse');
  assert.ok(opened.ok);
  assert.equal(Buffer.from(opened.value.publicKey).toString('base64'), key.publicKey);
  assert.deepEqual(openReleaseKey(key, 'correct horse '), {
    ok: false,
    refusal: { kind: 'wrong-passphrase', name: 'release-a' },
  });
});

test('neither the name nor the public half can be exchanged', () => {
  const other = createReleaseKey('release-b', 'correct horse', systemRandom, N);
  assert.equal(openReleaseKey({ ...key, name: 'release-b' }, 'correct horse').ok, false);
  assert.equal(openReleaseKey({ ...key, publicKey: other.publicKey }, 'correct horse').ok, false);
});

test('a file reads back, and every damaged one is refused', () => {
  assert.deepEqual(readReleaseKey(JSON.stringify(key)), { ok: true, value: key });
  const damaged = [
    '',
    '[]',
    JSON.stringify({ ...key, version: 2 }),
    JSON.stringify({ ...key, name: 'issuer' }),
    JSON.stringify({ ...key, publicKey: 'AAAA' }),
    JSON.stringify({ ...key, scrypt: { ...key.scrypt, n: 2 } }),
    JSON.stringify({ ...key, scrypt: { ...key.scrypt, n: 2 ** 30 } }),
    JSON.stringify({ ...key, tag: '' }),
    JSON.stringify({ ...key, ciphertext: undefined }),
  ];
  for (const text of damaged) assert.equal(readReleaseKey(text).ok, false, text.slice(0, 60));
});

test('the file is for its owner alone and is never replaced', async () => {
  const home = await mkdtemp(join(tmpdir(), 'headstart-keys-'));
  try {
    const files = createReleaseKeyFiles(home);
    assert.equal(await files.find('release-a'), undefined);
    const made = await files.create('release-a', 'correct horse', systemRandom, N);
    assert.deepEqual(await files.find('release-a'), made);
    assert.equal((await stat(join(home, 'keys', 'release-a.key'))).mode & 0o777, 0o600);
    await assert.rejects(files.create('release-a', 'correct horse', systemRandom, N), /EEXIST/);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test('a short passphrase makes no key', () => {
  assert.throws(() => createReleaseKey('release-a', '1234567', systemRandom, N), /at least 8/);
});
