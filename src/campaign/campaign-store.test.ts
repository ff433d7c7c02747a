import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import { migrate, readMigrations } from '../store/migrate.ts';
import { createTestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { type CampaignId, createCampaignStore, type TargetId } from './campaign-store.ts';
import { type CandidateId, createCandidateStore } from './candidate-store.ts';

const vault = createVault({ masterKey: Buffer.alloc(32, 5), random: systemRandom });
const CAMPAIGN: CampaignId = 'campaign_1';
const TARGETS: readonly TargetId[] = ['target_1', 'target_2'];
const CLAIMS: readonly CandidateId[] = ['candidate_1', 'candidate_2'];
const COST = { cpuMs: 4_711, wallMs: 1, runs: 5, candidates: 1 };
const sealed = (id: string) => vault.sealUnder('campaign/candidates', Buffer.from('{}'), id);

async function plant(tx: Transaction): Promise<void> {
  const store = createCampaignStore(tx, vault);
  const file = { name: 'x', seed: 1, targets: [] };
  await store.insert({ id: CAMPAIGN, kind: 'real', file, sandboxProfile: 'user', startedAt: new Date() });
  for (const [position, id] of TARGETS.entries()) {
    await store.insertTarget({ id, campaignId: CAMPAIGN, position, target: `secret-${position}` });
    const claim = CLAIMS[position] ?? 'candidate_0';
    await createCandidateStore(tx, vault).insert({ id: claim, targetId: id, ordinal: 0, sealed: sealed(claim) });
  }
}

const outcomes = async (tx: Transaction) => ({
  targets: (await createCampaignStore(tx, vault).listTargets(CAMPAIGN)).map(({ state, cost, reason, skipped }) => [
    state,
    cost,
    reason,
    skipped,
  ]),
  claims: (await createCandidateStore(tx, vault).listOf(CAMPAIGN)).map(({ outcome }) => outcome),
});

const SETTLED = {
  targets: [
    ['scanned', COST, undefined, ['secret part']],
    ['unavailable', undefined, 'secret reason', []],
  ],
  claims: [
    { state: 'confirmed', caseId: 'case_secret' },
    { state: 'rejected', reason: 'secret reason' },
  ],
};

test('which target came to which case, at what cost and why not, is read back and lies sealed', async () => {
  const { database, drop } = await createTestDatabase();
  try {
    await plant(database);
    const [one, two] = TARGETS;
    const [first, second] = CLAIMS;
    assert.ok(one && two && first && second);
    const store = createCampaignStore(database, vault);
    const claims = createCandidateStore(database, vault);
    assert.ok(await store.settleTarget(one, { cost: COST, skipped: ['secret part'] }));
    assert.ok(await store.settleTarget(two, { reason: 'secret reason' }));
    assert.equal(await store.settleTarget(two, { reason: 'again' }), false);
    assert.ok(await claims.settle(first, { state: 'confirmed', caseId: 'case_secret' }));
    assert.ok(await claims.settle(second, { state: 'rejected', reason: 'secret reason' }));
    assert.equal(await claims.settle(second, { state: 'rejected', reason: 'again' }), false);
    assert.deepEqual(await outcomes(database), SETTLED);
    const { rows } = await database.query<{ row: string }>(
      'select t::text as row from campaign.targets t union all select c::text from campaign.candidates c',
    );
    assert.equal(rows.length, 4);
    for (const { row } of rows) assert.doesNotMatch(row, /secret|4711|confirmed|rejected/);
  } finally {
    await drop();
  }
});

test('rows that an earlier release settled read as before', async () => {
  const { database, drop } = await createTestDatabase({ empty: true });
  try {
    const earlier = (await readMigrations()).map(({ number }) => number).filter((number) => number <= 60);
    await migrate(database.pool, { only: new Set(earlier) });
    await plant(database);
    const skipped = vault.sealUnder('campaign/campaigns', Buffer.from('["secret part"]'), 'target_1 skipped');
    await database.query(
      `update campaign.targets set state = 'scanned', cost = $1, sealed_skipped = $2 where id = 'target_1'`,
      [JSON.stringify(COST), skipped],
    );
    await database.query(
      `update campaign.targets set state = 'unavailable', reason = 'secret reason' where id = 'target_2'`,
    );
    await database.query(
      `update campaign.candidates set state = 'confirmed', case_id = 'case_secret' where id = 'candidate_1'`,
    );
    const reason = vault.sealUnder('campaign/candidates', Buffer.from('secret reason'), 'candidate_2 reason');
    await database.query(
      `update campaign.candidates set state = 'rejected', sealed_reason = $1 where id = 'candidate_2'`,
      [reason],
    );
    await migrate(database.pool);
    assert.deepEqual(await outcomes(database), SETTLED);
  } finally {
    await drop();
  }
});
