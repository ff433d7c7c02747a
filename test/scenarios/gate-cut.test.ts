import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutStreams } from './gate-cut.ts';

/** Prime, so that it falls everywhere. */
const STRIDE = 97;

test('clients leave a gateway process in mid-stream: one posting each, drained to the micro-dollar, aborted within invoice and reservation', async () => {
  for (const tally of await cutStreams({ stride: STRIDE, lanes: 4 })) {
    const { calls, notOnce, belowInvoice, aboveReservation, notInvoice } = tally;
    assert.ok(calls > 0);
    assert.deepEqual(
      { notOnce, belowInvoice, aboveReservation, notInvoice },
      { notOnce: 0, belowInvoice: 0, aboveReservation: 0, notInvoice: 0 },
      tally.route,
    );
  }
});
