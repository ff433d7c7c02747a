import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openIncidents } from './incident-load.ts';

test('an incident closes its model at every gateway within the promised second, ends its streams and touches no other', async () => {
  const tally = await openIncidents({
    ...{ sessions: 60, gateways: 2, models: 3, incidents: 2, holders: 4, paceMs: 300, seed: 3 },
  });
  assert.equal(tally.firstRefusedMs.length, 4);
  assert.ok(tally.firstRefusedMs.every(Number.isFinite));
  assert.equal(tally.stale, 0);
  assert.deepEqual([tally.cut, tally.survived], [40, 0]);
  assert.ok(tally.otherCalls > 0);
  assert.deepEqual([tally.otherRefused, tally.otherStreamsCut], [0, 0]);
});
