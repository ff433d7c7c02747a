import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killGates } from './gate-killed.ts';

const seed = Date.now() % 1_000_000;

test(`gateways killed at any moment: no call reached the provider without its record, each is posted once (seed ${seed})`, async () => {
  const { upstreamCalls, unrecorded, early, kills } = await killGates({ kills: 3, seed });
  assert.deepEqual(unrecorded, []);
  assert.deepEqual(early, [], 'the record was there before the call');
  assert.equal(kills.length, 3);
  assert.ok(upstreamCalls > 0);
});
