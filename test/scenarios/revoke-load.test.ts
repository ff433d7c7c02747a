import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revokeUnderLoad } from './revoke-load.ts';

const seed = Date.now() % 1_000_000;

test(`nothing is served under a key, person, grant or organisation that ended more than a second before (seed ${seed})`, async () => {
  const tally = await revokeUnderLoad({ requests: 400, lanes: 24, organisations: 4, everyMs: 150, seed });
  assert.deepEqual(tally.stale, []);
  assert.ok(tally.straddling > 0, 'some bodies came after the second, their headers before the change');
  assert.ok((tally.before['200'] ?? 0) > 0, 'before they ended they were served');
});
