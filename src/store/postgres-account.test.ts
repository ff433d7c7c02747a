import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { canReach, chooseAccount } from './postgres-account.ts';

const asRoot = { skip: process.geteuid?.() !== 0 && 'needs root' };
let directory: string;
let passwd: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headstart-account-'));
  passwd = join(directory, 'passwd');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('root lends an account that exists, postgres before daemon before nobody', asRoot, async () => {
  const lines = ['root:x:0:0::/:', 'nobody:x:65534:65534::/:', 'daemon:x:1:1::/:', 'postgres:x:101:104::/:'];
  for (const [count, uid] of [
    [4, 101],
    [3, 1],
    [2, 65534],
  ] as const) {
    writeFileSync(passwd, lines.slice(0, count).join('\n'));
    const account = await chooseAccount(join(directory, 'data'), passwd);
    assert.deepEqual([account.uid, account.lent], [uid, true]);
  }
});

test('root never lends root, nor an account sandboxes run under', asRoot, async () => {
  writeFileSync(passwd, 'postgres:x:64010:64010::/:\ndaemon:x:0:0::/:\nnobody:x:64999:1::/:\n');
  await assert.rejects(chooseAccount(join(directory, 'data'), passwd), /DATABASE_URL/);
});

test('a data directory keeps the account it was made for', asRoot, async () => {
  const data = join(directory, 'data');
  mkdirSync(data);
  chownSync(data, 4321, 4322);
  writeFileSync(passwd, 'postgres:x:101:104::/:\n');
  assert.deepEqual(await chooseAccount(data, passwd), { uid: 4321, gid: 4322, lent: true });
});

test('one closed directory on the way makes a path unreachable', asRoot, async () => {
  const deep = join(directory, 'closed', 'open');
  mkdirSync(deep, { recursive: true });
  chmodSync(directory, 0o755);
  const account = { uid: 4321, gid: 4322, lent: true };
  assert.equal(await canReach(account, deep), true);
  chmodSync(join(directory, 'closed'), 0o700);
  assert.equal(await canReach(account, deep), false);
  chownSync(join(directory, 'closed'), 0, 4322);
  chmodSync(join(directory, 'closed'), 0o710);
  assert.equal(await canReach(account, deep), true);
  chownSync(join(directory, 'closed'), 4321, 4322);
  chmodSync(join(directory, 'closed'), 0o077);
  assert.equal(await canReach(account, deep), false);
});
