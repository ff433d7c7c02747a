import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addMonths, isZone, toBothZones, toZoned } from './zoned-time.ts';

test('an instant is shown with its zone, on both sides of a change to summer time', () => {
  assert.equal(
    toZoned(new Date('2026-03-29T00:59:00Z'), 'Europe/Berlin'),
    '2026-03-29 01:59 Europe/Berlin (UTC+01:00)',
  );
  assert.equal(
    toZoned(new Date('2026-03-29T01:00:00Z'), 'Europe/Berlin'),
    '2026-03-29 03:00 Europe/Berlin (UTC+02:00)',
  );
  assert.equal(
    toZoned(new Date('2026-11-01T06:30:00Z'), 'America/New_York'),
    '2026-11-01 01:30 America/New_York (UTC-05:00)',
  );
  assert.equal(
    toZoned(new Date('2026-06-30T23:45:00Z'), 'Asia/Kathmandu'),
    '2026-07-01 05:30 Asia/Kathmandu (UTC+05:45)',
  );
  assert.equal(toBothZones(new Date('2026-01-01T00:00:00Z'), 'UTC'), '2026-01-01 00:00 UTC');
  assert.match(
    toBothZones(new Date('2026-01-01T00:00:00Z'), 'Asia/Tokyo'),
    /^2026-01-01 00:00 UTC = 2026-01-01 09:00 Asia\/Tokyo/,
  );
});

test('a month later is the same hour on the wall, and the last day where the month is shorter', () => {
  const later = (from: string, zone: string, months = 1) => addMonths(new Date(from), months, zone).toISOString();
  assert.equal(later('2026-01-31T12:00:00Z', 'UTC'), '2026-02-28T12:00:00.000Z');
  assert.equal(later('2028-01-31T12:00:00Z', 'UTC'), '2028-02-29T12:00:00.000Z');
  assert.equal(later('2026-12-15T12:00:00Z', 'UTC'), '2027-01-15T12:00:00.000Z');
  assert.equal(later('2026-03-15T11:00:00Z', 'Europe/Brussels'), '2026-04-15T10:00:00.000Z');
  assert.equal(later('2026-10-10T10:00:00Z', 'Europe/Brussels'), '2026-11-10T11:00:00.000Z');
  // 02:30 does not exist on that day.
  assert.equal(later('2026-02-28T01:30:00Z', 'Europe/Brussels'), '2026-03-28T01:30:00.000Z');
});

test('only names of the database are zones', () => {
  assert.ok(isZone('Europe/Berlin') && isZone('UTC'));
  for (const name of ['', 'Mars/Olympus', 'x'.repeat(100), '<script>']) assert.ok(!isZone(name), name);
});
