import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBase64Url } from '../lib/bytes.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import { commitmentRoot, openField, sealFinding } from './commitment.ts';
import { type CommitmentId, rootText, type Statement } from './entry.ts';
import type { Said } from './issuing-service.ts';
import { createRegister, openedLate, overdueOpenings } from './overdue.ts';
import { FINDING_FIELDS } from './template.ts';

const VALUES = {
  caseId: 'case_1',
  class: 'redos',
  reportDate: '2030-01-01',
  reporter: 'Example Laboratory',
  reproducerSha256: 'ab'.repeat(32),
  severity: 'low',
  target: 'pkg:npm/example',
  version: '1.2.3',
};
const seeded = createSeededRandom(3);
const sealed = sealFinding(VALUES, (size) => Uint8Array.from({ length: size }, () => seeded.below(256)));
assert.ok(sealed.ok);
const secret = sealed.value;
const root = rootText(commitmentRoot(secret));
const masterSalt = toBase64Url(secret.masterSalt);

const nameOf = (digit: number): CommitmentId => `commitment_${String(digit).repeat(32)}`;
const seal = (digit: number, openedBy: string): Said => ({
  type: 'commitment',
  commitment: nameOf(digit),
  schema: secret.schema,
  root,
  openedBy,
});
const opening = (digit: number): Said => ({ type: 'opening', commitment: nameOf(digit), values: VALUES, masterSalt });

/** Admits each statement, said at noon of its day, and gives the kinds of the refusals. */
function read(...said: readonly (readonly [day: string, said: Said])[]) {
  const register = createRegister();
  const refusals = said.map(([day, it], index) => {
    const statement = { ...it, id: `entry_${'0'.repeat(32)}`, at: `${day}T12:00:00Z` } as Statement;
    const admitted = register.admit(statement, index);
    return admitted.ok ? 'ok' : admitted.refusal.kind;
  });
  return { refusals, commitments: register.commitments() };
}

const overdueOn = (instant: string, commitments: ReturnType<typeof read>['commitments']) =>
  overdueOpenings(commitments, new Date(instant)).map(({ commitment, daysOverdue }) => [commitment, daysOverdue]);

test('a promise holds until the last instant of its day, UTC, and is broken in the next', () => {
  const { commitments } = read(['2030-01-01', seal(1, '2030-04-01')]);
  assert.deepEqual(overdueOn('2030-04-01T23:59:59.999Z', commitments), []);
  assert.deepEqual(overdueOn('2030-04-02T00:00:00.000Z', commitments), [[nameOf(1), 1]]);
  assert.deepEqual(overdueOn('2030-04-02T23:59:59.999Z', commitments), [[nameOf(1), 1]]);
  assert.deepEqual(overdueOn('2030-04-03T00:00:00.000Z', commitments), [[nameOf(1), 2]]);
});

test('what is opened, withdrawn or extended in time is not overdue; the longest overdue comes first', () => {
  const { refusals, commitments } = read(
    ['2030-01-01', seal(1, '2030-02-01')],
    ['2030-01-01', seal(2, '2030-02-01')],
    ['2030-01-01', seal(3, '2030-02-01')],
    ['2030-01-01', seal(4, '2030-02-01')],
    ['2030-01-01', seal(5, '2030-01-15')],
    ['2030-01-20', opening(1)],
    ['2030-01-20', { ...opening(2), type: 'withdrawal', reason: 'it was none' } as Said],
    ['2030-01-20', { type: 'extension', commitment: nameOf(3), openedBy: '2030-03-01', reason: 'asked' }],
  );
  assert.ok(
    refusals.every((it) => it === 'ok'),
    refusals.join(),
  );
  assert.deepEqual(overdueOn('2030-02-10T00:00:00Z', commitments), [
    [nameOf(5), 26],
    [nameOf(4), 9],
  ]);
  assert.deepEqual(
    commitments.map(({ state }) => state),
    ['opened', 'withdrawn', 'sealed', 'sealed', 'sealed'],
  );
});

test('an extension keeps the day that was promised first in sight', () => {
  const { commitments } = read(
    ['2030-01-01', seal(1, '2030-02-01')],
    ['2030-02-20', { type: 'extension', commitment: nameOf(1), openedBy: '2030-03-01', reason: 'asked' }],
  );
  const [it] = overdueOpenings(commitments, new Date('2030-03-02T00:00:00Z'));
  assert.deepEqual([it?.promised, it?.openedBy, it?.extensions], ['2030-02-01', '2030-03-01', 1]);
});

test('what was shredded can never be opened and counts against the issuer from that moment on', () => {
  const { commitments } = read(
    ['2030-01-01', seal(1, '2030-02-01')],
    ['2030-01-02', { type: 'shredding', commitment: nameOf(1), reason: 'key lost' }],
  );
  assert.deepEqual(overdueOn('2030-01-03T00:00:00Z', commitments), [[nameOf(1), 0]]);
});

test('fields opened one by one open the commitment with the last, and not before', () => {
  const said = FINDING_FIELDS.map((name): readonly [string, Said] => [
    '2030-01-05',
    { type: 'fields', commitment: nameOf(1), fields: [openField(secret, name)] },
  ]);
  const almost = read(['2030-01-01', seal(1, '2030-02-01')], ...said.slice(0, -1));
  assert.equal(almost.commitments[0]?.state, 'sealed');
  assert.equal(almost.commitments[0]?.openFields.length, FINDING_FIELDS.length - 1);
  const all = read(['2030-01-01', seal(1, '2030-02-01')], ...said);
  assert.equal(all.commitments[0]?.state, 'opened');
});

test('after its end nothing more can be said about a commitment, and nothing before its beginning', () => {
  const { refusals } = read(
    ['2030-01-01', opening(1)],
    ['2030-01-01', seal(1, '2030-02-01')],
    ['2030-01-01', seal(1, '2030-02-01')],
    ['2030-01-02', opening(1)],
    ['2030-01-02', opening(1)],
    ['2030-01-02', { type: 'shredding', commitment: nameOf(1), reason: 'x' }],
    ['2030-01-02', { type: 'extension', commitment: nameOf(1), openedBy: '2031-01-01', reason: 'x' }],
  );
  const ended = 'commitment-ended';
  assert.deepEqual(refusals, ['no-such-commitment', 'ok', 'commitment-repeated', 'ok', ended, ended, ended]);
});

test('what was opened after its day is named for ever', () => {
  const { commitments } = read(
    ['2030-01-01', seal(1, '2030-02-01')],
    ['2030-01-01', seal(2, '2030-02-01')],
    ['2030-02-01', opening(1)],
    ['2030-02-02', opening(2)],
  );
  assert.deepEqual(openedLate(commitments), [nameOf(2)]);
});
