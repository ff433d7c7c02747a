import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLanes } from '../probe/index.ts';
import { RUN_LIMITS } from './reproduce-service.ts';

test('a reproducer has the memory and the processes that the search had', () => {
  const target = { name: 'name', version: '1.0.0', token: 'token', seed: 1 };
  const groups = createLanes().flatMap((lane) => lane.prepare(target));
  assert.ok(groups.length >= 5);
  for (const { name, limits } of groups) {
    assert.ok(limits.memoryMiB <= RUN_LIMITS.memoryMiB, name);
    assert.ok(limits.pids <= RUN_LIMITS.pids, name);
  }
});

test('a server of several processes has room for the threads of each', () => {
  const target = { name: 'name', version: '1.0.0', token: 'token', seed: 1 };
  const THREADS_OF_A_NODE_PROCESS = 12;
  const PROCESSES = 16;
  for (const group of createLanes().flatMap((lane) => (lane.flaw === 'path-traversal' ? lane.prepare(target) : [])))
    assert.ok(group.limits.pids >= THREADS_OF_A_NODE_PROCESS * PROCESSES);
});
