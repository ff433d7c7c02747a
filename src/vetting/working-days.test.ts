import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addWorkingDays, type Calendar } from './working-days.ts';

const BRUSSELS: Calendar = { timeZone: 'Europe/Brussels', holidays: new Set(['2026-05-01']) };
const due = (from: string, days: number, calendar = BRUSSELS): string =>
  addWorkingDays(new Date(from), days, calendar).toISOString();

// 2026-04-27 is a Monday; Brussels is two hours ahead of UTC then, and one in winter.
const CASES: readonly [string, string, number, string][] = [
  ['Monday to Wednesday, at the same time', '2026-04-20T12:00:00Z', 2, '2026-04-22T12:00:00.000Z'],
  ['Thursday over the weekend to Monday', '2026-04-23T12:00:00Z', 2, '2026-04-27T12:00:00.000Z'],
  ['Friday over the weekend to Tuesday', '2026-04-24T12:00:00Z', 2, '2026-04-28T12:00:00.000Z'],
  ['Saturday counts as the start of Monday', '2026-04-25T12:00:00Z', 2, '2026-04-28T22:00:00.000Z'],
  ['the last instant of Sunday as well', '2026-04-26T21:59:59Z', 2, '2026-04-28T22:00:00.000Z'],
  ['the first instant of Monday is Monday', '2026-04-26T22:00:00Z', 2, '2026-04-28T22:00:00.000Z'],
  ['late on Friday by UTC is Saturday in Brussels', '2026-04-24T22:30:00Z', 2, '2026-04-28T22:00:00.000Z'],
  ['a holiday is left out', '2026-04-29T12:00:00Z', 2, '2026-05-04T12:00:00.000Z'],
  ['on a holiday it counts from the next working day', '2026-05-01T09:00:00Z', 1, '2026-05-04T22:00:00.000Z'],
  ['no days: the same instant', '2026-04-22T12:00:00Z', 0, '2026-04-22T12:00:00.000Z'],
  ['over the change to summer time the wall clock stands', '2026-03-27T12:00:00Z', 1, '2026-03-30T11:00:00.000Z'],
  ['over the change to winter time too', '2026-10-23T12:00:00Z', 1, '2026-10-26T13:00:00.000Z'],
];
for (const [name, from, days, expected] of CASES) test(name, () => assert.equal(due(from, days), expected));

test('a time that the clocks skip becomes the one after the skip', () => {
  // Cairo skips midnight to one on Friday 2026-04-24.
  const cairo = { timeZone: 'Africa/Cairo', holidays: new Set<string>() };
  assert.equal(due('2026-04-22T22:30:00Z', 1, cairo), '2026-04-23T22:30:00.000Z');
});

test('the same instant is due on different days in different zones', () => {
  const from = '2026-04-24T14:30:00Z';
  assert.equal(due(from, 1, { timeZone: 'UTC', holidays: new Set() }), '2026-04-27T14:30:00.000Z');
  assert.equal(due(from, 1, { timeZone: 'Pacific/Auckland', holidays: new Set() }), '2026-04-27T12:00:00.000Z');
});
