import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { PATH_DEPTH, toMemberPath } from './archive-path.ts';

test('the first element is dropped and the rest is tidied', () => {
  assert.deepEqual(toMemberPath('package/lib/./a.js'), { ok: true, value: 'lib/a.js' });
  assert.deepEqual(toMemberPath('./package//a.js'), { ok: true, value: 'a.js' });
  assert.deepEqual(toMemberPath('package/'), { ok: true, value: '' });
});

test('absolute, climbing, deep and broken names are refused', () => {
  const deep = `p/${'d/'.repeat(PATH_DEPTH)}f`;
  for (const name of [
    '/etc/x',
    'package/../../x',
    '..',
    'a/..',
    'C:\\x',
    'c:/x',
    'a\0b',
    deep,
    'p/'.repeat(600),
    `p/${'x'.repeat(256)}`,
  ]) {
    assert.equal(toMemberPath(name).ok, false, name);
  }
});

test('no name, however odd, lands outside the package', () => {
  const segment = fc.oneof(fc.constantFrom('..', '.', '', '~', '%2e%2e', '..\\', 'node_modules', 'C:'), fc.string());
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 12 }), fc.boolean(), (segments, isAbsolute) => {
      const answer = toMemberPath((isAbsolute ? '/' : '') + segments.join('/'));
      if (!answer.ok) return;
      const landed = posix.resolve('/root/package', answer.value);
      assert.ok(landed === '/root/package' || landed.startsWith('/root/package/'), landed);
      assert.equal(posix.normalize(answer.value === '' ? '.' : answer.value), answer.value || '.');
    }),
    { numRuns: 2_000 },
  );
});
