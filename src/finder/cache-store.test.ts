import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFileCache } from './cache-store.ts';

const KEY_A = 'a'.repeat(64);
const KEY_B = 'b'.repeat(64);
const SECRET = 'planted-marker-of-a-flaw';

function sealedWith(secret: Buffer, directory: string) {
  return createFileCache({
    directory,
    seal(plain, associated) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(associated));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, associated) {
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12)).setAAD(Buffer.from(associated));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    },
  });
}

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'finder-cache-'));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('what was put is given back, and lies on disk only sealed and only for the owner', () =>
  inDirectory(async (parent) => {
    const directory = join(parent, 'engine');
    const cache = sealedWith(randomBytes(32), directory);
    assert.equal(await cache.get(KEY_A), undefined);
    await cache.put(KEY_A, Buffer.from(SECRET));
    assert.equal(Buffer.from((await cache.get(KEY_A)) ?? []).toString(), SECRET);
    const [name = ''] = await readdir(directory);
    assert.equal((await readFile(join(directory, name))).includes(SECRET), false);
    assert.equal((await stat(join(directory, name))).mode & 0o077, 0);
    assert.equal((await stat(directory)).mode & 0o077, 0);
  }));

test('an entry under another key, a damaged one and one moved to another name count as not there', () =>
  inDirectory(async (directory) => {
    const cache = sealedWith(randomBytes(32), directory);
    await cache.put(KEY_A, Buffer.from(SECRET));
    assert.equal(await sealedWith(randomBytes(32), directory).get(KEY_A), undefined);
    const sealed = await readFile(join(directory, `${KEY_A}.sealed`));
    await writeFile(join(directory, `${KEY_B}.sealed`), sealed);
    assert.equal(await cache.get(KEY_B), undefined);
    await writeFile(join(directory, `${KEY_A}.sealed`), sealed.subarray(0, 20));
    assert.equal(await cache.get(KEY_A), undefined);
  }));

test('a key that is a path is refused', () =>
  inDirectory(async (directory) => {
    await assert.rejects(sealedWith(randomBytes(32), directory).get('../../etc/passwd'), TypeError);
  }));
