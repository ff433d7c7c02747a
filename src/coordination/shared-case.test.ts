import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Agreement, decidedEnd, judgeProposal } from './embargo-end.ts';
import type { ParticipantId, ProposalId } from './participant.ts';
import {
  type Change,
  type ChangeRefusal,
  decide,
  emptyCase,
  follow,
  MAX_TEXT,
  type SharedCase,
} from './shared-case.ts';

const US: ParticipantId = 'party_us';
const NOW = new Date('2030-01-01T00:00:00Z');
const day = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);
const IN_FORCE: Agreement = { isInForce: true, dueAt: day(90), limit: day(104) };

function shared(...changes: readonly Change[]): SharedCase {
  const it = emptyCase(US, NOW);
  for (const change of changes) {
    const outcome = decide(it, change);
    assert.ok(outcome.ok, JSON.stringify(outcome));
    follow(it, change, NOW);
  }
  return it;
}

const invited = (who: ParticipantId): Change => ({
  kind: 'invited',
  who,
  role: 'vendor',
  name: who,
  address: null,
  zone: 'Europe/Berlin',
});
const taking = (who: ParticipantId): readonly Change[] => [invited(who), { kind: 'bound', who }];
const proposed = (who: ParticipantId, days: number): Change => ({
  kind: 'proposed',
  proposal: `proposal_${who}_${days}`,
  who,
  end: day(days).toISOString(),
});
const agreed = (who: ParticipantId, proposal: ProposalId): Change => ({ kind: 'agreed', proposal, who });
const refusalOf = (it: SharedCase, change: Change): ChangeRefusal['kind'] | undefined => {
  const outcome = decide(it, change);
  return outcome.ok ? undefined : outcome.refusal.kind;
};

test('of several proposals the shortest wins at once, without anybody’s agreement', () => {
  const it = shared(...taking('party_1'), ...taking('party_2'), proposed('party_1', 40), proposed('party_2', 30));
  assert.deepEqual(decidedEnd(it, IN_FORCE, NOW)?.end, day(30));
});

test('a longer end needs everybody who is bound, also who came later; who leaves or was never bound is not asked', () => {
  const it = shared(...taking('party_1'), ...taking('party_2'), invited('party_3'), proposed('party_1', 100));
  const proposal = 'proposal_party_1_100';
  assert.equal(decidedEnd(it, IN_FORCE, NOW), undefined);
  follow(it, agreed(US, proposal), NOW);
  assert.equal(decidedEnd(it, IN_FORCE, NOW), undefined);
  follow(it, agreed('party_2', proposal), NOW);
  assert.deepEqual(decidedEnd(it, IN_FORCE, NOW)?.end, day(100));
  follow(it, { kind: 'bound', who: 'party_3' }, NOW);
  assert.equal(decidedEnd(it, IN_FORCE, NOW), undefined);
  follow(it, { kind: 'left', who: 'party_3' }, NOW);
  assert.deepEqual(decidedEnd(it, IN_FORCE, NOW)?.end, day(100));
});

test('one who declines ends a proposal, and the earlier agreement stands', () => {
  const it = shared(...taking('party_1'), ...taking('party_2'), proposed('party_1', 100));
  follow(it, { kind: 'declined', proposal: 'proposal_party_1_100', who: 'party_2' }, NOW);
  for (const who of [US, 'party_2'] as const) {
    assert.equal(refusalOf(it, agreed(who, 'proposal_party_1_100')), 'no-such-proposal');
  }
  assert.equal(decidedEnd(it, IN_FORCE, NOW), undefined);
});

test('nothing goes beyond the policy’s limit, into the past, or on after the embargo ended', () => {
  assert.ok(judgeProposal(day(104), IN_FORCE, NOW).ok);
  const kind = (end: Date, agreement: Agreement) => {
    const outcome = judgeProposal(end, agreement, NOW);
    return outcome.ok ? undefined : outcome.refusal.kind;
  };
  assert.equal(kind(day(105), IN_FORCE), 'beyond-policy');
  assert.equal(kind(NOW, IN_FORCE), 'in-the-past');
  assert.equal(kind(new Date(Number.NaN), IN_FORCE), 'in-the-past');
  assert.equal(kind(day(90), IN_FORCE), 'same-end');
  assert.equal(kind(day(20), { ...IN_FORCE, isInForce: false }), 'embargo-over');
  const leaked = shared(...taking('party_1'), proposed('party_1', 30));
  assert.equal(decidedEnd(leaked, { ...IN_FORCE, isInForce: false }, NOW), undefined);
});

test('where no date is set, a first one needs everybody, however short', () => {
  const open: Agreement = { isInForce: true, dueAt: null, limit: null };
  const it = shared(...taking('party_1'), proposed('party_1', 10));
  assert.equal(decidedEnd(it, open, NOW), undefined);
  follow(it, agreed(US, 'proposal_party_1_10'), NOW);
  assert.deepEqual(decidedEnd(it, open, NOW)?.end, day(10));
});

test('silence stays silence: nobody is put back to it, and an answer says of its own product only', () => {
  const it = shared(...taking('party_1'), ...taking('party_2'));
  assert.equal(it.participants.get('party_1')?.standing, 'no-answer');
  assert.equal(refusalOf(it, { kind: 'standing', who: 'party_1', standing: 'no-answer' }), 'nothing-to-change');
  follow(it, { kind: 'standing', who: 'party_1', standing: 'not-affected' }, NOW);
  assert.deepEqual(
    [...it.participants.values()].map(({ standing }) => standing),
    ['no-answer', 'not-affected', 'no-answer'],
  );
});

test('what nobody may do is refused with its reason', () => {
  const it = shared(...taking('party_1'), invited('party_2'), {
    kind: 'thread-opened',
    thread: 'thread_1',
    product: 'one',
  });
  const say = (who: ParticipantId, text = 'a'): Change => ({ kind: 'said', thread: 'thread_1', who, text });
  assert.equal(refusalOf(it, say('party_1')), 'not-in-thread');
  assert.equal(refusalOf(it, say(US, 'x'.repeat(MAX_TEXT + 1))), 'too-long');
  assert.equal(refusalOf(it, say('party_9')), 'no-such-party');
  assert.equal(refusalOf(it, { kind: 'said', thread: 'thread_9', who: US, text: '' }), 'no-such-thread');
  assert.equal(refusalOf(it, proposed('party_2', 30)), 'not-bound');
  assert.equal(refusalOf(it, invited('party_1')), 'nothing-to-change');
  assert.equal(refusalOf(it, { kind: 'left', who: US }), 'nothing-to-change');
  assert.equal(refusalOf(it, { kind: 'zone', who: 'party_1', zone: 'Mars/Base' }), 'bad-zone');
  follow(it, { kind: 'left', who: 'party_1' }, NOW);
  assert.equal(refusalOf(it, { kind: 'bound', who: 'party_1' }), 'no-such-party');
});
