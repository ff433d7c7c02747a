import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptOutList, readProject } from './opt-out.ts';

test('lists are read as lines with comments and as JSON, each project once', () => {
  const lines = readOptOutList('# ours\npkg:npm/left\n\nright # since May\n@scope/name\r\npkg:npm/left@1.0.0\n');
  assert.deepEqual(lines, { ok: true, value: ['pkg:npm/left', 'pkg:npm/right', 'pkg:npm/%40scope/name'] });
  const json = readOptOutList('["left", {"project": "pkg:github/owner/repo", "reason": "too many"}]');
  assert.deepEqual(json, { ok: true, value: ['pkg:npm/left', 'pkg:github/owner/repo'] });
});

test('a list with one line that names no project is refused whole', () => {
  for (const text of ['left\nhttps://example.org/x\n', '[1]', '{"a":1}', '[', 'owner/repo', '<html>']) {
    assert.equal(readOptOutList(text).ok, false, text);
  }
});

test('a project goes by its package URL without version', () => {
  assert.equal(readProject(' @scope/name '), 'pkg:npm/%40scope/name');
  assert.equal(readProject('pkg:npm/%40scope/name@1.2.3'), 'pkg:npm/%40scope/name');
  for (const text of ['', ' ', 'a b', 'owner/repo', 'x'.repeat(600), 'https://example.org']) {
    assert.equal(readProject(text), undefined, text);
  }
});
