import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftUnfixedBy, MAX_REAUDITED, planReaudit } from './incomplete-fix.ts';

const past = (id: string, cwes: readonly string[], fixed: readonly string[], aliases: readonly string[] = []) => ({
  ...{ id, package: 'x', cwes, fixed, aliases },
});

test('each version that an advisory calls fixed is searched, and what the finder does not look for is said', () => {
  const plan = planReaudit([
    past('A-1', ['CWE-22'], ['1.0.1', '2.0.1'], ['CVE-2020-0001']),
    past('A-2', ['CWE-77', 'CWE-22'], ['2.0.1']),
    past('A-3', ['CWE-79'], ['3.0.0']),
    past('A-4', [], ['3.0.0']),
  ]);
  assert.deepEqual(plan.versions.map(({ version }) => version).sort(), ['1.0.1', '2.0.1']);
  assert.deepEqual(plan.notCovered, ['A-3', 'A-4']);
});

test('a finding is a candidate for an incomplete fix where class and version are those of the advisory', () => {
  const plan = planReaudit([
    past('A-1', ['CWE-23'], ['1.0.1'], ['CVE-2020-0001']),
    past('A-2', ['CWE-1321'], ['1.0.1']),
  ]);
  assert.deepEqual(leftUnfixedBy(plan, '1.0.1', 'path-traversal'), ['A-1', 'CVE-2020-0001']);
  assert.deepEqual(leftUnfixedBy(plan, '1.0.1', 'prototype-pollution'), ['A-2']);
  assert.deepEqual(leftUnfixedBy(plan, '1.0.1', 'redos'), []);
  assert.deepEqual(leftUnfixedBy(plan, '1.0.2', 'path-traversal'), []);
});

test('no more versions are searched than the limit', () => {
  const versions = Array.from({ length: 50 }, (_, patch) => `1.0.${patch}`);
  assert.equal(planReaudit([past('A-1', ['CWE-22'], versions)]).versions.length, MAX_REAUDITED);
});
