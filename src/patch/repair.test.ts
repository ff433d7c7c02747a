import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlawClass } from '../formats/flaw-class.ts';
import { guardEveryKey, proposeRepairs } from './repair.ts';

const repair = (flaw: FlawClass, text: string, line: number) => proposeRepairs({ flaw, text, line });

test('a key that leads to a prototype is skipped in a loop and leaves the function elsewhere', () => {
  const text = 'function f(o, k, v) {\n  o[k] = v;\n}\nfunction g(o, s) {\n  for (var k in s) o[k] = s[k];\n}\n';
  assert.match(
    repair('prototype-pollution', text, 2)[0]?.text ?? '',
    /indexOf\(String\(k\)\) !== -1\) return;\n {2}o\[k\] = v/,
  );
  assert.match(
    repair('prototype-pollution', text, 5)[0]?.text ?? '',
    /\{ if \(.*String\(k\).*continue; o\[k\] = s\[k\]; \}/,
  );
});

test('a command of plain words becomes a program with arguments', () => {
  const text =
    "const { exec } = require('child_process');\nmodules = (u, cb) => {\n  exec('git clone ' + u + ' out', cb);\n};\n";
  const [first] = repair('command-injection', text, 3);
  assert.match(first?.text ?? '', /require\('child_process'\)\.execFile\("git", \["clone", String\(u\), "out"\], cb\)/);
});

test('a command that needs its shell keeps it, and what is put in is checked', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the template of the code under repair.
  const text = 'function f(name) {\n  var cmd = `ps | grep ${name}`;\n  return cp.execSync(cmd);\n}\n';
  const repairs = repair('command-injection', text, 3);
  assert.equal(repairs.length, 1);
  assert.match(repairs[0]?.text ?? '', /typeof name === 'string' && .*\.test\(name\)\) throw/);
});

test('evaluated data is parsed', () => {
  const [first] = repair('code-injection', "function f(text) {\n  return eval('(' + text + ')');\n}\n", 2);
  assert.equal(first?.text, 'function f(text) {\n  return JSON.parse(text);\n}\n');
});

test('a joined path must lie below its root', () => {
  const [first] = repair(
    'path-traversal',
    'function f(root, url) {\n  const p = path.join(root, url);\n  return fs.readFileSync(p);\n}\n',
    3,
  );
  assert.match(first?.text ?? '', /path outside the root/);
});

test('the input of an expression is bounded', () => {
  const [first] = repair('redos', 'function f(text) {\n  return /(a+)+$/.test(text);\n}\n', 2);
  assert.match(first?.text ?? '', /String\(text\)\.length > 1000\) throw new RangeError/);
});

test('a place that offers nothing gives nothing', () => {
  assert.deepEqual(repair('prototype-pollution', 'function f(o) {\n  return o;\n}\n', 2), []);
  assert.deepEqual(repair('redos', 'not javascript (', 1), []);
});

test('where one function walks and another writes, every key of the file is guarded', () => {
  const text =
    'exports.walk = (at, keys) => {\n  for (const key of keys) {\n    at = at[key];\n  }\n  return keys.map((k) => at[k]);\n};\n';
  assert.match(
    guardEveryKey(text),
    /for \(const key of keys\) \{\n {4}if \(.*String\(key\).*\) continue;\n {4}at = at\[key\];/,
  );
  assert.equal(guardEveryKey(text).match(/indexOf/g)?.length, 1);
});
