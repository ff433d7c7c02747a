import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyToFiles, carryOver, readPatch, reverse, writePatch } from './unified-diff.ts';

const files = (...pairs: [string, string][]) => new Map(pairs);
const line = fc.constantFrom('a', 'b', '  c', '', '+d', '-e', '@@ x');
const text = fc.array(line, { maxLength: 30 }).map((lines) => lines.map((one) => `${one}\n`).join(''));

function apply(before: Map<string, string>, patch: string) {
  const read = readPatch(patch);
  if (!read.ok) return read.refusal;
  const after = applyToFiles(before, read.value);
  return after.ok ? Object.fromEntries(after.value) : after.refusal;
}

test('what is written applies, and its reverse brings back every byte', () => {
  fc.assert(
    fc.property(text, text, text, (before, after, other) => {
      fc.pre(before !== after);
      const from = files(['lib/x.js', before], ['gone.js', `${other}.`]);
      const to = files(['lib/x.js', after], ['new.js', `${other}!`]);
      const read = readPatch(writePatch(from, to));
      assert.ok(read.ok);
      const applied = applyToFiles(from, read.value);
      assert.deepEqual(applied.ok && applied.value, to);
      const back = applyToFiles(to, reverse(read.value));
      assert.deepEqual(back.ok && back.value, from);
    }),
  );
});

test('prefixes of git and npm are dropped', () => {
  for (const prefix of [
    ['a/', 'b/'],
    ['', ''],
    ['a/package/', 'b/package/'],
    ['package/', 'package/'],
  ]) {
    const patch = `--- ${prefix[0]}x.js\n+++ ${prefix[1]}x.js\n@@ -1 +1 @@\n-one\n+two\n`;
    assert.deepEqual(apply(files(['x.js', 'one\n']), patch), { 'x.js': 'two\n' });
  }
});

test('a patch whose context does not agree does not apply, however near', () => {
  const patch = '--- a/x.js\n+++ b/x.js\n@@ -1,3 +1,3 @@\n first\n-one\n+two\n last\n';
  assert.match(String(apply(files(['x.js', 'first\none\nLAST\n']), patch)), /does not fit/);
  assert.match(String(apply(files(['y.js', 'first\none\nlast\n']), patch)), /not in the package/);
});

test('a path outside the package, a link, a rename and a binary change are refused', () => {
  const change = (path: string) => `--- ${path}\n+++ ${path}\n@@ -1 +1 @@\n-one\n+two\n`;
  for (const patch of [
    change('a/../../etc/passwd'),
    change('/etc/passwd'),
    `new file mode 120000\n${change('a/x')}`,
    'rename from x\nrename to y\n',
    'GIT binary patch\n',
    '',
    'hello',
    change('a/x') + change('a/x'),
  ]) {
    assert.equal(readPatch(patch).ok, false, patch);
  }
});

test('what a later release changed is carried over where its surroundings are the same, and left out elsewhere', () => {
  const near = 'one\ntwo\nthree\nwrite();\nfour\nfive\nsix\n';
  const far = 'seven\neight\nnine\nread();\nten\n';
  const last = `${near}${far}`;
  const fixed = last.replace('write();', 'check();\nwrite();').replace('read();', 'look();');
  const old = files(['a.js', `// first\n${near}${far.replace('ten', 'other')}`], ['b.js', 'b\n']);
  const carried = carryOver(old, files(['a.js', last], ['c.js', 'c\n']), files(['a.js', fixed], ['d.js', 'd\n']));
  assert.equal(carried.get('a.js'), old.get('a.js')?.replace('write();', 'check();\nwrite();'));
  assert.deepEqual([...carried.keys()].sort(), ['a.js', 'b.js', 'd.js']);
});
