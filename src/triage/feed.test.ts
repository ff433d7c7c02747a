import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readFeed } from './feed.ts';

const entry = (cveID: string, more: Record<string, unknown> = {}) => ({ cveID, dateAdded: '2025-01-02', ...more });
const catalogue = (vulnerabilities: readonly unknown[], more: Record<string, unknown> = {}): string =>
  JSON.stringify({ catalogVersion: '2025.01.02', dateReleased: '2025-01-02T10:00:00Z', vulnerabilities, ...more });
const scores = (...lines: string[]): string =>
  ['#model_version:v2025.03.14,score_date:2025-08-25T00:00:00Z', 'cve,epss,percentile', ...lines, ''].join('\n');

test('a catalogue and a list of scores are read whole', () => {
  const kev = readFeed(
    'kev',
    catalogue([entry('CVE-2025-0001', { dueDate: '2025-01-23', knownRansomwareCampaignUse: 'Known' })]),
  );
  assert.ok(kev.ok);
  assert.deepEqual(kev.value.entries, [
    { cve: 'CVE-2025-0001', added: '2025-01-02', due: '2025-01-23', ransomware: true },
  ]);
  const epss = readFeed('epss', scores('CVE-2025-0001,0.97,0.9999', 'CVE-2025-0002,0.00043,0.1'));
  assert.ok(epss.ok);
  assert.deepEqual(epss.value.entries[1], { cve: 'CVE-2025-0002', score: 0.00043, percentile: 0.1 });
  assert.equal(epss.value.releasedAt.toISOString(), '2025-08-25T00:00:00.000Z');
});

for (const [kind, text, reason] of [
  ['kev', '{', /not JSON/],
  ['kev', 'null', /not a catalogue/],
  ['kev', catalogue([]), /no entry/],
  ['kev', catalogue([entry('CVE-2025-0001')], { count: 2 }), /says 2 entries and holds 1/],
  ['kev', catalogue([entry('CVE-2025-0001'), entry('CVE-2025-0001')]), /twice/],
  ['kev', catalogue([entry("CVE-2025-0001'; drop table")]), /no CVE id/],
  ['kev', catalogue([null]), /no CVE id/],
  ['kev', catalogue([{ cveID: 'CVE-2025-0001' }]), /no day of addition/],
  ['epss', 'cve,epss,percentile\nCVE-2025-0001,1,1', /score_date/],
  ['epss', scores('CVE-2025-0001,1.5,0.2'), /line 3 is no score/],
  ['epss', scores('CVE-2025-0001,,0.2'), /line 3 is no score/],
  ['epss', scores('CVE-2025-0001,0.1'), /line 3 is no score/],
] as const) {
  test(`${text.slice(0, 60)}… is refused whole: ${reason.source}`, () => {
    const read = readFeed(kind, text);
    assert.ok(!read.ok);
    assert.match(read.refusal.reason, reason);
  });
}

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.constantFrom('kev', 'epss'), fc.oneof(fc.string(), fc.json()), (kind, text) => {
      assert.equal(typeof readFeed(kind, text).ok, 'boolean');
    }),
  );
});
