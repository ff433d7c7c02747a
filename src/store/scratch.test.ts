import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectScratch, makeScratch } from './scratch.ts';
import { makeTestDirectory } from './test-directory.ts';

/** Not in memory: the source itself lies on a disk. */
const ON_DISK = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'scratch-test');
const memory = { skip: !existsSync('/dev/shm') && 'no /dev/shm here' };

function onDisk(): string {
  mkdirSync(ON_DISK, { recursive: true });
  return ON_DISK;
}

test('scratch goes to memory wherever it stands in the list', memory, async () => {
  const { directory, isInMemory } = await makeScratch([onDisk(), '/dev/shm']);
  rmSync(directory, { recursive: true });
  assert.ok(directory.startsWith('/dev/shm/') && isInMemory);
});

test('where there is no memory to write to, scratch on a disk is called so, and doctor fails the check', async () => {
  const parents = ['/nowhere', onDisk()];
  const { directory, isInMemory } = await makeScratch(parents);
  rmSync(directory, { recursive: true });
  assert.ok(directory.startsWith(ON_DISK));
  assert.equal(isInMemory, false);
  const { ok, detail } = await inspectScratch(parents);
  assert.equal(ok, false);
  assert.match(detail, /on a disk, in the clear.*mount a tmpfs/);
  assert.deepEqual(readdirSync(ON_DISK), []);
});

test('what a process that is gone left behind is removed, what a living one uses stays', async () => {
  const parent = makeTestDirectory('headstart-scratch-parent-');
  for (const pid of [process.pid, 2 ** 22 + 1]) mkdirSync(join(parent, `headstart-scratch-${pid}-abc`));
  const { directory } = await makeScratch([parent]);
  rmSync(directory, { recursive: true });
  assert.deepEqual(readdirSync(parent), [`headstart-scratch-${process.pid}-abc`]);
  rmSync(parent, { recursive: true });
});

test(
  'starts at the same moment clean up the same leavings, and none of them is sent to a disk for it',
  memory,
  async () => {
    const parent = mkdtempSync('/dev/shm/headstart-scratch-parent-');
    for (let at = 0; at < 200; at += 1) mkdirSync(join(parent, `headstart-scratch-${2 ** 22 + 1}-${at}`));
    const made = await Promise.all(Array.from({ length: 8 }, () => makeScratch([parent, onDisk()])));
    for (const { directory } of made) rmSync(directory, { recursive: true });
    rmSync(parent, { recursive: true });
    assert.deepEqual(
      made.filter(({ isInMemory }) => !isInMemory),
      [],
    );
  },
);

test('where nothing can be written, that is said', async () => {
  await assert.rejects(makeScratch(['/nowhere']), /none of \/nowhere can be written/);
});
