import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LockTimeout, withFileLock } from './file-lock.ts';
import { claimRole } from './instance.ts';
import { StoreError } from './store-error.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headstart-lock-'));
  path = join(directory, 'serve.lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('work under the lock never overlaps, also within one process', async () => {
  let inside = 0;
  let most = 0;
  const work = () =>
    withFileLock(path, 10_000, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 8 }, work));
  assert.equal(most, 1);
});

test('who waits in vain is told, and work that throws frees the lock', async () => {
  await withFileLock(path, 1000, () =>
    assert.rejects(
      withFileLock(path, 20, async () => {}),
      LockTimeout,
    ),
  );
  await assert.rejects(
    withFileLock(path, 1000, async () => {
      throw new Error('broken work');
    }),
    /broken work/,
  );
  await withFileLock(path, 20, async () => {});
});

const HOLDER = `
  const { claimRole } = await import(process.argv[1] + '/instance.ts');
  await claimRole(process.argv[2], 'serve');
  process.stdout.write('held');
  setInterval(() => {}, 1000);
`;

test('a second process in a role is refused and told which process has it; a killed one holds nothing', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, '--', import.meta.dirname, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await assert.rejects(
    claimRole(directory, 'serve'),
    (error) => error instanceof StoreError && error.trouble === 'busy' && error.message.includes(`${child.pid}`),
  );
  await (await claimRole(directory, 'worker')).release();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await claimRole(directory, 'serve')).release();
});
