import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Hex } from '../lib/hash.ts';
import { readWitness } from './witness.ts';

const KEY = 'a-key';
const json =
  '{"kind":"pollute","bent":false,"frames":["f\\u001ffile:///work/node_modules/x/i%20j.mjs\\u001f3\\u001f4\\u001f"],"by":"assignment"}';

function line(who: string, number: number, key: string, text = json): string {
  const head = `${who} ${number}`;
  return `headstart-observed ${head} ${sha256Hex(key + sha256Hex(`${key}${head} ${text}`))} ${text}`;
}

const count = (text: string, childLog = '') => readWitness(text, childLog, KEY).length;

test('a line under the right key is read, with its frames and texts', () => {
  assert.deepEqual(readWitness(`noise\n${line('main', 1, KEY)}\nmore`, '', KEY), [
    {
      kind: 'pollute',
      bent: false,
      frames: [{ fn: 'f', file: '/work/node_modules/x/i j.mjs', line: 3, column: 4, origin: '' }],
      detail: { by: 'assignment' },
    },
  ]);
});

test('a line under another key, or with one letter changed, is not', () => {
  assert.equal(count(line('main', 1, 'another')), 0);
  assert.equal(count(line('main', 1, KEY).replace('pollute', 'polluta')), 0);
  assert.equal(count(line('main', 1, KEY).replace('main 1', 'main 2')), 0);
});

test('a line said twice counts once', () => {
  assert.equal(count(`${line('main', 1, KEY)}\n${line('main', 1, KEY)}`), 1);
});

test('a child speaks under its own key and in its own place only', () => {
  const childKey = sha256Hex(`${KEY}child`);
  assert.equal(count('', line('child-7', 1, childKey)), 1);
  assert.equal(count(line('child-7', 1, childKey)), 0);
  assert.equal(count(line('main', 1, childKey)), 0);
});
