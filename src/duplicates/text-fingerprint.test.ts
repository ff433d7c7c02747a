import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minHash, minHashLikeness, shinglesOf, simHash, simHashDistance } from './text-fingerprint.ts';

const WORDS = Array.from(
  { length: 300 },
  (_, at) => `word${String.fromCharCode(97 + (at % 26), 97 + ((at * 7) % 26), 97 + (at % 11))}`,
);
const text = (from: number, to: number): readonly number[] => shinglesOf(WORDS.slice(from, to).join(' '));

test('MinHash estimates the share of common runs', () => {
  for (const [left, right] of [
    [text(0, 200), text(100, 300)],
    [text(0, 200), text(20, 200)],
    [text(0, 100), text(150, 250)],
  ] as const) {
    const common = left.filter((each) => right.includes(each)).length;
    const share = common / new Set([...left, ...right]).size;
    assert.ok(Math.abs(minHashLikeness(minHash(left), minHash(right)) - share) < 0.2);
  }
});

test('numbers and addresses do not make texts differ, other words do', () => {
  const hash = (words: string): bigint => simHash(shinglesOf(words));
  const one = 'heap overflow in parse_header at 0x602000001234 reading 8 bytes of a region of 40';
  assert.equal(simHashDistance(hash(one), hash(one.replace('1234', '9abc').replace('40', '48'))), 0);
  assert.ok(
    simHashDistance(hash(one), hash('the session cookie is sent without the secure attribute to any host')) > 12,
  );
});
