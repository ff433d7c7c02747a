import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBacklog } from './backlog.ts';

test('what may wait is done in order, a little each turn, and others have their turn between', async () => {
  let nowMs = 0;
  const done: (number | 'urgent')[] = [];
  const later = createBacklog(() => nowMs, assert.fail);
  for (let at = 0; at < 5; at += 1) {
    later(() => {
      done.push(at);
      nowMs += 2;
      if (at === 0) setImmediate(() => done.push('urgent'));
    });
  }
  assert.deepEqual(done, [], 'nothing at once');
  while (done.length < 6) await sleep(5);
  assert.deepEqual(done, [0, 1, 'urgent', 2, 3, 4]);
});

test('work that fails is told, and what waits behind it is still done', async () => {
  const troubles: string[] = [];
  const later = createBacklog(
    () => 0,
    ({ message }) => troubles.push(message),
  );
  const last = Promise.withResolvers<void>();
  later(() => {
    throw new Error('broken');
  });
  later(last.resolve);
  await last.promise;
  assert.deepEqual(troubles, ['broken']);
});
