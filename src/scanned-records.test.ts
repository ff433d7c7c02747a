import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetOf } from './scanned-records.ts';

for (const [project, version, expected] of [
  ['pkg:npm/left-pad@1.3.0', undefined, 'pkg:npm/left-pad@1.3.0'],
  ['pkg:npm/left-pad@1.3.0', '9.9.9', 'pkg:npm/left-pad@1.3.0'],
  ['pkg:npm/%40scope/name', '2.0.0', 'pkg:npm/%40scope/name@2.0.0'],
  ['pkg:npm/left-pad', undefined, 'pkg:npm/left-pad'],
  ['left-pad', '1.3.0', 'pkg:npm/left-pad@1.3.0'],
  ['@scope/name', '1.0.0', 'pkg:npm/%40scope/name@1.0.0'],
  ['openssl', undefined, undefined],
  ['pkg:pypi/django', '4.2', undefined],
  ['left-pad', '^1.0.0', undefined],
  ['../../etc', '1.0.0', undefined],
  ['/srv/checkout', '1.0.0', undefined],
  [undefined, '1.0.0', undefined],
] as const) {
  test(`a record of ${project} at ${version} ${expected ? `has ${expected} searched` : 'names no package'}`, () => {
    assert.equal(targetOf({ project, version }), expected);
  });
}
