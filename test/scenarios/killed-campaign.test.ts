import { test } from 'node:test';
import { killCampaigns } from './killed-campaign.ts';

test('of a campaign killed at 4 random moments nothing is lost and nothing doubled', () => killCampaigns(4, 4));
