import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capacityOf, type SentReport } from './capacity.ts';
import type { Waiting } from './harm.ts';
import { divideByNeed, needOf } from './need.ts';

const PRIOR = { fixesPerDay: 0.004, weightDays: 100, otherPace: 0.25 };
const waiting = (outcome: Waiting['outcome']): Waiting => ({
  id: outcome,
  outcome,
  isExploited: false,
  dependents: 0,
  isChained: false,
  foundDay: 0,
  relation: null,
});

test('more and graver open cases are more need, and so is a project that mends little', () => {
  const none = capacityOf([], 0, PRIOR);
  const sent = Array.from(
    { length: 20 },
    (): SentReport => ({ sentDay: 0, endedDay: 1, end: 'fixed', isSevere: true }),
  );
  const quick = capacityOf(sent, 2, PRIOR);
  const one = needOf('a', [waiting('immediate')], none, 0).need;
  assert.ok(needOf('a', [waiting('immediate'), waiting('defer')], none, 0).need > one);
  assert.ok(needOf('a', [waiting('defer')], none, 0).need < one);
  assert.ok(needOf('a', [waiting('immediate')], quick, 0).need < one);
  assert.equal(needOf('a', [], none, 0).need, 0);
});

test('a sum is divided to the last unit, and nobody with more need gets less', () => {
  const anyNeeds = fc.uniqueArray(
    fc.record({ project: fc.string(), openCases: fc.nat(), need: fc.double({ min: 0, max: 1e6, noNaN: true }) }),
    { selector: ({ project }) => project, maxLength: 20 },
  );
  fc.assert(
    fc.property(anyNeeds, fc.integer({ min: 0, max: 1_000_000_000 }), (needs, amount) => {
      const parts = divideByNeed(needs, amount);
      if (parts.length === 0) return assert.ok(needs.every(({ need }) => need === 0));
      assert.equal(
        parts.reduce((sum, { part }) => sum + part, 0),
        amount,
      );
      for (const [index, { part }] of parts.entries()) {
        assert.ok(Number.isInteger(part) && part >= 0);
        assert.ok(index === 0 || part <= (parts[index - 1]?.part ?? 0) + 1);
      }
    }),
  );
});
