import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameAsWritten, packageName, readPurl, toPurl, withoutVersion } from './purl.ts';

for (const [text, name] of Object.entries({
  'pkg:npm/lodash.set@4.3.2': 'lodash.set',
  'pkg:npm/JSONStream@1.3.5': 'JSONStream',
  'pkg:npm/%40scope/Name@1.0.0-beta.1+build': '@scope/Name',
  'pkg:npm/@scope/name@1.0.0': '@scope/name',
  'pkg:npm/name': 'name',
})) {
  test(`${text} names ${name}`, () => {
    assert.equal(nameAsWritten(text), name);
    const read = readPurl(text);
    assert.ok(read.ok);
    assert.equal(packageName(read.value), name);
    assert.ok(!toPurl(withoutVersion(read.value)).includes('@'));
  });
}

for (const text of ['', 'npm/name', 'pkg:npm', 'pkg:npm/', 'pkg:npm/%zz@1', `pkg:npm/${'a'.repeat(5_000)}`]) {
  test(`${JSON.stringify(text.slice(0, 20))} is refused with a reason`, () => {
    const read = readPurl(text);
    assert.ok(!read.ok && read.refusal.reason);
  });
}

for (const [text, reason] of [
  ['pkg:vcpkg/boost/asio@1', /no namespace/],
  ['pkg:swift/Alamofire@5.4.3', /namespace is missing/],
  ['pkg:julia/Dates', /uuid/],
  ['pkg:chrome-extension/dogs', /cannot be the name/],
  ['pkg:npm/a?x=1&x=2', /twice/],
] as const) {
  test(`${text} breaks a rule of its type or of all, and is told which`, () => {
    const read = readPurl(text);
    assert.ok(!read.ok);
    assert.match(read.refusal.reason, reason);
  });
}

test('what is written is read again as the same, and the text is canonical', () => {
  const word = fc
    .string({ minLength: 1, maxLength: 12 })
    .filter((text) => !/[/]|^\.+$/.test(text) && text.isWellFormed());
  fc.assert(
    fc.property(
      word,
      fc.option(word, { nil: undefined }),
      fc.option(word, { nil: undefined }),
      (name, namespace, version) => {
        const purl = { type: 'generic', name, ...(namespace && { namespace }), ...(version && { version }) };
        const text = toPurl(purl);
        const read = readPurl(text);
        assert.ok(read.ok, text);
        assert.deepEqual(read.value, purl);
        assert.equal(toPurl(read.value), text);
      },
    ),
  );
});
