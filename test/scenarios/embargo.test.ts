/** A small part of `bench/embargo.ts`: the same world, fewer lives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateEmbargoes } from '../support/embargo-simulation.ts';

test('over 20,000 lives of cases nothing is revealed early and no deadline is noticed a minute late', () => {
  const tally = simulateEmbargoes({ cases: 20_000, seed: 20_261_121 });
  assert.equal(tally.earlyReveals, 0, JSON.stringify(tally));
  assert.deepEqual([tally.late, tally.missed], [0, 0], JSON.stringify(tally));
  // A world in which nothing happens would pass, too.
  for (const name of [
    'reveals',
    'earlyAttempts',
    'deadlines',
    'duplicates',
    'lostJobs',
    'jumps',
    'heldAttempts',
  ] as const) {
    assert.ok(tally[name] > 500, `${name}: only ${tally[name]}`);
  }
  assert.ok(Object.keys(tally.stages).length >= 7, JSON.stringify(tally.stages));
});

for (const [fault, caught] of [
  ['worker-clock', 'earlyReveals'],
  ['no-hold', 'earlyReveals'],
  ['no-sweep', 'missed'],
] as const) {
  test(`the oracle catches the planted fault ${fault}`, () => {
    const options = { cases: 6_000, seed: 3 };
    const tally = simulateEmbargoes({ ...options, fault });
    if (caught === 'earlyReveals') assert.ok(tally.earlyReveals > 0, JSON.stringify(tally));
    else assert.ok(tally.missed > 0 && simulateEmbargoes(options).missed === 0, JSON.stringify(tally));
  });
}

test('the same seed lives the same lives', () => {
  const again = () => simulateEmbargoes({ cases: 500, seed: 7 });
  assert.deepEqual(again(), again());
});
