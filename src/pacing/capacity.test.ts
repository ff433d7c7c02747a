import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capacityOf, DEADLINE_DAYS, MEMORY_DAYS, type Population, type SentReport } from './capacity.ts';

const PRIOR: Population = { fixesPerDay: 0.004, weightDays: 100, otherPace: 0.25 };
const report = (sentDay: number, endedDay: number | null, end: SentReport['end'], isSevere = true): SentReport => ({
  sentDay,
  endedDay,
  end,
  isSevere,
});
const fixed = (sentDay: number, endedDay: number) => report(sentDay, endedDay, 'fixed');
const chance = (sent: readonly SentReport[], today: number) => capacityOf(sent, today, PRIOR).severeChance;
const believed = 1 - Math.exp(-PRIOR.fixesPerDay * DEADLINE_DAYS);

test('of a project that was sent nothing the population is believed', () => {
  const { severeChance, otherChance, fixes, reportDays } = capacityOf([], 0, PRIOR);
  assert.equal(severeChance, believed);
  assert.ok(otherChance < severeChance);
  assert.deepEqual([fixes, reportDays], [0, 0]);
});

test('the more a project has shown, the less the population counts', () => {
  const steady = (count: number) => Array.from({ length: count }, (_, index) => fixed(index * 10, index * 10 + 10));
  const own = 1 - Math.exp(-0.1 * DEADLINE_DAYS);
  const [one, many] = [chance(steady(1), 10), chance(steady(30), 300)];
  assert.ok(believed < one && one < many && many < own);
  assert.ok(own - many < 0.01);
});

test('silence is learnt from, and days without any report are not held against a project', () => {
  assert.ok(chance([report(0, null, null)], 90) < believed);
  assert.equal(capacityOf([fixed(0, 1)], 300, PRIOR).reportDays, 1);
});

test('many reports that lie there at once show a flooded project as slow', () => {
  const flooded = Array.from({ length: 20 }, () => report(0, null, null));
  assert.ok(chance([...flooded, fixed(0, 10)], 60) < chance([fixed(0, 10)], 60));
});

test('what is not severe takes longer everywhere, and so says less against a project', () => {
  const [severe, other] = [report(0, null, null, true), report(0, null, null, false)];
  assert.ok(chance([severe], 90) < chance([other], 90) && chance([other], 90) < believed);
});

test('what is longer ago than memory reaches counts for nothing', () => {
  assert.equal(chance([fixed(0, 10)], 20 + MEMORY_DAYS), believed);
});

test('the order of the reports changes nothing, and a further fix never makes a project slower', () => {
  const day = fc.integer({ min: 0, max: 300 });
  const anyFixed = fc.tuple(day, day).map(([a, b]) => fixed(Math.min(a, b), Math.max(a, b)));
  fc.assert(
    fc.property(fc.array(anyFixed, { maxLength: 30 }), (sent) => {
      const straight = capacityOf(sent, 300, PRIOR);
      const turned = capacityOf(sent.toReversed(), 300, PRIOR);
      assert.ok(Math.abs(turned.severeChance - straight.severeChance) < 1e-12);
      assert.ok(chance([...sent, fixed(300, 300)], 300) >= straight.severeChance);
    }),
  );
});
