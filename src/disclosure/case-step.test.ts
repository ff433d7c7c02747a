import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addDays } from '../lib/clock.ts';
import type { Case, Stage } from './case.ts';
import { isRealCase, STAGES } from './case.ts';
import { lettersOf } from './case-events.ts';
import { advance, type CaseRefusal, STEPS, type Step } from './case-step.ts';
import { brokenInvariants } from './cross-machine.ts';
import { isInForce } from './embargo.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

const RECEIVED: Case = {
  id: 'case_1',
  version: 1,
  kind: 'real',
  time: 'real',
  policy: 'anthropic-2026',
  openedAt: NOW,
  parties: [
    { id: 'party_1', role: 'coordinator', simulated: false, report: 'received' },
    { id: 'party_2', role: 'vendor', simulated: false, report: 'start' },
  ],
  facts: {},
  stage: 'received',
  embargo: 'none',
};

/** The case after these steps, each taken a day after the one before. */
function walk(...steps: readonly Step[]): Case {
  let current: Case = structuredClone(RECEIVED);
  for (const [index, step] of steps.entries()) {
    const outcome = advance(current, step, addDays(NOW, index));
    assert.ok(outcome.ok, `${step}: ${JSON.stringify(outcome)}`);
    current = outcome.value.case;
  }
  return current;
}

const WAY: Record<Stage, readonly Step[]> = {
  received: [],
  confirmed: ['confirm'],
  notified: ['confirm', 'notify'],
  acknowledged: ['confirm', 'notify', 'acknowledge'],
  patched: ['confirm', 'notify', 'acknowledge', 'patch'],
  'fix-released': ['confirm', 'notify', 'acknowledge', 'patch', 'fix-released'],
  disclosed: ['confirm', 'notify', 'acknowledge', 'patch', 'fix-released', 'disclose'],
  rejected: ['reject'],
  withdrawn: ['withdraw'],
};

/** Every cell of the machine; a missing one must be refused. */
const ARRIVES: Record<Stage, Partial<Record<Step, Stage>>> = {
  received: {
    confirm: 'confirmed',
    reject: 'rejected',
    leak: 'received',
    exploited: 'received',
    withdraw: 'withdrawn',
  },
  confirmed: {
    reject: 'rejected',
    notify: 'notified',
    leak: 'confirmed',
    exploited: 'confirmed',
    withdraw: 'withdrawn',
  },
  notified: {
    acknowledge: 'acknowledged',
    patch: 'patched',
    'fix-released': 'fix-released',
    leak: 'notified',
    exploited: 'notified',
    withdraw: 'withdrawn',
  },
  acknowledged: {
    extend: 'acknowledged',
    patch: 'patched',
    'fix-released': 'fix-released',
    leak: 'acknowledged',
    exploited: 'acknowledged',
    withdraw: 'withdrawn',
  },
  patched: {
    extend: 'patched',
    'fix-released': 'fix-released',
    leak: 'patched',
    exploited: 'patched',
    withdraw: 'withdrawn',
  },
  'fix-released': {
    disclose: 'disclosed',
    leak: 'fix-released',
    exploited: 'fix-released',
    withdraw: 'withdrawn',
  },
  disclosed: {},
  rejected: {},
  withdrawn: {},
};

for (const stage of STAGES) {
  for (const step of STEPS) {
    const expected = ARRIVES[stage][step];
    test(`a ${stage} case ${expected ? `is ${expected} after` : 'refuses'} ${step}`, () => {
      const from = walk(...WAY[stage]);
      const outcome = advance(from, step, addDays(NOW, 10));
      assert.equal(outcome.ok ? outcome.value.case.stage : undefined, expected);
      if (outcome.ok) assert.equal(outcome.value.case.version, from.version + 1);
    });
  }
}

const NOTIFIED_AT = addDays(NOW, 1);
const DUE = addDays(NOTIFIED_AT, 90);
const before = (at: Date) => new Date(at.getTime() - 1);
const refusalOf = (from: Case, step: Step, now: Date): CaseRefusal | undefined => {
  const outcome = advance(from, step, now);
  return outcome.ok ? undefined : outcome.refusal;
};

test('the clock of 90 days starts when the report is sent, and silence is counted beside it', () => {
  const outcome = advance(walk('confirm'), 'notify', NOTIFIED_AT);
  assert.ok(outcome.ok);
  assert.deepEqual(outcome.value.clocks, [
    { clock: 'disclosure', change: 'start', dueAt: DUE },
    { clock: 'acknowledgement', change: 'start', dueAt: addDays(NOTIFIED_AT, 30) },
  ]);
  assert.equal(outcome.value.case.embargo, 'active');
});

