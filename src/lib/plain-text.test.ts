import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toPlainLine } from './plain-text.ts';

test('no control character, line end or direction mark of a stranger passes', () => {
  assert.equal(
    toPlainLine('\u001b]0;owned\u0007red\r\n✔ confirmed\u2028a\u202eb\u0000c\u009b2J', 100),
    ' ]0;owned red ✔ confirmed a b c 2J',
  );
});

test('a line longer than its limit is cut and says so', () => {
  assert.equal(toPlainLine('abcdef', 6), 'abcdef');
  assert.equal(toPlainLine('abcdefg', 6), 'abcde…');
});

test('half a character, which no database takes, is replaced', () => {
  assert.equal(toPlainLine('a\ud83d', 10), 'a\ufffd');
  assert.equal(toPlainLine('ab😀cd', 4), 'ab\ufffd…');
});
