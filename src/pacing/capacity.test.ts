import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capacityOf, MEMORY_DAYS, type Population, type SentReport } from './capacity.ts';

const PRIOR: Population = { fixesPerDay: 0.02, weightDays: 100 };
const fixed = (sentDay: number, endedDay: number): SentReport => ({ sentDay, endedDay, end: 'fixed' });
const open = (sentDay: number): SentReport => ({ sentDay, endedDay: null, end: null });

test('of a project that was sent nothing the population is believed', () => {
  assert.equal(capacityOf([], 0, PRIOR).fixesPerDay, PRIOR.fixesPerDay);
});

test('the more a project has shown, the less the population counts', () => {
  const one = capacityOf([fixed(0, 10)], 10, PRIOR);
  const many = capacityOf(
    Array.from({ length: 30 }, (_, index) => fixed(index * 10, index * 10 + 10)),
    300,
    PRIOR,
  );
  assert.ok(one.fixesPerDay > PRIOR.fixesPerDay && one.fixesPerDay < many.fixesPerDay);
  assert.ok(Math.abs(many.fixesPerDay - 0.1) < 0.03);
});

test('silence is learnt from, and days without any report are not held against a project', () => {
  const silent = capacityOf([open(0)], 90, PRIOR);
  const idle = capacityOf([fixed(0, 1)], 300, PRIOR);
  assert.ok(silent.fixesPerDay < PRIOR.fixesPerDay);
  assert.equal(idle.busyDays, 1);
});

test('days on which several reports lay with the project are counted once', () => {
  assert.equal(capacityOf([fixed(0, 10), fixed(5, 20), open(30)], 40, PRIOR).busyDays, 30);
});

test('what is longer ago than memory reaches counts for nothing', () => {
  const capacity = capacityOf([fixed(0, 10)], 20 + MEMORY_DAYS, PRIOR);
  assert.deepEqual(capacity, { fixesPerDay: PRIOR.fixesPerDay, fixes: 0, busyDays: 0 });
});

test('the order of the reports changes nothing, and a further fix never makes a project slower', () => {
  const day = fc.integer({ min: 0, max: 300 });
  const report = fc.tuple(day, day).map(([a, b]) => fixed(Math.min(a, b), Math.max(a, b)));
  fc.assert(
    fc.property(fc.array(report, { maxLength: 30 }), (sent) => {
      const straight = capacityOf(sent, 300, PRIOR);
      assert.deepEqual(capacityOf(sent.toReversed(), 300, PRIOR), straight);
      const more = capacityOf([...sent, ...sent.slice(0, 1)], 300, PRIOR);
      assert.ok(more.fixesPerDay >= straight.fixesPerDay);
    }),
  );
});
