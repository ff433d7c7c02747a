import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { matchCnas, readCnas } from './cna.ts';
import { createLists, type Lists } from './list-service.ts';

let world: TestDatabase;
let lists: Lists;
before(async () => {
  world = await createTestDatabase();
  lists = createLists(world);
});
after(() => world?.drop());

/** In the form of the CVE programme's list, with entries of our own. */
const entry = (shortName: string, scope: string, more: object = {}) => ({
  shortName,
  organizationName: shortName,
  scope,
  ...more,
});
const LIST = [
  entry('express-team', 'All issues in express and body-parser.', {
    contact: [{ email: [{ label: 'Email', emailAddr: 'security@example.org' }], contact: [], form: [] }],
    disclosurePolicy: [{ label: 'Policy', language: '', url: 'https://example.org/policy' }],
  }),
  entry('angular', 'Vulnerabilities in @angular/core, @angular/common and related packages.'),
  entry('everything', 'Expressly everything that is no other.', {
    contact: [{ email: [], contact: [{ label: 'page', url: 'https://example.org/report' }] }],
  }),
];

test('a list of CNAs is read in the form that the programme publishes, whole or not at all', () => {
  const read = readCnas(JSON.stringify(LIST));
  assert.ok(read.ok);
  assert.deepEqual(
    read.value.map(({ contact, policy }) => [contact, policy]),
    [
      ['security@example.org', 'https://example.org/policy'],
      [null, null],
      ['https://example.org/report', null],
    ],
  );
  for (const bad of ['', '{}', '[]', '[{"shortName":"x"}]', JSON.stringify([LIST[0], LIST[0]])]) {
    assert.equal(readCnas(bad).ok, false, bad);
  }
});

test('a CNA is named for a package whose name stands as a word in its scope, with the reason, and for no other', () => {
  const read = readCnas(JSON.stringify(LIST));
  assert.ok(read.ok);
  const named = (name: string) => matchCnas(name, read.value).map(({ shortName, because }) => [shortName, because]);
  assert.deepEqual(named('express'), [['express-team', 'its scope names the package']]);
  assert.deepEqual(named('body-parser'), [['express-team', 'its scope names the package']]);
  assert.deepEqual(named('@angular/core'), [['angular', 'its scope names the package']]);
  assert.deepEqual(named('@angular/cdk'), [['angular', 'its scope or its name has the owner of the package']]);
  for (const none of ['body', 'parser', 'express-session', 'core', 'ang', 'is', '@x/common']) {
    assert.deepEqual(named(none), [], none);
  }
});

test('a list imported again replaces the one before, and a broken one changes nothing', async () => {
  const first = await lists.importList('cna', JSON.stringify(LIST));
  assert.deepEqual(first, { ok: true, value: { entries: 3, skipped: 0 } });
  assert.equal((await lists.importList('cna', 'broken')).ok, false);
  assert.equal((await lists.cnasFor('express')).length, 1);
  assert.ok((await lists.importList('cna', JSON.stringify(LIST.slice(1)))).ok);
  assert.deepEqual(await lists.cnasFor('express'), []);
});

const osv = (id: string, name: string, fixed: readonly string[], more: object = {}) => ({
  ...{ id, aliases: [`CVE-2020-${id.slice(-4)}`] },
  affected: [
    {
      package: { ecosystem: 'npm', name },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, ...fixed.map((version) => ({ fixed: version }))] }],
    },
  ],
  database_specific: { cwe_ids: ['CWE-22'] },
  ...more,
});

test('past advisories are taken in as one record, an array or one a line; what has no fix to look at is counted', async () => {
  const records = [
    osv('X-0001', 'one', ['1.0.1']),
    osv('X-0002', 'one', []),
    osv('X-0003', 'two', ['2.0.0'], { withdrawn: 'yes' }),
  ];
  const array = await lists.importList('osv', JSON.stringify(records));
  assert.deepEqual(array, { ok: true, value: { entries: 1, skipped: 2 } });
  const lines = [osv('X-0004', 'one', ['1.0.2', '2.0.0']), osv('X-0005', 'two', ['3.0.0'])];
  assert.ok((await lists.importList('osv', lines.map((line) => JSON.stringify(line)).join('\n'))).ok);
  assert.ok((await lists.importList('osv', JSON.stringify(osv('X-0001', 'one', ['1.0.3'])))).ok);
  assert.deepEqual(
    (await lists.pastAdvisoriesOf('one')).map(({ id, fixed, cwes }) => [id, fixed, cwes]),
    [
      ['X-0001', ['1.0.3'], ['CWE-22']],
      ['X-0004', ['1.0.2', '2.0.0'], ['CWE-22']],
    ],
  );
  for (const bad of [
    '',
    'x',
    '{"id":1}',
    '[{"affected":[]}]',
    JSON.stringify([records[0], records[0]]),
    JSON.stringify(records[1]),
  ]) {
    assert.equal((await lists.importList('osv', bad)).ok, false, bad);
  }
});
