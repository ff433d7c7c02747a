import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killCampaigns } from './killed-campaign.ts';

test('of a campaign killed at 2 random moments nothing is lost and nothing doubled', async () => {
  const { lost, doubled } = await killCampaigns({ kills: 2, killsPerCampaign: 2, seed: Date.now() });
  assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
});
