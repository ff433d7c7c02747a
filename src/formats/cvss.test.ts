import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scoreCvss, severityOf, toCvss31 } from './cvss.ts';

const BASE = 'AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:H/VA:L/SC:N/SI:H/SA:L';

test('a vector is scored with its severity word', () => {
  const scored = scoreCvss(`CVSS:4.0/${BASE}`);
  assert.ok(scored.ok);
  assert.deepEqual([scored.value.score, scored.value.severity], [9.2, 'critical']);
});

for (const [flaw, vector] of Object.entries({
  'another version': `CVSS:2.0/${BASE}`,
  'a missing base metric': `CVSS:4.0/${BASE.replace('/SA:L', '')}`,
  'an unknown metric': `CVSS:4.0/${BASE}/ZZ:H`,
  'an unknown value': `CVSS:4.0/${BASE.replace('AV:N', 'AV:Q')}`,
  'a metric twice': `CVSS:4.0/${BASE}/E:A/E:A`,
  'a metric out of order': 'CVSS:4.0/AC:L/AV:N/AT:N/PR:N/UI:N/VC:L/VI:H/VA:L/SC:N/SI:H/SA:L',
  'a trailing slash': `CVSS:4.0/${BASE}/`,
  nothing: '',
})) {
  test(`a vector with ${flaw} is refused`, () => assert.equal(scoreCvss(vector).ok, false));
}

test('the words change at 0.1, 4.0, 7.0 and 9.0', () => {
  assert.deepEqual([0, 0.1, 3.9, 4, 6.9, 7, 8.9, 9].map(severityOf), [
    'none',
    'low',
    'low',
    'medium',
    'medium',
    'high',
    'high',
    'critical',
  ]);
});

test('a 4.0 vector becomes a 3.1 vector that says the same: hard, interactive, beyond the vulnerable system', () => {
  assert.equal(
    toCvss31('CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:P/VC:L/VI:N/VA:N/SC:H/SI:N/SA:N'),
    'CVSS:3.1/AV:N/AC:H/PR:L/UI:R/S:C/C:H/I:N/A:N',
  );
});
