import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { determine } from './determination.ts';
import { readDossierValue } from './dossier.ts';
import fsf from './frameworks/google-fsf-3.1.json' with { type: 'json' };
import { readFrameworkValue } from './read-framework.ts';

const DIGEST = (letter: string) => `sha256:${letter.repeat(64)}`;

/** The framework with four tests for the tracked level of misalignment, all of which are needed. */
function framework() {
  const draft = structuredClone(fsf) as unknown as { categories: { id: string; levels: Record<string, unknown>[] }[] };
  const level = draft.categories.find(({ id }) => id === 'misalignment')?.levels[0];
  Object.assign(level ?? {}, { tests: { names: ['stealth-1', 'stealth-2', 'stealth-3', 'stealth-4'], passes: 4 } });
  const read = readFrameworkValue(draft as unknown as Json);
  assert.ok(read.ok);
  return read.value;
}

function known(claims: { readonly [name: string]: Json }, category: string, level: string): string {
  const base = { model: 'm1', modelDigest: DIGEST('a'), asOf: '2026-11-20T00:00:00Z', stage: 'partners' };
  const dossier = readDossierValue({ ...base, ...claims });
  assert.ok(dossier.ok, JSON.stringify(dossier));
  return determine(framework(), dossier.value).find(category, level).value;
}

const claim = (level: string, value: string, evidence = [DIGEST('e')]) => ({
  framework: 'google-fsf',
  category: 'cyber',
  level,
  value,
  evidence,
});
const tests = (...values: string[]) =>
  values.map((value, at) => ({ name: `stealth-${at + 1}`, value, digest: DIGEST(String(at)) }));

test('what nobody has assessed is not assessed', () => assert.equal(known({}, 'cyber', 'CCL'), 'not-assessed'));

test('a level below a crossed one is crossed, one above an uncrossed one is not, and nothing else follows', () => {
  const table: readonly [string, string, string, string][] = [
    ['TCL', 'not-crossed', 'CCL', 'not-crossed'],
    ['TCL', 'crossed', 'CCL', 'not-assessed'],
    ['TCL', 'cannot-rule-out', 'CCL', 'not-assessed'],
    ['CCL', 'crossed', 'TCL', 'crossed'],
    ['CCL', 'cannot-rule-out', 'TCL', 'cannot-rule-out'],
    ['CCL', 'not-crossed', 'TCL', 'not-assessed'],
    ['TCL', 'not-assessed', 'CCL', 'not-assessed'],
    ['CCL', 'not-assessed', 'TCL', 'not-assessed'],
  ];
  for (const [level, value, other, expected] of table) {
    assert.equal(known({ determinations: [claim(level, value)] }, 'cyber', other), expected, `${level} ${value}`);
  }
});

test('a higher level crossed above a lower one that is not is a contradiction, and neither counts', () => {
  const determinations = [claim('TCL', 'not-crossed'), claim('CCL', 'crossed')];
  for (const level of ['TCL', 'CCL']) assert.equal(known({ determinations }, 'cyber', level), 'not-assessed');
});

test('what is said to be not crossed on no evidence is not assessed; what gates counts without', () => {
  assert.equal(known({ determinations: [claim('TCL', 'not-crossed', [])] }, 'cyber', 'TCL'), 'not-assessed');
  assert.equal(known({ determinations: [claim('TCL', 'crossed', [])] }, 'cyber', 'TCL'), 'crossed');
});

test('not crossed on a result that is invalid or inconclusive is cannot rule out', () => {
  for (const value of ['invalid', 'inconclusive']) {
    const results = [{ name: 'range', value, digest: DIGEST('e') }];
    assert.equal(known({ determinations: [claim('TCL', 'not-crossed')], results }, 'cyber', 'TCL'), 'cannot-rule-out');
  }
});

test('of four tests of which four are needed, a void one can be counted neither way', () => {
  const level = (...values: string[]) => known({ results: tests(...values) }, 'misalignment', 'TCL');
  assert.equal(level('pass', 'pass', 'pass', 'pass'), 'crossed');
  assert.equal(level('pass', 'pass', 'pass', 'fail'), 'not-crossed');
  assert.equal(level('pass', 'pass', 'pass', 'invalid'), 'cannot-rule-out');
  assert.equal(level('pass', 'pass', 'pass', 'inconclusive'), 'cannot-rule-out');
  assert.equal(level('pass', 'pass', 'fail', 'invalid'), 'not-crossed');
  assert.equal(level('pass', 'pass', 'pass'), 'not-assessed');
  assert.equal(level(), 'not-assessed');
});

test('of a claim and the tests that its framework names, the stricter counts', () => {
  const value = (claimed: string, ...values: string[]) => {
    const determinations = [{ ...claim('TCL', claimed, [DIGEST('e')]), category: 'misalignment' }];
    return known({ determinations, results: tests(...values) }, 'misalignment', 'TCL');
  };
  assert.equal(value('not-crossed', 'pass', 'pass', 'pass', 'invalid'), 'cannot-rule-out');
  assert.equal(value('not-crossed', 'pass', 'pass', 'pass', 'pass'), 'crossed');
  assert.equal(value('crossed', 'fail', 'fail', 'fail', 'fail'), 'crossed');
  assert.equal(value('not-crossed', 'fail', 'fail', 'fail', 'fail'), 'not-crossed');
});
