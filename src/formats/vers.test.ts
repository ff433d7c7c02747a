import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contains, findOrder, readCanonicalVers, readVers, toVers } from './vers.ts';
import { fromNative } from './vers-native.ts';

const SCHEMES = 'alpm apk conan deb gem gentoo maven npm nuget openssl pypi rpm'.split(' ');

const inside = (range: string, version: string): boolean => {
  const read = readVers(range);
  assert.ok(read.ok, range);
  return contains(read.value, version);
};

for (const [scheme, older, newer] of [
  ['deb', '1.0~rc1-1', '1.0-1'],
  ['deb', '1.0-1', '1:0.5-1'],
  ['deb', '2.0a', '2.0+b'],
  ['rpm', '1.0~rc1-1', '1.0-1'],
  ['rpm', '1.0-1', '1.0^git1-1'],
  ['rpm', '1.0.a', '1.0.1'],
  ['pypi', '1.0.dev1', '1.0a1'],
  ['pypi', '1.0rc1', '1.0'],
  ['pypi', '1.0', '1.0.post1'],
  ['pypi', '2.0', '1!0.1'],
  ['pypi', '1.0', '1.0+local'],
  ['pypi', '1.0+a', '1.0+1'],
  ['gem', '1.0.a', '1.0'],
  ['gem', '1.9', '1.10'],
  ['npm', '1.0.0-alpha.2', '1.0.0-alpha.10'],
] as const) {
  test(`${scheme}: ${older} is older than ${newer}`, () => {
    const order = findOrder(scheme);
    assert.ok(order && order(older, newer) < 0 && order(newer, older) > 0);
  });
}

test('a version is inside between its bounds, at closed bounds and at named versions, and nowhere else', () => {
  const range = 'vers:npm/<0.5.0|>=1.0.0|<1.4.0|!=1.2.0|2.0.0|>3.0.0';
  const yes = ['0.4.9', '1.0.0', '1.3.9', '2.0.0', '3.0.1', '99.0.0'];
  const no = ['0.5.0', '0.9.0', '1.2.0', '1.4.0', '2.0.1', '3.0.0'];
  assert.deepEqual(
    yes.filter((version) => !inside(range, version)),
    [],
  );
  assert.deepEqual(
    no.filter((version) => inside(range, version)),
    [],
  );
});

test('a scheme without an order is refused, not guessed', () => {
  for (const text of ['vers:nosuch/1.0', 'vers:/1.0', 'npm/1.0', 'vers:npm/', 'vers:npm/*|1.0', 'vers:npm/%zz']) {
    assert.ok(!readVers(text).ok, text);
  }
  assert.ok(!fromNative('nosuch', '1.0').ok);
});

test('what no constraint can say is refused', () => {
  assert.ok(!fromNative('pypi', '!=1.2.*').ok);
  assert.ok(!fromNative('nginx', 'all').ok);
  assert.ok(!fromNative('npm', '>=1.0.0 && <2').ok);
});

const version = fc
  .array(fc.constantFrom('0', '1', '2', '10', '01', 'a', 'b', 'rc', 'alpha', '.', '.', '-', '_p', '~', '+'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => `1${parts.join('')}`);

for (const scheme of SCHEMES) {
  test(`${scheme}: the order is the same from both sides, and a version equals itself`, () => {
    const order = findOrder(scheme);
    assert.ok(order);
    fc.assert(
      fc.property(version, version, (one, other) => {
        assert.equal(order(one, one), 0);
        assert.equal(Math.sign(order(one, other)) + Math.sign(order(other, one)), 0);
      }),
    );
  });
}

test('what is written is read again as the same, whatever the versions hold', () => {
  const constraint = fc.record({
    comparator: fc.constantFrom('<', '<=', '=', '!=', '>=', '>'),
    version: fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text.isWellFormed()),
  });
  fc.assert(
    fc.property(fc.array(constraint, { minLength: 1, maxLength: 4 }), (constraints) => {
      const text = toVers({ scheme: 'lexicographic', constraints });
      const read = readVers(text);
      assert.ok(read.ok, text);
      const canonical = toVers(read.value);
      assert.ok(readCanonicalVers(canonical).ok, canonical);
      assert.deepEqual(
        new Set(read.value.constraints.map((each) => JSON.stringify(each))),
        new Set(constraints.map((each) => JSON.stringify(each))),
      );
    }),
  );
});
