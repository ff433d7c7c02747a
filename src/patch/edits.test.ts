import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdits, editsBetween } from './edits.ts';

const BEFORE = new Map([
  ['a.js', 'one\ntwo\nthree\nfour\nfive\n'],
  ['gone.js', 'x\n'],
  ['same.js', 's\n'],
]);
const AFTER = new Map([
  ['a.js', 'zero\none\n2\nthree\nfive\nsix'],
  ['new.js', 'n\n'],
  ['same.js', 's\n'],
]);

test('all edits together give the new files, none of them the old ones', () => {
  const edits = editsBetween(BEFORE, AFTER);
  assert.deepEqual(
    edits.map(({ path }) => path),
    ['a.js', 'a.js', 'a.js', 'a.js', 'gone.js', 'new.js'],
  );
  assert.deepEqual(applyEdits(BEFORE, edits), AFTER);
  assert.deepEqual(applyEdits(BEFORE, []), BEFORE);
});

test('each edit can be taken alone', () => {
  const alone = editsBetween(BEFORE, AFTER).map((edit) => applyEdits(BEFORE, [edit]).get('a.js'));
  assert.deepEqual(alone.slice(0, 4), [
    'zero\none\ntwo\nthree\nfour\nfive\n',
    'one\n2\nthree\nfour\nfive\n',
    'one\ntwo\nthree\nfive\n',
    'one\ntwo\nthree\nfour\nfive\nsix',
  ]);
});
