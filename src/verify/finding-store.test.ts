import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { StaleWrite } from '../store/database.ts';
import { createTestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import type { ConfirmedFinding } from './finding.ts';
import { createFindingStore, recordFinding } from './finding-store.ts';
import { proposeSeverity } from './severity.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const { database, drop } = await createTestDatabase();
after(drop);
const vault = createVault({ masterKey: Buffer.alloc(32, 7), random: systemRandom });
const options = { vault, random: systemRandom, now: NOW, campaignId: 'campaign_1' };

function finding(statement: string, change: Partial<ConfirmedFinding> = {}): ConfirmedFinding {
  return {
    target: 'pkg:npm/secret-name@1.0.0',
    flaw: 'prototype-pollution',
    entry: "require('secret-name').set()",
    otherEntries: [],
    sink: { file: 'secret-name/index.js', line: 8 },
    oracle: 'a key appeared',
    plan: null,
    reproducer: { file: 'reproduce.cjs', text: 'secret-text', sha256: '0'.repeat(64) },
    reproduction: { reproduced: 3, of: 3, oracle: 'a key appeared', recordSha256: '1'.repeat(64) },
    controls: [],
    frames: ['secret-name/index.js:8'],
    rootCause: { package: 'secret-name', flaw: 'prototype-pollution', file: 'index', functionName: 'set', statement },
    severity: proposeSeverity({ flaw: 'prototype-pollution', exposure: 'library', needsOption: false }),
    affected: null,
    ...change,
  };
}

const record = (it: ConfirmedFinding) => database.transaction((tx) => recordFinding(tx, it, options));
const store = createFindingStore(database, vault);

test('a finding reads back as it was recorded', async () => {
  const it = finding('reads back');
  const { id, isNew } = await record(it);
  assert.equal(isNew, true);
  const stored = await store.find(id);
  assert.deepEqual(stored?.finding, it);
  assert.equal(stored?.status, 'confirmed');
});

test('the same root cause recorded again is the same row, with the new entry added', async () => {
  const first = await record(finding('again'));
  const second = await record(finding('again', { entry: "require('secret-name').merge()" }));
  assert.deepEqual([second.id, second.isNew], [first.id, false]);
  const third = await record(finding('again', { entry: "require('secret-name').merge()" }));
  assert.equal(third.isNew, false);
  const stored = await store.find(first.id);
  assert.deepEqual(stored?.finding.otherEntries, ["require('secret-name').merge()"]);
  assert.equal(stored?.version, 2);
});

test('of many jobs that record one root cause at once, one makes the row', async () => {
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => record(finding('at once'))));
  assert.equal(outcomes.filter(({ isNew }) => isNew).length, 1);
  assert.equal(new Set(outcomes.map(({ id }) => id)).size, 1);
});

test('a transaction that fails leaves neither finding nor key', async () => {
  const count = async () =>
    (await database.query<{ n: string }>('select count(*) as n from store.data_keys')).rows[0]?.n;
  const before = await count();
  const failing = database.transaction(async (tx) => {
    await recordFinding(tx, finding('killed half-way'), options);
    throw new Error('killed');
  });
  await assert.rejects(failing, /killed/);
  assert.equal(await count(), before);
  assert.equal((await record(finding('killed half-way'))).isNew, true);
});

test('nothing in the row tells the package, the class or the reproducer', async () => {
  const { id } = await record(finding('sealed'));
  const { rows } = await database.query<{ text: string }>(
    `select row_to_json(f)::text || encode(sealed, 'escape') as text from verify.findings f where id = $1`,
    [id],
  );
  assert.equal(rows.length, 1);
  assert.doesNotMatch(rows[0]?.text ?? '', /secret|pollution|set\(/);
});

test('of two writers who read the same version, the second is told', async () => {
  const { id } = await record(finding('contested'));
  const stored = await store.find(id);
  assert.ok(stored);
  await store.save({ ...stored, version: 2 }, NOW);
  await assert.rejects(store.save({ ...stored, version: 2 }, NOW), StaleWrite);
});

test('an unknown finding is not found', async () => {
  assert.equal(await store.find('finding_none'), undefined);
});
