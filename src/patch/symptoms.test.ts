import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenBy, newDependenciesOf, symptomsOf } from './symptoms.ts';

const BEFORE = 'function put(o, k, v) {\n  o[k] = v;\n  return o;\n}\nmodule.exports = put;\n';
const kinds = (after: string | undefined, payload = '__proto__.{{canary}}', path = 'index.js') =>
  symptomsOf([{ path, before: BEFORE, after }], payload).map(({ kind }) => kind);

test('comments, layout, lone constants and names that nobody uses are no change', () => {
  for (const after of [
    BEFORE.replace('o[k] = v', '/* guarded */ o[ k ]\n= v'),
    BEFORE.replace('o[k]', 'void 0; o[k]'),
    `${BEFORE}\nfunction isUnsafe(key) { return key === '__proto__'; }\n`,
    `var limit = 3;\n${BEFORE}`,
  ]) {
    assert.deepEqual(kinds(after), ['no-op'], after);
  }
  assert.deepEqual(kinds('anything', '', 'README.md'), ['no-op']);
});

test('a guard is no sign of anything', () => {
  assert.deepEqual(kinds(BEFORE.replace('o[k]', "if (k === '__proto__') return o;\n  o[k]")), []);
  assert.deepEqual(kinds(BEFORE.replace('o[k] = v;', 'if (isUnsafe(k)) throw new Error(k);\n  o[k] = v;')), []);
});

test('a function that was cut short, emptied or removed is named', () => {
  assert.deepEqual(kinds(BEFORE.replace('o[k]', 'return o;\n  o[k]')), ['always-returns']);
  assert.deepEqual(kinds(BEFORE.replace('o[k]', 'throw new Error();\n  o[k]')), ['always-throws']);
  assert.deepEqual(kinds('function put(o, k, v) {}\nmodule.exports = put;\n'), ['empties-function']);
  assert.deepEqual(kinds('module.exports = () => 1;\n'), ['removes-function']);
  assert.deepEqual(kinds(undefined), ['removes-function']);
});

test('hidden errors, the payload itself and the end of the process are named', () => {
  assert.deepEqual(kinds(BEFORE.replace('o[k] = v;', 'try { o[k] = v; } catch (e) {}')), ['swallows-errors']);
  assert.deepEqual(
    kinds(BEFORE.replace('o[k]', "if (k === 'a.b.__proto__.') return o;\n  o[k]"), 'a.b.__proto__.{{canary}}'),
    ['blocks-payload'],
  );
  assert.deepEqual(kinds(BEFORE.replace('o[k]', 'if (k) process.exit(0);\n  o[k]')), ['ends-process']);
});

test('only what could be read before counts as broken', () => {
  assert.deepEqual(brokenBy([{ path: 'a.js', before: 'let a = 1;', after: 'let a = = 1;' }]), ['a.js']);
  assert.deepEqual(brokenBy([{ path: 'a.js', before: 'type a = <;', after: 'type b = <;' }]), []);
  assert.deepEqual(brokenBy([{ path: 'a.md', before: 'x', after: '= =' }]), []);
});

test('dependencies that a patch adds or asks for anew are named', () => {
  const manifest = (dependencies: object) => JSON.stringify({ name: 'a', dependencies });
  const of = (before: object, after: object) =>
    newDependenciesOf([{ path: 'package.json', before: manifest(before), after: manifest(after) }]);
  assert.deepEqual(of({ a: '1', b: '1' }, { b: '2', c: '3' }), ['b 2', 'c 3']);
  assert.deepEqual(of({ a: '1' }, { a: '1' }), []);
  assert.deepEqual(newDependenciesOf([{ path: 'index.js', before: '', after: 'x' }]), []);
});
