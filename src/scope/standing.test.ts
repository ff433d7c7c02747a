import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays } from '../lib/clock.ts';
import {
  advance,
  type Basis,
  isStanding,
  MAX_STANDING_DAYS,
  nextLook,
  PROOF_DAYS,
  REPROOF_DAYS,
  type Standing,
  type Step,
} from './standing.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const PROOF: Basis = { by: 'proof', method: 'dns', seen: 'TXT' };
const STATES: Readonly<Record<Standing['state'], Standing>> = {
  waiting: { state: 'waiting' },
  standing: { state: 'standing', basis: PROOF, since: addDays(NOW, -90), until: NOW },
  lapsed: { state: 'lapsed', basis: PROOF, since: addDays(NOW, -91), until: addDays(NOW, -1) },
  withdrawn: { state: 'withdrawn', at: NOW },
};
const STEPS: Readonly<Record<Step['step'], Step>> = {
  establish: { step: 'establish', basis: PROOF, until: undefined },
  expire: { step: 'expire' },
  withdraw: { step: 'withdraw' },
};
const CELLS: Readonly<Record<Standing['state'], Readonly<Record<Step['step'], Standing['state'] | undefined>>>> = {
  waiting: { establish: 'standing', expire: undefined, withdraw: 'withdrawn' },
  standing: { establish: 'standing', expire: 'lapsed', withdraw: 'withdrawn' },
  lapsed: { establish: 'standing', expire: undefined, withdraw: 'withdrawn' },
  withdrawn: { establish: undefined, expire: undefined, withdraw: undefined },
};

for (const [state, row] of Object.entries(CELLS)) {
  for (const [step, expected] of Object.entries(row)) {
    test(`${state} + ${step} is ${expected ?? 'refused'}`, () => {
      const after = advance(STATES[state as Standing['state']], STEPS[step as Step['step']], NOW);
      assert.equal(after.ok ? after.value.state : undefined, expected);
    });
  }
}

test('a proof stands to the instant its days are over, and not an instant longer', () => {
  const proven = advance({ state: 'waiting' }, STEPS.establish, NOW);
  assert.ok(proven.ok);
  const end = addDays(NOW, PROOF_DAYS);
  assert.equal(isStanding(proven.value, new Date(end.getTime() - 1)), true);
  assert.equal(isStanding(proven.value, end), false);
  assert.equal(advance(proven.value, { step: 'expire' }, new Date(end.getTime() - 1)).ok, false);
  assert.equal(advance(proven.value, { step: 'expire' }, end).ok, true);
});

test('nothing stands longer than a year, whatever was asked', () => {
  const vouched = advance(
    { state: 'waiting' },
    { step: 'establish', basis: { by: 'operator' }, until: addDays(NOW, 9_999) },
    NOW,
  );
  assert.ok(vouched.ok && vouched.value.state === 'standing');
  assert.deepEqual(vouched.value.until, addDays(NOW, MAX_STANDING_DAYS));
});

test('what has ended already is not established', () => {
  assert.equal(
    advance({ state: 'waiting' }, { step: 'establish', basis: { by: 'operator' }, until: NOW }, NOW).ok,
    false,
  );
});

test('a proof is looked at again after its days and then every day; a word is not', () => {
  const proven = advance({ state: 'waiting' }, STEPS.establish, NOW);
  assert.ok(proven.ok);
  assert.deepEqual(nextLook(proven.value, NOW), addDays(NOW, REPROOF_DAYS));
  assert.deepEqual(nextLook(proven.value, addDays(NOW, REPROOF_DAYS)), addDays(NOW, REPROOF_DAYS + 1));
  const vouched = advance(
    { state: 'waiting' },
    { step: 'establish', basis: { by: 'operator' }, until: undefined },
    NOW,
  );
  assert.ok(vouched.ok);
  assert.equal(nextLook(vouched.value, NOW), undefined);
});
