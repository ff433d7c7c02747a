/** Every stage against every step, then the instants at which something ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  APPEAL_DAYS,
  type Application,
  advance,
  CHECKLIST,
  deletionAt,
  isOpen,
  STAGES,
  type Stage,
  type Step,
  type StepRefusal,
  waitingFor,
} from './application.ts';

/** A Monday. */
const NOW = new Date('2026-04-20T12:00:00Z');
const DAY_MS = 86_400_000;
const later = (days: number): Date => new Date(NOW.getTime() + days * DAY_MS);
const CALENDAR = { timeZone: 'UTC', holidays: new Set<string>() };
const BASE = {
  id: 'application_1',
  version: 3,
  organisation: 'organisation_a',
  tier: 'partner',
  office: undefined,
  since: NOW,
  round: 1,
  reviews: [],
} as const;

const AT: { readonly [S in Stage]: Application } = {
  applied: { ...BASE, stage: 'applied' },
  'in-review': { ...BASE, stage: 'in-review', dueAt: later(2) },
  'with-office': { ...BASE, stage: 'with-office', office: 'national office', dueAt: later(2) },
  terms: { ...BASE, stage: 'terms' },
  approved: { ...BASE, stage: 'approved', termsVersion: 1 },
  refused: { ...BASE, stage: 'refused', reason: 'because', appealUntil: later(APPEAL_DAYS) },
  appealed: { ...BASE, stage: 'appealed', reason: 'because', grounds: 'but', dueAt: later(7) },
  withdrawn: { ...BASE, stage: 'withdrawn' },
  ended: { ...BASE, stage: 'ended' },
};
const STEPS: { readonly [S in Step['step']]: Extract<Step, { step: S }> } = {
  submit: { step: 'submit', files: 1 },
  pass: { step: 'pass', by: 'ann', met: CHECKLIST },
  refuse: { step: 'refuse', by: 'ann', reason: 'because' },
  agree: { step: 'agree', by: 'office clerk' },
  'accept-terms': { step: 'accept-terms', version: 1, current: 1 },
  appeal: { step: 'appeal', grounds: 'but' },
  uphold: { step: 'uphold', by: 'cy' },
  dismiss: { step: 'dismiss', by: 'cy', reason: 'no' },
  withdraw: { step: 'withdraw' },
  end: { step: 'end' },
  override: { step: 'override' },
};
/** Where each step leads from each stage it is allowed in; from every other it is refused. */
const ARROWS: { readonly [S in Step['step']]: Partial<Record<Stage, Stage>> } = {
  submit: { applied: 'in-review' },
  pass: { 'in-review': 'in-review' },
  refuse: { 'in-review': 'refused', 'with-office': 'refused' },
  agree: { 'with-office': 'terms' },
  'accept-terms': { terms: 'approved' },
  appeal: { refused: 'appealed' },
  uphold: { appealed: 'in-review' },
  dismiss: { appealed: 'refused' },
  withdraw: {
    applied: 'withdrawn',
    'in-review': 'withdrawn',
    'with-office': 'withdrawn',
    terms: 'withdrawn',
    appealed: 'withdrawn',
  },
  end: { approved: 'ended' },
  override: {
    applied: 'approved',
    'in-review': 'approved',
    'with-office': 'approved',
    terms: 'approved',
    refused: 'approved',
    appealed: 'approved',
  },
};

function to(from: Application, step: Step, now = NOW): Application {
  const outcome = advance(from, step, now, CALENDAR);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  assert.equal(outcome.value.version, from.version + 1);
  return outcome.value;
}
function no(from: Application, step: Step, now = NOW): StepRefusal {
  const outcome = advance(from, step, now, CALENDAR);
  assert.ok(!outcome.ok, 'it was expected to be refused');
  return outcome.refusal;
}

for (const stage of STAGES) {
  for (const step of Object.values(STEPS)) {
    const expected = ARROWS[step.step][stage];
    test(`${stage} ─ ${step.step} ─▶ ${expected ?? 'refused'}`, () => {
      if (expected) assert.equal(to(AT[stage], step).stage, expected);
      else assert.deepEqual(no(AT[stage], step), { kind: 'wrong-stage', stage, step: step.step });
    });
  }
}

test('without evidence nothing goes to the reviewers', () => {
  assert.deepEqual(no(AT.applied, { step: 'submit', files: 0 }), { kind: 'no-evidence' });
});

test('two different reviewers pass it, on to the terms, or to the office where one has to agree', () => {
  for (const [office, expected] of [
    [undefined, 'terms'],
    ['national office', 'with-office'],
  ] as const) {
    const once = to({ ...AT['in-review'], office } as Application, STEPS.pass);
    assert.deepEqual(no(once, STEPS.pass), { kind: 'another-person-needed', by: 'ann' });
    assert.equal(to(once, { ...STEPS.pass, by: 'ben' }).stage, expected);
  }
});

test('the clock of the review runs on after the first reviewer', () => {
  const once = to(AT['in-review'], STEPS.pass, later(1));
  assert.deepEqual('dueAt' in once && once.dueAt, later(2));
  assert.equal(once.since, NOW);
});

test('a pass says that every item is met', () => {
  for (const item of CHECKLIST) {
    const met = CHECKLIST.filter((each) => each !== item);
    assert.deepEqual(no(AT['in-review'], { ...STEPS.pass, met }), { kind: 'checklist-open', items: [item] });
  }
});

