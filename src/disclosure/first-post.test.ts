import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays } from '../lib/clock.ts';
import { agreeEnd, termsOf } from './agreed-end.ts';
import type { Case } from './case.ts';
import { advance, type Step } from './case-step.ts';
import { noteFirstPost } from './first-post.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const FRESH: Omit<Case, 'policy'> = {
  id: 'case_1',
  version: 1,
  kind: 'real',
  time: 'real',
  openedAt: addDays(NOW, -100),
  parties: [
    { id: 'party_1', role: 'coordinator', simulated: false, report: 'received' },
    { id: 'party_2', role: 'vendor', simulated: false, report: 'start' },
  ],
  facts: {},
  stage: 'received',
  embargo: 'none',
};

function walk(from: Case, ...steps: readonly Step[]): Case {
  let current = from;
  for (const step of steps) {
    const outcome = advance(current, step, NOW);
    assert.ok(outcome.ok, step);
    current = outcome.value.case;
  }
  return current;
}
const received = (policy: Case['policy']): Case => ({ ...FRESH, policy }) as Case;
const posted = (from: Case, days: number) => noteFirstPost(from, addDays(NOW, days), NOW);
const dueOf = (it: Case): number | null =>
  'dueAt' in it && it.dueAt ? (it.dueAt.getTime() - NOW.getTime()) / 86_400_000 : null;

test('the list counts from the first post, before the report or after it, and not from the report', () => {
  const sent = walk(received('linux-distros'), 'confirm', 'notify');
  assert.equal(dueOf(sent), 14);
  const after = posted(sent, -4);
  assert.ok(after.ok);
  assert.equal(dueOf(after.value.case), 10);
  assert.deepEqual(after.value.clocks, [{ clock: 'disclosure', change: 'move', dueAt: addDays(NOW, 10) }]);
  const early = posted(walk(received('linux-distros'), 'confirm'), -4);
  assert.ok(early.ok);
  assert.deepEqual(early.value.clocks, []);
  assert.equal(dueOf(walk(early.value.case, 'notify')), 10);
});

test('what was posted so long ago that its time is over ends when it is sent, and not before', () => {
  const early = posted(walk(received('linux-distros'), 'confirm'), -30);
  assert.ok(early.ok);
  const sent = walk(early.value.case, 'notify');
  assert.equal(dueOf(sent), 0);
  assert.ok(advance(sent, 'disclose', NOW).ok);
});

test('nobody agrees on more than the list allows, counted from the post', () => {
  const after = posted(walk(received('linux-distros'), 'confirm', 'notify'), -4);
  assert.ok(after.ok);
  assert.deepEqual(termsOf(after.value.case).limit, addDays(NOW, 10));
  const longer = agreeEnd(after.value.case, addDays(NOW, 14), NOW);
  assert.equal(!longer.ok && longer.refusal.kind, 'beyond-policy');
});

test('an end that was agreed on and comes sooner stands, and other policies do not count from a post', () => {
  const agreed = agreeEnd(walk(received('linux-distros'), 'confirm', 'notify'), addDays(NOW, 3), NOW);
  assert.ok(agreed.ok);
  const after = posted(agreed.value.case, -4);
  assert.ok(after.ok);
  assert.deepEqual([dueOf(after.value.case), after.value.clocks], [3, []]);
  const other = posted(walk(received('anthropic-2026'), 'confirm', 'notify'), -4);
  assert.ok(other.ok);
  assert.deepEqual([dueOf(other.value.case), other.value.clocks], [90, []]);
});

test('a post in the future, a later one than is known, and one of a closed case are refused', () => {
  const kindOf = (from: Case, days: number) => {
    const outcome = posted(from, days);
    return outcome.ok ? undefined : outcome.refusal.kind;
  };
  const open = walk(received('linux-distros'), 'confirm');
  assert.equal(kindOf(open, 1), 'post-in-the-future');
  const once = posted(open, -2);
  assert.ok(once.ok);
  assert.equal(kindOf(once.value.case, -2), 'post-known');
  assert.equal(kindOf(once.value.case, -1), 'post-known');
  assert.equal(kindOf(once.value.case, -3), undefined, 'an earlier one');
  assert.equal(kindOf(walk(open, 'withdraw'), -1), 'case-over');
});
