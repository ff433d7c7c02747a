import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTestRuns, readTestRun } from './own-tests.ts';

const run = (exitCode: number, output: string) => readTestRun(exitCode, 'exited', output);

test('the counts of the usual runners are read', () => {
  const counts = [
    '  12 passing (3ms)\n  2 failing',
    '# tests 14\n# pass  12\n# fail  2',
    'Tests: 2 failed, 12 passed, 14 total',
    'ℹ pass 12\nℹ fail 2',
  ].map((output) => {
    const { passed, failed } = run(1, output);
    return [passed, failed];
  });
  assert.deepEqual(counts, Array(4).fill([12, 2]));
});

test('tests that do not run before the patch are not run, whatever they do after it', () => {
  const comparison = compareTestRuns(run(127, 'sh: mocha: not found'), run(0, '3 passing'));
  assert.equal(comparison.outcome, 'not-run');
  assert.match(comparison.reason, /mocha: not found/);
});

test('one more failure, one test fewer, or an end that was good is worse', () => {
  const before = run(0, '12 passing');
  assert.equal(compareTestRuns(before, run(1, '11 passing\n1 failing')).outcome, 'worse');
  assert.equal(compareTestRuns(before, run(0, '11 passing')).outcome, 'worse');
  assert.equal(compareTestRuns(before, run(1, '12 passing')).outcome, 'worse');
  assert.equal(compareTestRuns(run(1, '10 passing\n2 failing'), run(1, '9 passing\n3 failing')).outcome, 'worse');
});

test('the same failures before and after are no worse', () => {
  const before = run(1, '10 passing\n2 failing');
  assert.equal(compareTestRuns(before, run(1, '10 passing\n2 failing')).outcome, 'same');
  assert.equal(compareTestRuns(before, run(0, '12 passing')).outcome, 'same');
});

test('why they do not run is told by the line that names the error, whole', () => {
  const output = `node:internal/modules/cjs/loader:1386
  throw err;
Error: Cannot find module './reporters'
Require stack:
- lib/mocha.js {
  code: 'MODULE_NOT_FOUND'
}

Node.js v24
`;
  const { reason } = compareTestRuns(run(1, output), run(1, output));
  assert.equal(reason, "they do not run on the unpatched version either: Error: Cannot find module './reporters'");
  assert.match(compareTestRuns(run(2, 'a\nlast words \n'), run(2, '')).reason, /either: last words$/);
});
