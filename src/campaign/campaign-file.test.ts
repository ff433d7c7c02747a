import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKnownAdvisory, readCampaignFile } from './campaign-file.ts';

const KNOWN = { ids: ['GHSA-aaaa-bbbb-cccc'], class: 'redos', fixedVersion: '1.0.1' };
const FILE = {
  name: 'n',
  seed: 1,
  targets: [{ target: 'pkg:npm/a@1.0.0', known: [KNOWN] }, { target: 'pkg:npm/b@1.0.0' }],
};

test('only a finding of the class and target an advisory names counts as known', () => {
  const file = readCampaignFile(FILE);
  assert.ok(file.ok);
  assert.equal(findKnownAdvisory(file.value, 'pkg:npm/a@1.0.0', 'redos')?.ids[0], 'GHSA-aaaa-bbbb-cccc');
  assert.equal(findKnownAdvisory(file.value, 'pkg:npm/a@1.0.0', 'code-injection'), undefined);
  assert.equal(findKnownAdvisory(file.value, 'pkg:npm/a@1.0.1', 'redos'), undefined);
  assert.equal(findKnownAdvisory(file.value, 'pkg:npm/b@1.0.0', 'redos'), undefined);
});

test('the time limit of a campaign file is kept', () => {
  const file = readCampaignFile({ ...FILE, minutes: 5 });
  assert.ok(file.ok);
  assert.equal(file.value.minutes, 5);
});

for (const [what, value] of [
  ['no name', { ...FILE, name: 1 }],
  ['a seed that is no number', { ...FILE, seed: '1' }],
  ['no targets', { ...FILE, targets: [] }],
  ['a target without a name', { ...FILE, targets: [{}] }],
  ['an advisory without ids', { ...FILE, targets: [{ target: 'x', known: [{ ...KNOWN, ids: [] }] }] }],
  ['an invented kind of id', { ...FILE, targets: [{ target: 'x', known: [{ ...KNOWN, ids: ['FOO-1'] }] }] }],
  ['a time limit that is no number', { ...FILE, minutes: '5' }],
  ['an unknown class', { ...FILE, targets: [{ target: 'x', known: [{ ...KNOWN, class: 'toString' }] }] }],
] as const) {
  test(`a campaign file with ${what} is refused`, () => {
    assert.equal(readCampaignFile(value).ok, false);
  });
}
