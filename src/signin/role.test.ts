import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Act, checkAct, ROLES, type Role } from './role.ts';
import { IDLE_MINUTES, isAlive, needsResistance, SESSION_HOURS, saysResistant } from './session.ts';

/** Who may do what, written out: every cell. */
const TABLE: Readonly<Record<Act, readonly Role[]>> = {
  'own-keys': ['admin', 'safeguards-lead', 'reviewer', 'coordinator', 'member'],
  'see-organisation': [...ROLES],
  'change-organisation': ['admin', 'member'],
  'see-programme': ['admin', 'safeguards-lead', 'reviewer', 'approver', 'auditor'],
  'change-programme': ['admin'],
  'see-vetting': ['reviewer', 'approver'],
  'review-vetting': ['reviewer'],
  'approve-outside': ['approver'],
  'ask-stop': ['admin', 'safeguards-lead'],
  'confirm-stop': ['safeguards-lead'],
  'see-cases': ['safeguards-lead', 'coordinator'],
  'work-cases': ['safeguards-lead', 'coordinator'],
  'approve-funding': ['safeguards-lead'],
  'see-audit': ['admin', 'safeguards-lead', 'auditor'],
};
const WEAK: readonly Act[] = ['own-keys', 'see-organisation', 'see-programme', 'see-audit'];

for (const [act, allowed] of Object.entries(TABLE) as [Act, readonly Role[]][]) {
  for (const role of ROLES) {
    const may = allowed.includes(role);
    test(`${role} ${may ? 'may' : 'may not'} ${act}`, () => {
      assert.equal(checkAct([role], { isResistant: true }, act)?.kind, may ? undefined : 'not-your-role');
      const weak = may && !WEAK.includes(act) ? 'stronger-sign-in-needed' : undefined;
      assert.equal(checkAct([role], { isResistant: false }, act)?.kind, may ? weak : 'not-your-role');
    });
  }
  test(`nobody without a role may ${act}`, () => {
    assert.equal(checkAct([], { isResistant: true }, act)?.kind, 'not-your-role');
  });
}

const START = new Date('2026-11-21T08:00:00Z');
const after = (ms: number) => new Date(START.getTime() + ms);
const session = {
  person: 'p',
  method: 'passkey',
  isResistant: true,
  createdAt: START,
  seenAt: START,
  endedAt: undefined,
} as const;

test('a session ends on the instant, idle or not', () => {
  const idle = IDLE_MINUTES * 60_000;
  const whole = SESSION_HOURS * 3_600_000;
  assert.equal(isAlive(session, after(idle - 1)), true);
  assert.equal(isAlive(session, after(idle)), false);
  assert.equal(isAlive({ ...session, seenAt: after(whole - 1) }, after(whole - 1)), true);
  assert.equal(isAlive({ ...session, seenAt: after(whole) }, after(whole)), false);
  assert.equal(isAlive({ ...session, endedAt: START }, START), false);
});

test('from the tier trusted inwards, and for a tier nobody knows, a sign-in must resist phishing', () => {
  const needed = ['internal', 'partner', 'trusted', 'limited', 'general', 'other', ''].filter(needsResistance);
  assert.deepEqual(needed, ['internal', 'partner', 'trusted', 'other', '']);
});

test('only proof of possession of a key counts as resisting phishing', () => {
  for (const claims of [{ amr: ['hwk'] }, { amr: ['pwd', 'fido'] }, { acr: 'phr' }, { acr: 'phrh' }]) {
    assert.equal(saysResistant(claims), true);
  }
  for (const claims of [
    {},
    { amr: 'hwk' },
    { amr: ['pwd', 'otp', 'mfa', 'sms'] },
    { acr: 'urn:x:phr' },
    { amr: [['hwk']] },
  ]) {
    assert.equal(saysResistant(claims), false);
  }
});