for (const stage of ['notified', 'acknowledged', 'patched'] as const) {
  test(`a ${stage} case may be disclosed at the instant of its deadline, not a millisecond before`, () => {
    const from = walk(...WAY[stage]);
    assert.deepEqual(refusalOf(from, 'disclose', before(DUE)), { kind: 'under-embargo', until: DUE });
    const outcome = advance(from, 'disclose', DUE);
    assert.ok(outcome.ok && outcome.value.case.stage === 'disclosed');
    assert.deepEqual(outcome.value.case.detailsAt, DUE);
  });
}

test('an extension adds 14 days, once, only before the deadline and only to one who has acknowledged', () => {
  const from = walk(...WAY.acknowledged);
  const extended = advance(from, 'extend', before(DUE));
  assert.ok(extended.ok && extended.value.case.stage === 'acknowledged');
  assert.deepEqual(extended.value.case.dueAt, addDays(DUE, 14));
  assert.deepEqual(refusalOf(extended.value.case, 'extend', before(DUE)), { kind: 'no-extension', why: 'taken' });
  assert.deepEqual(refusalOf(from, 'extend', DUE), { kind: 'no-extension', why: 'deadline-passed' });
  assert.equal(refusalOf(walk(...WAY.notified), 'extend', NOW)?.kind, 'wrong-stage');
});

test('a policy without extension grants none', () => {
  const strict = { ...walk(...WAY.acknowledged), policy: 'linux-distros' } as Case;
  assert.deepEqual(refusalOf(strict, 'extend', NOTIFIED_AT), { kind: 'no-extension', why: 'policy' });
});

test('a leak ends the embargo at once and the case may be disclosed at once', () => {
  const leaked = advance(walk(...WAY.notified), 'leak', addDays(NOW, 5));
  assert.ok(leaked.ok && leaked.value.case.stage === 'notified');
  assert.equal(leaked.value.case.embargo, 'exited');
  assert.deepEqual(leaked.value.case.dueAt, addDays(NOW, 5));
  assert.ok(advance(leaked.value.case, 'disclose', addDays(NOW, 5)).ok);
  assert.deepEqual(refusalOf(leaked.value.case, 'leak', addDays(NOW, 6)), { kind: 'already-known', event: 'P' });
});

test('an attack shortens the deadline to 7 days and never lengthens it', () => {
  const early = advance(walk(...WAY.notified), 'exploited', addDays(NOW, 5));
  assert.ok(early.ok && early.value.case.stage === 'notified');
  assert.deepEqual(early.value.case.dueAt, addDays(NOW, 12));
  const late = advance(walk(...WAY.notified), 'exploited', addDays(DUE, -2));
  assert.ok(late.ok && late.value.case.stage === 'notified');
  assert.deepEqual(late.value.case.dueAt, DUE);
});

test('after a leak or an attack no embargo begins, and no extension is granted', () => {
  for (const step of ['leak', 'exploited'] as const) {
    const told = walk('confirm', step, 'notify');
    assert.equal(told.embargo, 'none');
    const acknowledged = advance(told, 'acknowledge', addDays(NOW, 3));
    assert.ok(acknowledged.ok);
    assert.deepEqual(refusalOf(acknowledged.value.case, 'extend', addDays(NOW, 3)), {
      kind: 'no-extension',
      why: 'embargo-over',
    });
  }
});

test('a secret nobody outside was told may be disclosed only once it is out anyway', () => {
  assert.deepEqual(refusalOf(walk('confirm'), 'disclose', addDays(NOW, 1_000)), { kind: 'nobody-notified' });
  assert.ok(advance(walk('confirm', 'leak'), 'disclose', addDays(NOW, 2)).ok);
});

test('a released fix lets the advisory out at once and the details 45 days later', () => {
  const released = walk(...WAY['fix-released']);
  assert.ok(released.stage === 'fix-released' && released.embargo === 'exited');
  assert.deepEqual(released.detailsAt, addDays(NOW, 4 + 45));
  const disclosed = walk(...WAY.disclosed);
  assert.ok(disclosed.stage === 'disclosed');
  assert.deepEqual(disclosed.detailsAt, released.detailsAt);
});

test('without anybody to tell, a case cannot be notified', () => {
  const alone = { ...walk('confirm'), parties: RECEIVED.parties.slice(0, 1) } as Case;
  assert.deepEqual(refusalOf(alone, 'notify', NOW), { kind: 'no-vendor' });
});

test('a deadline counts hours, not calendar days: the change to summer time moves none', () => {
  const sent = new Date('2030-03-30T23:30:00Z');
  const outcome = advance(walk('confirm'), 'notify', sent);
  assert.ok(outcome.ok && outcome.value.case.stage === 'notified');
  assert.equal((outcome.value.case.dueAt?.getTime() ?? 0) - sent.getTime(), 90 * 86_400_000);
});

