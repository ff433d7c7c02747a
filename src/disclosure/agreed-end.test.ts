import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays } from '../lib/clock.ts';
import { agreeEnd, termsOf } from './agreed-end.ts';
import type { Case } from './case.ts';
import { advance, type Step } from './case-step.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

function walk(policy: Case['policy'], ...steps: readonly Step[]): Case {
  let current: Case = {
    id: 'case_1',
    version: 1,
    kind: 'real',
    time: 'real',
    policy,
    openedAt: NOW,
    parties: [
      { id: 'party_1', role: 'coordinator', simulated: false, report: 'received' },
      { id: 'party_2', role: 'vendor', simulated: false, report: 'start' },
    ],
    facts: {},
    stage: 'received',
    embargo: 'none',
  };
  for (const step of steps) {
    const outcome = advance(current, step, NOW);
    assert.ok(outcome.ok, step);
    current = outcome.value.case;
  }
  return current;
}

const kindOf = (from: Case, days: number): string | undefined => {
  const outcome = agreeEnd(from, addDays(NOW, days), NOW);
  return outcome.ok ? undefined : outcome.refusal.kind;
};

test('what was agreed is the deadline: nothing is disclosed before it, whatever the policy said', () => {
  const shorter = agreeEnd(walk('anthropic-2026', 'confirm', 'notify'), addDays(NOW, 30), NOW);
  assert.ok(shorter.ok && shorter.value.case.stage === 'notified');
  assert.deepEqual(shorter.value.clocks, [{ clock: 'disclosure', change: 'move', dueAt: addDays(NOW, 30) }]);
  assert.equal(advance(shorter.value.case, 'disclose', addDays(NOW, 29.999)).ok, false);
  assert.ok(advance(shorter.value.case, 'disclose', addDays(NOW, 30)).ok);
  assert.equal(shorter.value.case.isExtended, false);
});

test('a longer end is the policy’s one extension, and cannot be extended again', () => {
  const from = walk('anthropic-2026', 'confirm', 'notify', 'acknowledge');
  assert.equal(kindOf(from, 105), 'beyond-policy');
  const longer = agreeEnd(from, addDays(NOW, 100), NOW);
  assert.ok(longer.ok);
  const again = advance(longer.value.case, 'extend', NOW);
  assert.deepEqual(again, { ok: false, refusal: { kind: 'no-extension', why: 'taken' } });
});

test('before the report, after a leak and after a fix there is nothing to agree on', () => {
  for (const steps of [['confirm'], ['confirm', 'notify', 'leak'], ['confirm', 'notify', 'fix-released']] as const) {
    assert.equal(kindOf(walk('anthropic-2026', ...steps), 30), 'embargo-over');
  }
  assert.equal(kindOf(walk('anthropic-2026', 'confirm', 'notify'), 0), 'in-the-past');
});

test('where the policy sets no date, agreement sets the first one', () => {
  const open = walk('openai-outbound', 'confirm', 'notify');
  assert.deepEqual(termsOf(open), { isInForce: true, dueAt: null, limit: null });
  const agreed = agreeEnd(open, addDays(NOW, 400), NOW);
  assert.ok(agreed.ok && agreed.value.clocks[0]?.change === 'start');
});
