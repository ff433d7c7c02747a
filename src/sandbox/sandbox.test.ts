/** What a run may do and what ends it, in both profiles, on the real kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { createSandbox } from './index.ts';

test('a command runs as nobody in an empty place and its output comes back', async () => {
  const made = await createSandbox({
    profile: 'user',
    stateDirectory: '/nonexistent',
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
  });
  assert.ok(made.ok);
  const run = await made.value.run({
    command: ['sh', '-c', 'id -u; cat a/b; echo out >c'],
    files: [{ path: 'a/b', content: 'given\n' }],
    collect: true,
  });
  await made.value.close();
  assert.ok(run.ok);
  assert.equal(run.value.stdout.toString(), '65534\ngiven\n');
  assert.deepEqual(
    new Map(run.value.outputs),
    new Map([
      ['a/b', Buffer.from('given\n')],
      ['c', Buffer.from('out\n')],
    ]),
  );
});
