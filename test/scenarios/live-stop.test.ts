import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopLiveStreams } from './live-stop.ts';

test('a stop by country ends the live streams of foreigners at every gateway, touches no other, and lifted lets them in again', async () => {
  const tally = await stopLiveStreams({ streams: 120, gateways: 2, holders: 4, paceMs: 300 });
  assert.equal(tally.endedAfterMs.length, 60);
  assert.deepEqual(tally.wronglyEnded, []);
  assert.equal(tally.others, 60);
  assert.equal(tally.touched, 0);
  assert.equal(tally.counted.affectedKeys, 4);
  assert.equal(tally.refusedWhileStopped, tally.tried);
  assert.equal(tally.servedAfterLift, tally.tried);
});
