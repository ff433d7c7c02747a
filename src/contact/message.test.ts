import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery, ReadBack } from './channel.ts';
import {
  advance,
  FRESH,
  MAX_ATTEMPTS,
  MAX_READS,
  type MessageState,
  PERSONS_WORDS,
  type Progress,
  type Step,
} from './message.ts';

const BEGUN = new Date('2026-11-01T12:00:00Z');
const SETTLE_MS = 60_000;
const at = (ms: number): Date => new Date(BEGUN.getTime() + ms);
const LATE = at(SETTLE_MS);

const STATES: Readonly<Record<MessageState, Progress>> = {
  pending: FRESH,
  sending: { ...FRESH, state: 'sending', attempts: 1, begunAt: BEGUN },
  sent: { ...FRESH, state: 'sent', attempts: 1, sentAt: BEGUN, settledBy: 'answer' },
  refused: { ...FRESH, state: 'refused', attempts: 1, settledBy: 'answer', trouble: 'no' },
  uncertain: { ...FRESH, state: 'uncertain', attempts: 1, begunAt: BEGUN, trouble: 'lost' },
};

const attempted = (delivery: Delivery): Step => ({ kind: 'attempted', delivery, settleMs: SETTLE_MS });
const read = (found: ReadBack): Step => ({ kind: 'read', found, settleMs: SETTLE_MS });

const STEPS: Readonly<Record<string, Step>> = {
  begin: { kind: 'begin' },
  delivered: attempted({ kind: 'delivered', remote: null }),
  declined: attempted({ kind: 'declined', reason: 'r' }),
  'not-delivered': attempted({ kind: 'not-delivered', reason: 'r' }),
  unknown: attempted({ kind: 'unknown', reason: 'r' }),
  there: read({ kind: 'there', remote: null }),
  absent: read({ kind: 'absent' }),
  unreadable: read({ kind: 'cannot-say', reason: 'r', isForGood: false }),
  'never readable': read({ kind: 'cannot-say', reason: 'r', isForGood: true }),
  seen: { kind: 'seen' },
  ...Object.fromEntries(PERSONS_WORDS.map((word) => [word, { kind: 'said', word } as const])),
};

/** Where each step leads from each state; what is not here is refused. */
const TABLE: Readonly<Record<MessageState, Readonly<Record<string, MessageState>>>> = {
  pending: { begin: 'sending', 'give-up': 'refused' },
  sending: {
    delivered: 'sent',
    declined: 'refused',
    'not-delivered': 'pending',
    unknown: 'sending',
    there: 'sent',
    absent: 'pending',
    unreadable: 'sending',
    'never readable': 'uncertain',
    seen: 'sent',
  },
  sent: {},
  refused: { again: 'pending', arrived: 'sent' },
  uncertain: { seen: 'sent', again: 'pending', arrived: 'sent', 'give-up': 'refused' },
};

for (const [state, from] of Object.entries(STATES)) {
  for (const [name, step] of Object.entries(STEPS)) {
    const expected = TABLE[state as MessageState][name];
    test(`${state}, ${name}: ${expected ?? 'refused'}`, () => {
      const outcome = advance(from, step, LATE);
      assert.equal(outcome.ok ? outcome.value.to.state : undefined, expected);
    });
  }
}

test('a step that nobody knows is refused', () => {
  assert.equal(advance(STATES.pending, { kind: 'forget' } as unknown as Step, LATE).ok, false);
});

test('every attempt has a number of its own, which never comes again', () => {
  let it = FRESH;
  const seen = new Set<number>();
  for (let round = 0; round < 3 * MAX_ATTEMPTS; round++) {
    const begun = advance(it, { kind: 'begin' }, BEGUN);
    assert.ok(begun.ok);
    seen.add(begun.value.to.attempts);
    const ended = advance(begun.value.to, attempted({ kind: 'not-delivered', reason: 'r' }), LATE);
    assert.ok(ended.ok);
    const again = advance(ended.value.to, { kind: 'said', word: 'again' }, LATE);
    it = again.ok ? again.value.to : ended.value.to;
  }
  assert.equal(seen.size, 3 * MAX_ATTEMPTS);
});

test('what never gets through ends after so many attempts and waits for a person', () => {
  const last = { ...STATES.sending, attempts: MAX_ATTEMPTS };
  const ended = advance(last, attempted({ kind: 'not-delivered', reason: 'closed' }), LATE);
  assert.ok(ended.ok);
  assert.deepEqual([ended.value.to.state, ended.value.nextMs], ['refused', null]);
  assert.match(ended.value.to.trouble ?? '', /given up after 12 attempts: closed/);
});

test('that it is absent counts only once the attempt has settled, to the millisecond', () => {
  const absent = read({ kind: 'absent' });
  const early = advance(STATES.sending, absent, at(SETTLE_MS - 1));
  assert.ok(early.ok);
  assert.deepEqual([early.value.to.state, early.value.nextMs], ['sending', 1]);
  const due = advance(STATES.sending, absent, at(SETTLE_MS));
  assert.ok(due.ok);
  assert.equal(due.value.to.state, 'pending');
});

test('reading back that fails for long ends with a person, not with another attempt', () => {
  let it = STATES.sending;
  for (let reads = 1; reads < MAX_READS; reads++) {
    const next = advance(it, read({ kind: 'cannot-say', reason: 'down', isForGood: false }), LATE);
    assert.ok(next.ok && next.value.to.state === 'sending' && (next.value.nextMs ?? 0) > 0);
    it = next.value.to;
  }
  const last = advance(it, read({ kind: 'cannot-say', reason: 'down', isForGood: false }), LATE);
  assert.ok(last.ok);
  assert.deepEqual([last.value.to.state, last.value.nextMs], ['uncertain', null]);
});

test('a server that asks for a pause gets it, within bounds', () => {
  const wait = (retryAfterMs: number) => {
    const next = advance(STATES.sending, attempted({ kind: 'not-delivered', reason: 'r', retryAfterMs }), LATE);
    return next.ok ? next.value.nextMs : undefined;
  };
  assert.equal(wait(90_000), 90_000);
  assert.equal(wait(0), 5_000);
  assert.equal(wait(Number.MAX_SAFE_INTEGER), 6 * 3_600_000);
});
