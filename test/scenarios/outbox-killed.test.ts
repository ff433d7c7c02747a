import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killOutbox, total } from './outbox-killed.ts';

test('of 60 messages, with a fifth of the answers spoilt and workers killed, none is lost and none is doubled', async () => {
  const seed = Date.now() % 1_000_000;
  const report = await killOutbox({
    messages: 60,
    workers: 2,
    ambiguousShare: 0.2,
    kills: 4,
    killWithinMs: 700,
    seed,
  });
  const said = JSON.stringify({ seed, ...report, fates: [...report.fates] });
  assert.deepEqual([total(report.fates, 'lost'), total(report.fates, 'doubled'), report.strangers], [0, 0, 0], said);
  assert.deepEqual([total(report.fates, 'messages'), report.unsettled], [60, 0], said);
  const settled = total(report.fates, 'sent') + total(report.fates, 'refused') + total(report.fates, 'uncertain');
  assert.equal(settled, 60, said);
  assert.ok(report.kills > 0, said);
  // Where the other side can be asked, nobody has to be.
  for (const channel of ['github-report', 'github-advisory', 'github-issue'] as const) {
    assert.equal(report.fates.get(channel)?.uncertain, 0, said);
  }
});
