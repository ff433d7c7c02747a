import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openHome } from './home.ts';
import { StoreError } from './store-error.ts';

let parent: string;
let path: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'headstart-home-'));
  path = join(parent, 'data');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const troubled = (trouble: string, pattern: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.trouble === trouble && pattern.test(error.message);

test('a new data directory is made with all it needs, closed to others', async () => {
  process.umask(0);
  const home = await openHome(path);
  for (const directory of [home.path, home.keys, home.public, home.cache, home.scratch]) {
    assert.equal(statSync(directory).mode & 0o777, 0o700, directory);
  }
  assert.deepEqual(await openHome(path), home);
});

test('a data directory open to others is refused with the command that closes it, and is not touched', async () => {
  await openHome(path);
  chmodSync(path, 0o755);
  await assert.rejects(openHome(path), troubled('wrong-permissions', /chmod 700/));
  assert.equal(statSync(path).mode & 0o777, 0o755);
});

test('a data directory of another account is refused', {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, async () => {
  await openHome(path);
  chownSync(path, 12345, 12345);
  await assert.rejects(openHome(path), troubled('wrong-owner', /uid 12345/));
});

test('a file in its place is refused', async () => {
  writeFileSync(path, '');
  await assert.rejects(openHome(path), troubled('wrong-permissions', /not a directory/));
  await assert.rejects(openHome(join(path, 'below')), troubled('wrong-permissions', /HEADSTART_HOME/));
});

test('too little space is told in megabytes before anything is made', async () => {
  await assert.rejects(openHome(path, Number.MAX_SAFE_INTEGER), troubled('full-disk', /MB are free/));
});
