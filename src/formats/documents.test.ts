import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toMarkdown } from './advisory-markdown.ts';
import {
  type AdvisoryRecord,
  type AffectedEvent,
  DEMONSTRATION_NOTICE,
  rangesOf,
  rangeWords,
} from './advisory-record.ts';
import { csafFileName, toCsaf, toProviderMetadata } from './csaf.ts';
import { toCve } from './cve.ts';
import { affectedEventsOf, toOsv } from './osv.ts';
import { checkSchema } from './schema-check.ts';
import { validate, validateText } from './validate.ts';

const NOW = new Date('2030-01-01T00:00:00.000Z');

const RECORD: AdvisoryRecord = {
  id: 'HEADSTART-2030-0123456789abcdef',
  status: 'final',
  demonstration: false,
  revision: 1,
  package: { purl: 'pkg:npm/%40scope/example', ecosystem: 'npm', name: '@scope/example' },
  title: 'Prototype pollution in @scope/example',
  description: 'A key of the second argument reaches Object.prototype.',
  flaw: { name: 'prototype-pollution', cwe: 'CWE-1321' },
  affected: {
    events: [{ introduced: '0' }, { fixed: '1.2.3' }],
    measured: [
      { version: '1.2.2', affected: true },
      { version: '1.2.3', affected: false },
    ],
  },
  severity: {
    vector: 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:L/VI:H/VA:L/SC:N/SI:N/SA:N',
    reasons: ['AV:N: the argument comes from the caller.'],
  },
  aliases: [],
  credits: [{ name: 'Headstart', role: 'finder' }],
  references: [{ kind: 'package', url: 'https://www.npmjs.com/package/%40scope/example' }],
  timeline: [{ at: NOW, event: 'Reported to the maintainer' }],
  publisher: { name: 'Example coordination', namespace: 'https://example.org', contact: 'mailto:security@example.org' },
  createdAt: NOW,
  modifiedAt: NOW,
  releasedBy: 'two persons',
  evidence: { reproducerSha256: 'ab'.repeat(32), commitment: null },
};

const version = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)).map((parts) => parts.join('.'));
const events: fc.Arbitrary<readonly AffectedEvent[]> = fc.oneof<fc.Arbitrary<readonly AffectedEvent[]>[]>(
  fc.tuple(version, version).map(([introduced, fixed]) => [{ introduced }, { fixed }]),
  fc.tuple(version, version).map(([introduced, lastAffected]) => [{ introduced }, { lastAffected }]),
  fc.constant([{ introduced: '0' }]),
  fc.constant([{ introduced: '0' }, { fixed: '1.0.1' }, { introduced: '2.0.0' }, { lastAffected: '2.1.0' }]),
);
const record: fc.Arbitrary<AdvisoryRecord> = fc
  .record({
    status: fc.constantFrom('draft', 'final'),
    demonstration: fc.boolean(),
    revision: fc.integer({ min: 1, max: 4 }),
    title: fc.string({ minLength: 1, maxLength: 300 }),
    description: fc.string({ minLength: 1, maxLength: 5_000 }),
    cwe: fc.constantFrom('CWE-22', 'CWE-78', 'CWE-94', 'CWE-1321', 'CWE-1333', 'CWE-99999'),
    events,
    scored: fc.boolean(),
    impact: fc.tuple(
      ...['VC', 'VI', 'VA', 'SC', 'SI', 'SA'].map((name) =>
        fc.constantFrom('H', 'L', 'N').map((value) => `${name}:${value}`),
      ),
    ),
    aliases: fc.subarray(['CVE-2029-1234', 'CVE-2029-99999', 'GHSA-aaaa-bbbb-cccc', 'HEADSTART-DEMO-1']),
    credited: fc.boolean(),
    mitigation: fc.option(fc.string({ minLength: 1, maxLength: 2_000 })),
  })
  .map(({ cwe, events: list, scored, impact, credited, mitigation, ...rest }) => ({
    ...RECORD,
    ...rest,
    ...(mitigation !== null && { mitigation }),
    flaw: { name: 'a flaw', cwe },
    affected: { events: list, measured: [] },
    severity: scored
      ? { vector: `CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/${impact.join('/')}`, reasons: ['AV:N: because.'] }
      : null,
    credits: credited ? RECORD.credits : [],
    timeline: credited ? RECORD.timeline : [],
  }));

test('whatever the record holds, its CSAF, OSV and CVE documents are valid', () => {
  fc.assert(
    fc.property(record, (each) => {
      assert.deepEqual(validate('csaf', toCsaf(each)).errors, []);
      assert.deepEqual(validate('osv', toOsv(each)).errors, []);
      assert.deepEqual(validate('cve', toCve(each)).errors, []);
    }),
    { numRuns: 150 },
  );
});

