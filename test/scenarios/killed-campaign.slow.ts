import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killCampaigns } from './killed-campaign.ts';

test('of campaigns killed at 50 random moments nothing is lost and nothing doubled', async () => {
  const { lost, doubled } = await killCampaigns({ kills: 50, killsPerCampaign: 17, seed: Date.now() });
  assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
});