test('who reviewed cannot speak for the office as well', () => {
  const reviewed = to(to({ ...AT['in-review'], office: 'o' } as Application, STEPS.pass), { ...STEPS.pass, by: 'ben' });
  assert.equal(no(reviewed, { step: 'agree', by: 'ben' }).kind, 'another-person-needed');
  assert.equal(no(reviewed, { step: 'refuse', by: 'ben', reason: 'x' }).kind, 'another-person-needed');
  assert.equal(to(reviewed, { step: 'agree', by: 'clerk' }).stage, 'terms');
});

test('a refusal names a reason, and so does its last word', () => {
  assert.equal(no(AT['in-review'], { step: 'refuse', by: 'ann', reason: ' ' }).kind, 'no-reason');
  assert.equal(no(AT.appealed, { step: 'dismiss', by: 'cy', reason: '' }).kind, 'no-reason');
  assert.equal(no(AT.refused, { step: 'appeal', grounds: '' }).kind, 'no-reason');
});

test('an appeal is decided by others than the refusal, and reviewed again by others', () => {
  const refused = to(to(AT['in-review'], STEPS.pass), { step: 'refuse', by: 'ben', reason: 'because' });
  const appealed = to(refused, STEPS.appeal);
  for (const by of ['ann', 'ben']) {
    assert.equal(no(appealed, { step: 'uphold', by }).kind, 'another-person-needed');
    assert.equal(no(appealed, { step: 'dismiss', by, reason: 'no' }).kind, 'another-person-needed');
  }
  const again = to(appealed, { step: 'uphold', by: 'cy' });
  assert.equal(again.round, 2);
  assert.equal(no(again, STEPS.pass).kind, 'another-person-needed');
  const once = to(again, { ...STEPS.pass, by: 'dee' });
  assert.equal(once.stage, 'in-review', 'the pass of the first round does not count');
  assert.equal(to(once, { ...STEPS.pass, by: 'eve' }).stage, 'terms');
});

test('a refusal can be appealed until its instant, and a dismissed one never', () => {
  const until = later(APPEAL_DAYS);
  assert.equal(to(AT.refused, STEPS.appeal, new Date(until.getTime() - 1)).stage, 'appealed');
  assert.deepEqual(no(AT.refused, STEPS.appeal, until), { kind: 'too-late', until });
  const dismissed = to(AT.appealed, STEPS.dismiss);
  assert.deepEqual(no(dismissed, STEPS.appeal), { kind: 'final' });
});

test('only the terms in force are accepted', () => {
  for (const current of [2, undefined]) {
    assert.equal(no(AT.terms, { step: 'accept-terms', version: 1, current }).kind, 'other-terms');
  }
});

test('two working days for the review, five for the appeal', () => {
  const submitted = to(AT.applied, STEPS.submit, new Date('2026-04-23T12:00:00Z'));
  assert.deepEqual('dueAt' in submitted && submitted.dueAt, new Date('2026-04-27T12:00:00Z'));
  const appealed = to(AT.refused, STEPS.appeal);
  assert.deepEqual('dueAt' in appealed && appealed.dueAt, new Date('2026-04-27T12:00:00Z'));
});

test('evidence goes after the decision or the end, never while it is needed', () => {
  for (const stage of STAGES) {
    assert.equal(deletionAt(AT[stage]) === undefined, isOpen(AT[stage]), stage);
  }
  assert.deepEqual(deletionAt(AT.approved), later(90));
  assert.deepEqual(deletionAt(AT.refused), later(APPEAL_DAYS + 30), 'an appeal still needs it');
  assert.deepEqual(deletionAt(AT.withdrawn), later(30));
});

test('every stage says who waits for what since when; access is provisioned with a key and ready with a call', () => {
  const nothing = { keySince: undefined, provenAt: undefined };
  const who = Object.fromEntries(STAGES.map((stage) => [stage, waitingFor(AT[stage], nothing, NOW).who]));
  assert.deepEqual(who, {
    applied: 'applicant',
    'in-review': 'reviewers',
    'with-office': 'office',
    terms: 'applicant',
    approved: 'operator',
    refused: 'applicant',
    appealed: 'reviewers',
    withdrawn: 'nobody',
    ended: 'nobody',
  });
  const provisioned = waitingFor(AT.approved, { keySince: later(1), provenAt: undefined }, later(2));
  assert.deepEqual([provisioned.stage, provisioned.who, provisioned.since], ['provisioned', 'applicant', later(1)]);
  const ready = waitingFor(AT.approved, { keySince: later(1), provenAt: later(2) }, later(3));
  assert.deepEqual([ready.stage, ready.who, ready.since], ['ready', 'nobody', later(2)]);
  assert.equal(waitingFor(AT.refused, nothing, later(APPEAL_DAYS)).who, 'nobody', 'too late to appeal');
});

test('late from its instant on', () => {
  const nothing = { keySince: undefined, provenAt: undefined };
  const lateAt = (now: Date) => waitingFor(AT['in-review'], nothing, now).isLate;
  assert.equal(lateAt(new Date(later(2).getTime() - 1)), false);
  assert.equal(lateAt(later(2)), true);
  assert.equal(waitingFor(AT.approved, nothing, later(99)).isLate, false);
});
