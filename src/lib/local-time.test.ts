import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDuration, fromLocal, isTimeZone, readDuration, toLocal } from './local-time.ts';

test('a time zone is one that the IANA database names', () => {
  for (const name of ['UTC', 'Europe/Brussels', 'America/New_York']) assert.equal(isTimeZone(name), true, name);
  const others = ['', 'Mars/Olympus', 'Europe', 'x\ny', 'x'.repeat(100), '<script>'];
  for (const name of others) assert.equal(isTimeZone(name), false, name);
});

const later = (from: string, text: string, zone: string): string => {
  const duration = readDuration(text);
  assert.ok(duration, text);
  return addDuration(new Date(from), duration, zone).toISOString();
};

test('hours are elapsed, days and months are of the calendar', () => {
  const table: readonly [string, string, string, string][] = [
    // Clocks go forward on 29 March 2026 and back on 25 October in Berlin.
    ['2026-03-28T10:00:00Z', 'PT24H', 'Europe/Berlin', '2026-03-29T10:00:00.000Z'],
    ['2026-03-28T10:00:00Z', 'P1D', 'Europe/Berlin', '2026-03-29T09:00:00.000Z'],
    ['2026-10-24T10:00:00Z', 'P1D', 'Europe/Berlin', '2026-10-25T11:00:00.000Z'],
    ['2026-10-24T10:00:00Z', 'PT72H', 'Europe/Berlin', '2026-10-27T10:00:00.000Z'],
    ['2026-01-31T10:00:00Z', 'P1M', 'UTC', '2026-02-28T10:00:00.000Z'],
    ['2028-01-31T10:00:00Z', 'P1M', 'UTC', '2028-02-29T10:00:00.000Z'],
    ['2028-02-29T10:00:00Z', 'P1Y', 'UTC', '2029-02-28T10:00:00.000Z'],
    ['2026-11-30T10:00:00Z', 'P3M', 'UTC', '2027-02-28T10:00:00.000Z'],
    ['2026-12-31T23:30:00Z', 'P4W', 'UTC', '2027-01-28T23:30:00.000Z'],
    ['2026-12-15T12:00:00Z', 'P1M', 'UTC', '2027-01-15T12:00:00.000Z'],
    ['2026-03-15T11:00:00Z', 'P1M', 'Europe/Brussels', '2026-04-15T10:00:00.000Z'],
    ['2026-10-10T10:00:00Z', 'P1M', 'Europe/Brussels', '2026-11-10T11:00:00.000Z'],
    ['2026-02-28T01:30:00Z', 'P1M', 'Europe/Brussels', '2026-03-28T01:30:00.000Z'],
    // In Auckland it is the 1st of February already.
    ['2026-01-31T12:00:00Z', 'P1M', 'Pacific/Auckland', '2026-02-28T12:00:00.000Z'],
  ];
  for (const [from, text, zone, expected] of table) assert.equal(later(from, text, zone), expected, `${from} ${text}`);
});

test('a time that is skipped becomes the one after the skip, and of one that comes twice the first is meant', () => {
  assert.equal(fromLocal('2026-03-29', 2.5 * 3_600_000, 'Europe/Berlin').toISOString(), '2026-03-29T01:30:00.000Z');
  assert.equal(fromLocal('2026-10-25', 2.5 * 3_600_000, 'Europe/Berlin').toISOString(), '2026-10-25T00:30:00.000Z');
});

test('there and back again is the same instant, but for the hour that comes twice', () => {
  for (let hour = 0; hour < 24 * 366; hour += 7) {
    const at = new Date(Date.UTC(2026, 0, 1, hour, 17));
    const { day, timeMs } = toLocal(at, 'America/St_Johns');
    const back = fromLocal(day, timeMs, 'America/St_Johns');
    assert.ok(back.getTime() === at.getTime() || at.getTime() - back.getTime() === 3_600_000, at.toISOString());
  }
});

test('what is no duration is none', () => {
  for (const text of ['', 'P', 'PT', '3D', 'P1', 'P-1D', 'P1.5D', 'P1DT', 'PT1D'])
    assert.equal(readDuration(text), undefined, text);
  assert.deepEqual(readDuration('P1Y2M3W4DT5H6M'), { months: 14, days: 25, ms: 18_360_000 });
});