test('the same affected intervals are read back from OSV as were written', () => {
  fc.assert(
    fc.property(events, (list) => {
      const osv = toOsv({ ...RECORD, affected: { events: list, measured: [] } });
      assert.deepEqual(affectedEventsOf(osv), list);
    }),
  );
});

test('a record with an id assigned by this publisher becomes a whole CVE record, without one only the CNA container', () => {
  const assignment = { cveId: 'CVE-2030-12345', assignerOrgId: '8254265b-2729-46b6-b9e3-3dfca2d5bfca' } as const;
  const full = toCve(RECORD, assignment);
  assert.deepEqual(validate('cve', full).errors, []);
  assert.deepEqual(checkSchema('cve-5.1', full), []);
  assert.ok(!('cveMetadata' in toCve(RECORD)));
});

test('an alias assigned by somebody else never becomes a CVE record of ours', () => {
  const cve = toCve({ ...RECORD, aliases: ['CVE-2029-1234'] });
  assert.ok(!('cveMetadata' in cve) && JSON.stringify(cve.x_headstart).includes('CVE-2029-1234'));
});

test('a demonstration says so first in every document', () => {
  const demonstration = { ...RECORD, demonstration: true };
  const csaf = toCsaf(demonstration) as { document: { title: string; notes: { text: string }[] } };
  assert.match(csaf.document.title, /^\[DEMONSTRATION\]/);
  assert.equal(csaf.document.notes[0]?.text, DEMONSTRATION_NOTICE);
  const osv = toOsv(demonstration);
  assert.match(String(osv.summary), /^\[DEMONSTRATION\]/);
  assert.ok(String(osv.details).startsWith(DEMONSTRATION_NOTICE));
  const cve = toCve(demonstration) as unknown as { title: string; descriptions: { value: string }[] };
  assert.match(cve.title, /^\[DEMONSTRATION\]/);
  assert.ok(cve.descriptions[0]?.value.startsWith(DEMONSTRATION_NOTICE));
  assert.match(toMarkdown(demonstration), /^# \\\[DEMONSTRATION\\\].*\n\n> \*\*DEMONSTRATION/);
});

test('a draft is TLP:RED and unpublished in every format', () => {
  const draft = { ...RECORD, status: 'draft' } as const;
  assert.match(JSON.stringify(toCsaf(draft)), /"label":"RED"/);
  assert.ok(!('published' in toOsv(draft)) && !('datePublic' in toCve(draft)));
  assert.match(toMarkdown(draft), /DRAFT UNDER EMBARGO/);
});

test('markup in a title stays text', () => {
  const page = toMarkdown({ ...RECORD, title: '<script>alert(1)</script> [x](javascript:1)\n# b' });
  assert.ok(!page.includes('<script>') && !/(?<!\\)\]\(javascript/.test(page) && !page.includes('\n# b'));
});

test('provider metadata is valid and a CSAF file is named as section 5.1 says', () => {
  assert.deepEqual(checkSchema('csaf-2.0-provider', toProviderMetadata(RECORD.publisher, NOW)), []);
  assert.equal(csafFileName('HEADSTART-2030-01:a b'), 'headstart-2030-01_a_b.json');
});

test('an interval that ends before it begins is a fault, not an advisory', () => {
  assert.throws(() => rangesOf([{ fixed: '1.0.0' }]), /ends before it begins/);
  assert.throws(() => rangesOf([{ introduced: '1.0.0' }, { introduced: '2.0.0' }]), /still open/);
  assert.equal(rangeWords({ introduced: '0', lastAffected: '2.0.0' }), 'up to and including 2.0.0');
});

test('what is no JSON is invalid, with the reason', () => {
  assert.equal(validateText('osv', '{').errors[0]?.test, 'json');
  assert.equal(validateText('osv', '{}').valid, false);
  assert.deepEqual(validateText('purl', 'pkg:npm/a@1\nnot a purl\n').errors.length, 1);
});

test('what users can do until they have a fix stands in every document, and who can do something has not nothing', () => {
  const mitigation = 'Bound the length of what comes from outside.';
  const unfixed = { ...RECORD, affected: { events: [{ introduced: '0' }], measured: [] }, mitigation };
  for (const text of [toMarkdown(unfixed), ...[toOsv, toCve, toCsaf].map((write) => JSON.stringify(write(unfixed)))]) {
    assert.ok(text.includes(mitigation));
  }
  const csaf = JSON.stringify(toCsaf(unfixed));
  assert.match(csaf, /"category":"mitigation"/);
  assert.doesNotMatch(csaf, /none_available/);
  assert.deepEqual(validate('csaf', toCsaf(unfixed)).errors, []);
  assert.match(JSON.stringify(toCsaf({ ...RECORD, mitigation })), /vendor_fix/);
});
