import { test } from 'node:test';
import { killCampaigns } from './killed-campaign.ts';

test('of campaigns killed at 50 random moments nothing is lost and nothing doubled', () => killCampaigns(50, 25));
