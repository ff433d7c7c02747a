import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSeededRandom } from '../lib/seeded-random.ts';
import {
  type AffectedVersions,
  MAX_MEASUREMENTS,
  type MeasuredVersion,
  nextVersion,
  summarise,
  type VersionOutcome,
} from './affected.ts';

function measureAll(truth: readonly VersionOutcome[], found: number, seed = 1): AffectedVersions {
  const versions = truth.map((_, index) => `1.${index}.0`);
  const at = (version: string) => truth[versions.indexOf(version)] ?? 'not-comparable';
  const foundVersion = versions[found] ?? '';
  const measured = new Map<string, MeasuredVersion>([[foundVersion, { version: foundVersion, outcome: 'fires' }]]);
  const random = createSeededRandom(seed);
  for (let next = nextVersion(versions, measured, random); next; next = nextVersion(versions, measured, random)) {
    assert.equal(measured.has(next), false, 'no version is run twice');
    measured.set(next, { version: next, outcome: at(next) });
  }
  return summarise(versions, measured, foundVersion);
}

const times = (count: number, outcome: VersionOutcome) => Array.from({ length: count }, () => outcome);

test('introduction and fix are found exactly, wherever they lie', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.integer({ min: 1, max: 40 }), fc.nat(40), fc.nat(), (before, during, after, pick) => {
      const truth = [...times(before, 'silent'), ...times(during, 'fires'), ...times(after, 'silent')];
      const result = measureAll(truth, before + (pick % during), pick);
      assert.equal(result.introducedIn, before === 0 ? '0' : `1.${before}.0`);
      assert.equal(result.fixedIn, after === 0 ? null : `1.${before + during}.0`);
      assert.equal(result.monotone, true);
    }),
  );
});

test('a long history is measured in few runs', () => {
  const result = measureAll([...times(200, 'silent'), ...times(300, 'fires'), ...times(500, 'silent')], 350);
  assert.ok(result.measured.length <= 26, `${result.measured.length}`);
  assert.equal(result.assumed, 1000 - result.measured.length);
});

test('where even the first version fires, the range begins at 0', () => {
  assert.deepEqual(measureAll(times(5, 'fires'), 4).events, [{ introduced: '0' }]);
});

test('versions that cannot be compared are named as uncertain and taken for neither', () => {
  const truth = [...times(3, 'fires'), ...times(2, 'not-comparable'), ...times(3, 'silent')] as VersionOutcome[];
  const result = measureAll(truth, 0);
  assert.equal(result.fixedIn, '1.5.0');
  assert.deepEqual(result.uncertain, ['1.3.0', '1.4.0']);
});

test('an end that cannot be compared is replaced by the next version inwards', () => {
  const truth = [
    ...times(2, 'not-comparable'),
    ...times(4, 'fires'),
    ...times(2, 'not-comparable'),
  ] as VersionOutcome[];
  const result = measureAll(truth, 3);
  assert.equal(result.introducedIn, '0');
  assert.equal(result.fixedIn, null);
});

test('a fix that was lost again gives two ranges and is said to be so', () => {
  const truth = [...times(4, 'fires'), ...times(4, 'silent'), ...times(4, 'fires')] as VersionOutcome[];
  const result = measureAll(truth, 1);
  assert.deepEqual(result.events, [{ introduced: '0' }, { fixed: '1.4.0' }, { introduced: '1.8.0' }]);
  assert.equal(result.monotone, false);
  assert.equal(result.fixedIn, '1.4.0');
});

test('whatever the answers are, the runs are bounded and the version of the finding lies in its range', () => {
  const outcome = fc.constantFrom<VersionOutcome>('fires', 'silent', 'not-comparable');
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: 120 }), fc.nat(), (answers, pick) => {
      const found = pick % answers.length;
      const truth = answers.with(found, 'fires');
      const result = measureAll(truth, found, pick);
      assert.ok(result.measured.length <= MAX_MEASUREMENTS);
      const numberOf = (version: string) => (version === '0' ? 0 : Number(version.split('.')[1]));
      assert.ok(numberOf(result.introducedIn) <= found);
      if (result.fixedIn !== null) assert.ok(numberOf(result.fixedIn) > found);
    }),
  );
});
