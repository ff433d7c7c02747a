import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type PatchFacts } from './judge.ts';

const GOOD: PatchFacts = {
  firesBefore: true,
  after: 'silent',
  wayEntered: true,
  variants: { tried: 26, effective: 22, stillFiring: [], beyond: [], lost: [] },
  benign: { compared: 40, comparedAtEntry: 7, keptAtEntry: 6, differences: [], unlike: [], missingExports: [] },
  tests: { outcome: 'same', reason: 'the tests are no worse' },
  firesAfterRevert: true,
  symptoms: [],
  brokenFiles: [],
  newDependencies: [],
  touchesLoadedFile: true,
};
const verdict = (changed: Partial<PatchFacts>) => judge({ ...GOOD, ...changed }).verdict;
const DIFFERENCE = { isNarrowing: false, before: 'gives 1', after: 'throws' };
const differences = (atEntry: number, elsewhere: number) => [
  ...Array.from({ length: atEntry }, (_, index) => ({ ...DIFFERENCE, id: `entry ${index}`, isEntry: true })),
  ...Array.from({ length: elsewhere }, (_, index) => ({ ...DIFFERENCE, id: `other ${index}`, isEntry: false })),
];

test('every check must hold, and each one alone refuses', () => {
  assert.equal(verdict({}), 'fixes');
  assert.equal(verdict({ firesBefore: false }), 'inconclusive');
  assert.equal(verdict({ after: 'fired' }), 'does-not-fix');
  assert.equal(verdict({ after: 'no-verdict' }), 'inconclusive');
  assert.equal(verdict({ after: 'not-reached' }), 'symptom-only');
  assert.equal(verdict({ after: 'not-reached', newDependencies: ['a 1.0.0'] }), 'inconclusive');
  assert.equal(verdict({ wayEntered: false }), 'symptom-only');
  assert.equal(verdict({ variants: { ...GOOD.variants, stillFiring: ['x'] } }), 'symptom-only');
  assert.equal(verdict({ variants: { ...GOOD.variants, effective: 19 } }), 'inconclusive');
  assert.equal(verdict({ variants: { ...GOOD.variants, lost: ['a', 'b', 'c'] } }), 'inconclusive');
  assert.equal(verdict({ tests: { outcome: 'worse', reason: 'worse' } }), 'breaks');
  assert.equal(verdict({ firesAfterRevert: false }), 'inconclusive');
  assert.equal(verdict({ brokenFiles: ['a.js'] }), 'breaks');
  assert.equal(verdict({ benign: { ...GOOD.benign, missingExports: ['a'] } }), 'breaks');
  assert.equal(verdict({ benign: { ...GOOD.benign, differences: differences(1, 1) } }), 'breaks');
  assert.equal(verdict({ benign: { ...GOOD.benign, comparedAtEntry: 0 } }), 'inconclusive');
  assert.equal(verdict({ benign: { ...GOOD.benign, keptAtEntry: 0 } }), 'inconclusive');
});

test('a gutted function is symptom-only, a changed one breaks', () => {
  const benign = { ...GOOD.benign, differences: differences(3, 0) };
  const symptoms = [{ kind: 'always-returns', detail: 'put always returns' }] as const;
  assert.equal(verdict({ benign, symptoms }), 'symptom-only');
  assert.equal(verdict({ benign }), 'breaks');
  assert.equal(verdict({ benign: { ...GOOD.benign, differences: differences(7, 0) } }), 'symptom-only');
  assert.equal(verdict({ benign: { ...GOOD.benign, differences: differences(0, 5) }, symptoms }), 'breaks');
});

test('tests that were not run are said not to have been run, and do not refuse', () => {
  const { verdict: answer, reasons } = judge({ ...GOOD, tests: { outcome: 'not-run', reason: 'no test script' } });
  assert.equal(answer, 'fixes');
  assert.match(reasons.join(), /were not run: no test script/);
});

test('input of another type that gets through is told beside the verdict', () => {
  const { verdict: answer, reasons } = judge({ ...GOOD, variants: { ...GOOD.variants, beyond: ['list'] } });
  assert.equal(answer, 'fixes');
  assert.match(reasons.join(), /looked at on its own: list/);
});

test('undocumented input may be refused, as long as the function still does its work for some', () => {
  const narrowed = differences(6, 0).map((one) => ({ ...one, isNarrowing: true }));
  const benign = { ...GOOD.benign, differences: narrowed, keptAtEntry: 1 };
  const { verdict: answer, reasons } = judge({ ...GOOD, benign });
  assert.equal(answer, 'fixes');
  assert.match(reasons.join(), /6 inputs that no document mentions are refused now: entry 0 \(gives 1; now throws\)/);
  assert.notEqual(verdict({ benign: { ...benign, keptAtEntry: 0 } }), 'fixes');
  assert.equal(verdict({ benign: { ...benign, differences: [...narrowed, ...differences(1, 0)] } }), 'breaks');
});
