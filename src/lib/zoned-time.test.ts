import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBothZones, toZoned } from './zoned-time.ts';

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