const under = (policy: Case['policy'], ...steps: readonly Step[]): Case => {
  let current = { ...structuredClone(RECEIVED), policy } as Case;
  for (const [index, step] of steps.entries()) {
    const outcome = advance(current, step, addDays(NOW, index));
    assert.ok(outcome.ok, `${step}: ${JSON.stringify(outcome)}`);
    current = outcome.value.case;
  }
  return current;
};

test('a policy that counts from the fix has no deadline before it, and an open-ended one has none at all', () => {
  const kernel = under('linux-kernel', 'confirm', 'notify', 'acknowledge');
  assert.ok(kernel.stage === 'acknowledged' && kernel.dueAt === null);
  assert.deepEqual(refusalOf(kernel, 'disclose', addDays(NOW, 300)), { kind: 'under-embargo', until: null });
  assert.deepEqual(refusalOf(kernel, 'extend', addDays(NOW, 3)), { kind: 'no-extension', why: 'no-deadline' });
  const mended = advance(kernel, 'patch', addDays(NOW, 300));
  assert.ok(mended.ok && mended.value.case.stage === 'patched');
  assert.deepEqual(mended.value.clocks[0], { clock: 'disclosure', change: 'start', dueAt: addDays(NOW, 307) });
  const extended = advance(mended.value.case, 'extend', addDays(NOW, 301));
  assert.ok(extended.ok && extended.value.case.stage === 'patched');
  assert.deepEqual(extended.value.case.dueAt, addDays(NOW, 314));

  const open = under('openai-outbound', 'confirm', 'notify', 'acknowledge', 'patch');
  assert.deepEqual(refusalOf(open, 'disclose', addDays(NOW, 3_000)), { kind: 'under-embargo', until: null });
  assert.ok(advance(advanced(open, 'exploited', addDays(NOW, 9)), 'disclose', addDays(NOW, 9)).ok);
});

const advanced = (from: Case, step: Step, now: Date): Case => {
  const outcome = advance(from, step, now);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value.case;
};

test('a vendor who has answered gets 7 days more after an attack, before or after its answer, and no day twice', () => {
  const engaged = advanced(walk(...WAY.acknowledged), 'exploited', addDays(NOW, 5));
  assert.ok(engaged.stage === 'acknowledged');
  assert.deepEqual(engaged.dueAt, addDays(NOW, 19));
  const late = advanced(advanced(walk(...WAY.notified), 'exploited', addDays(NOW, 5)), 'acknowledge', addDays(NOW, 6));
  assert.ok(late.stage === 'acknowledged');
  assert.deepEqual(late.dueAt, addDays(NOW, 19));
  const close = advanced(walk(...WAY.acknowledged), 'exploited', addDays(DUE, -2));
  assert.ok(close.stage === 'acknowledged');
  assert.deepEqual(close.dueAt, DUE);
});

test('one simulated party or a compressed clock makes a case that is not real', () => {
  assert.ok(isRealCase(RECEIVED));
  const [us, them] = RECEIVED.parties;
  assert.ok(us && them);
  assert.ok(!isRealCase({ ...RECEIVED, parties: [us, { ...them, simulated: true }] }));
  assert.ok(!isRealCase({ ...RECEIVED, time: 'compressed' }));
  assert.ok(!isRealCase({ ...RECEIVED, kind: 'demonstration' }));
  assert.deepEqual(brokenInvariants({ ...RECEIVED, time: 'compressed' }), [
    'a simulated party or clock makes a demonstration',
  ]);
});

test('whatever steps are tried at whatever times, no invariant breaks and nothing opens before its time', () => {
  const attempts = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.integer({ min: 0, max: 60 })), { maxLength: 14 });
  fc.assert(
    fc.property(attempts, (list) => {
      let current: Case = structuredClone(RECEIVED);
      let now = NOW;
      for (const [step, days] of list) {
        now = addDays(now, days);
        const outcome = advance(current, step, now);
        if (!outcome.ok) continue;
        const after = outcome.value.case;
        assert.deepEqual(brokenInvariants(after), []);
        if (step === 'disclose') {
          const dueAt = 'dueAt' in current ? current.dueAt : undefined;
          assert.ok(!isInForce(current.embargo) || (dueAt && now >= dueAt), 'opened under embargo');
        }
        // Facts only ever become true.
        const [was, is] = [lettersOf(current.facts), lettersOf(after.facts)];
        assert.ok([...was].every((letter, index) => letter === is[index] || letter.toUpperCase() === is[index]));
        current = after;
      }
    }),
    { numRuns: 2_000 },
  );
});
