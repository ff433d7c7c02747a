import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf, ownerOf, type RootCause, rootCauseOf, type SinkSource } from './fingerprint.ts';

const SOURCE = `function set(object, path, value) {
  const keys = path.split('.');
  object[keys[0]][keys[1]] = value;
}
exports.other = function (a) { return eval(a); };
`;

const sink = (change: Partial<SinkSource> = {}): RootCause =>
  rootCauseOf({ flaw: 'prototype-pollution', file: 'name/index.js', line: 3, column: 0, source: SOURCE, ...change });

test('the root cause is the statement at the sink and the function around it', () => {
  assert.deepEqual(sink(), {
    package: 'name',
    flaw: 'prototype-pollution',
    file: 'index',
    functionName: 'set',
    statement: 'object [ keys [ 0 ] ] [ keys [ 1 ] ] = value',
  });
});

test('lines, layout, comments, quotes and build directories do not change it', () => {
  const moved = `// a licence\n\n\nfunction set(object, path, value) {\n  const keys = path.split(".");\n  object[ keys[0] ]\n    [keys[1]] = value; // here\n}\n`;
  assert.deepEqual(sink({ file: 'name/dist/cjs/index.min.js', line: 6, source: moved }), sink());
});

test('another statement of the same function is another root cause', () => {
  assert.notDeepEqual(sink({ line: 2 }), sink());
});

test('another class at the same statement is another root cause', () => {
  assert.notDeepEqual(sink({ flaw: 'code-injection' }), sink());
});

test('a function without a name takes that of the member it is put in', () => {
  assert.equal(sink({ line: 5, column: 41 }).functionName, 'other');
});

test('of several statements in one line the column decides', () => {
  const source = 'function a(){x(1)}function b(){y(2)}';
  assert.equal(sink({ source, line: 1, column: 13 }).functionName, 'a');
  assert.equal(sink({ source, line: 1, column: 32 }).functionName, 'b');
});

test('what cannot be parsed is known by the text of its line', () => {
  assert.equal(sink({ source: 'a b c {{{\nlet  x : number = 1', line: 2 }).statement, 'let x : number = 1');
});

test('a sink in a dependency belongs to the dependency', () => {
  assert.deepEqual(ownerOf('name/node_modules/@scope/dep/lib/a.js'), { package: '@scope/dep', path: 'lib/a.js' });
  assert.equal(sink({ file: 'name/node_modules/dep/index.js' }).package, 'dep');
});

test('the fingerprint depends on its key', () => {
  const one = fingerprintOf(sink(), Buffer.alloc(32, 1));
  assert.match(one, /^[0-9a-f]{64}$/);
  assert.equal(one, fingerprintOf(sink(), Buffer.alloc(32, 1)));
  assert.notEqual(one, fingerprintOf(sink(), Buffer.alloc(32, 2)));
});
