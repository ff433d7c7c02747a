import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPackageName, readTargetText, toPurl } from './target-text.ts';

const read = (text: string) => {
  const answer = readTargetText(text);
  return answer.ok ? answer.value : answer.refusal.kind;
};

test('a scope may be written with its @ or encoded', () => {
  const scoped = { kind: 'registry', name: '@a/b', wanted: '1.2.3' };
  assert.deepEqual(read('pkg:npm/@a/b@1.2.3'), scoped);
  assert.deepEqual(read('pkg:npm/%40a/b@1.2.3'), scoped);
  assert.deepEqual(read('pkg:npm/%40a/b'), { ...scoped, wanted: null });
});

test('capitals in old names survive', () => {
  assert.deepEqual(read('pkg:npm/Templ8@0.7.0'), { kind: 'registry', name: 'Templ8', wanted: '0.7.0' });
});

test('a path that ends like an archive is an archive, any other text a directory', () => {
  assert.deepEqual(read('./a/b.tgz'), { kind: 'archive', path: './a/b.tgz' });
  assert.deepEqual(read('/srv/checkout'), { kind: 'directory', path: '/srv/checkout' });
});

test('what names no single npm package is refused', () => {
  for (const text of [
    '',
    'a\0b',
    'pkg:',
    'pkg:npm',
    'pkg:npm/',
    'pkg:pypi/a@1',
    'pkg:npm/a@^1.0.0',
    'pkg:npm/%2e%2e@1',
  ]) {
    assert.equal(read(text), 'bad-target', text);
  }
});

test('a name that could climb out of node_modules is no name', () => {
  for (const name of ['..', '.', '', 'a/b', '../a', '@a/..', '@../a', 'node_modules', '.bin', 'a\\b', '@a/b/c', ' a']) {
    assert.equal(isPackageName(name), false, name);
  }
  assert.ok(['a', '@a/b', 'Proto', 'JSONStream', '_x', 'a.b'].every(isPackageName));
});

test('a package URL written is read back', () => {
  const part = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
  const version = fc.stringMatching(/^[0-9]\.[0-9]\.[0-9](-[a-z]{1,4}\.[0-9])?(\+[a-z0-9]{1,5})?$/);
  fc.assert(
    fc.property(fc.option(part), part, version, (scope, base, wanted) => {
      const name = scope === null ? base : `@${scope}/${base}`;
      assert.deepEqual(read(toPurl(name, wanted)), { kind: 'registry', name, wanted });
    }),
  );
});
