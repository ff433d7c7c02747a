import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { createLedger } from '../ledger/index.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { createFunding, type Funding, type FundingParts } from './funding.ts';
import { FEWEST_UNNAMED, publicAccounts } from './public-account.ts';

let opened: TestDatabase;
let parts: FundingParts;
let funding: Funding;
let nameable = new Set<string>();
const files = new Map<string, string>();

before(async () => {
  opened = await createTestDatabase();
  const { database } = opened;
  const vault = createVault({ masterKey: randomBytes(32), random: systemRandom });
  parts = {
    ...{ database, vault, clock: systemClock, random: systemRandom },
    ledger: createLedger({ database, clock: systemClock }),
    nameable: async () => nameable,
    writePublic: async (path, text) => void files.set(path, text),
  };
  funding = createFunding(parts);
});
after(() => opened.drop());
beforeEach(() => {
  nameable = new Set();
});

const give = async (project: string, micro: number): Promise<string> => {
  const { id } = await funding.propose([{ project, micro }], 'a month of review', 'ann');
  for (const person of ['ben', 'cem']) assert.ok((await funding.approve(id, person)).ok);
  assert.ok((await funding.post(id)).ok);
  return id;
};

test('a proposal is posted when two others have approved it, once, and says who they were', async () => {
  const { id } = await funding.propose([{ project: 'marker-one', micro: 5_000_000 }], 'a month of review', 'ann');
  const refusalOf = async (act: Promise<{ ok: boolean; refusal?: { kind: string } }>) => (await act).refusal?.kind;
  assert.equal(await refusalOf(funding.approve(id, 'ann')), 'own-proposal');
  assert.ok((await funding.approve(id, 'ben')).ok);
  assert.ok((await funding.approve(id, 'ben')).ok);
  assert.equal(await refusalOf(funding.post(id)), 'not-approved', 'one person twice is one');
  assert.ok((await funding.approve(id, 'cem')).ok);
  const [first, second] = await Promise.all([funding.post(id), funding.post(id)]);
  assert.ok(first.ok || second.ok);
  assert.equal((await funding.given()).get('marker-one'), 5_000_000);
  assert.equal(await refusalOf(funding.approve(id, 'dan')), 'over');
  const kept = (await funding.list()).find((each) => each.id === id);
  assert.deepEqual(
    [kept?.state, kept?.proposedBy, kept?.approvedBy, kept?.why],
    ['posted', 'ann', ['ben', 'cem'], 'a month of review'],
  );
  assert.equal(await refusalOf(funding.post('fund_nobody')), 'no-such-proposal');
});

test('what was refused is not posted', async () => {
  const { id } = await funding.propose([{ project: 'marker-no', micro: 1 }], 'nothing', 'ann');
  assert.ok((await funding.refuse(id, 'ben')).ok);
  assert.equal((await funding.approve(id, 'cem')).ok, false);
  assert.equal((await funding.given()).get('marker-no'), undefined);
});

test('no name of a project stands in the tables in clear, not in the ledger either, before it is public', async () => {
  await give('marker-sealed', 7);
  for (const table of ['funding.projects', 'funding.proposals', 'funding.named', 'ledger.transfers']) {
    const { rows } = await opened.database.query<{ text: string }>(`select t::text as text from ${table} t`);
    const text = rows.map((row) => row.text).join('\n');
    assert.ok(!text.includes('marker') && !text.includes(Buffer.from('marker').toString('hex')), table);
  }
});

test('the public file names a project only once it may, and keeps what it named when a new case opens', async () => {
  await give('marker-public', 11);
  await funding.publish();
  assert.ok(!files.get('accounts.json')?.includes('marker'));
  nameable = new Set(['marker-public']);
  await funding.publish();
  assert.match(files.get('accounts.json') ?? '', /"marker-public",\s*"micro": 11\n/);
  nameable = new Set();
  await give('marker-public', 30);
  const before = files.get('accounts.json');
  const accounts = await funding.publish();
  assert.deepEqual(accounts.projects, [{ project: 'marker-public', micro: 11 }]);
  assert.equal(before?.includes('41'), false);
});

test('whatever the sums, an unnamed project stands among so many others or nowhere, and nothing is counted twice', () => {
  const line = fc.record({
    project: fc.string({ minLength: 1 }),
    micro: fc.integer({ min: 1, max: 1_000 }),
    isNameable: fc.boolean(),
    namedMicro: fc.integer({ min: 0, max: 1_000 }),
  });
  fc.assert(
    fc.property(fc.uniqueArray(line, { selector: ({ project }) => project }), (given) => {
      const { projects, unnamed, totalMicro } = publicAccounts(given);
      const all = given.reduce((sum, { micro }) => sum + micro, 0);
      const named = projects.reduce((sum, { micro }) => sum + micro, 0);
      assert.equal(totalMicro, named + (unnamed?.micro ?? 0));
      if (unnamed) assert.ok(unnamed.projects >= FEWEST_UNNAMED && named + unnamed.micro === all);
      for (const { project, micro } of projects) {
        const of = given.find((each) => each.project === project);
        assert.ok(of?.isNameable ? micro === of.micro : micro <= (of?.namedMicro ?? 0));
      }
    }),
  );
});
