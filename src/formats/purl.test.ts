import assert from 'node:assert/strict';
import { test } from 'node:test';
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
    assert.equal(packageName(read.value), name.toLowerCase());
    assert.ok(!toPurl(withoutVersion(read.value)).includes('@'));
  });
}

for (const text of ['', 'npm/name', 'pkg:npm', 'pkg:npm/', 'pkg:npm/%zz@1', `pkg:npm/${'a'.repeat(5_000)}`]) {
  test(`${JSON.stringify(text.slice(0, 20))} is refused with a reason`, () => {
    const read = readPurl(text);
    assert.ok(!read.ok && read.refusal.reason);
  });
}
