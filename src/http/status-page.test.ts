import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CampaignStatus } from '../campaign/index.ts';
import { renderStatusPage } from './status-page.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const status: CampaignStatus = {
  generatedAt: NOW,
  campaign: {
    id: 'campaign_1',
    kind: 'demonstration',
    sandboxProfile: 'full',
    startedAt: NOW,
    finishedAt: undefined,
    summary: undefined,
  },
  targets: [{ target: '<img src=x>', state: 'unavailable', reason: '"quoted" & <b>', cpuMs: undefined }],
  demonstrations: [],
  sealedCases: 3,
  log: { origin: 'example.org/log', size: 7, root: 'AAAA' },
  onePerson: true,
};
const page = renderStatusPage(status, { publicUrl: 'http://127.0.0.1:1' });

test('text of a target is shown, never run', () => {
  assert.doesNotMatch(page, /<img|<b>"|<script/);
  assert.match(page, /&#60;img src=x&#62;/);
});

test('a sealed case is a number, and the page says when one person holds both keys', () => {
  assert.match(page, /<strong>3<\/strong> further cases are sealed/);
  assert.match(page, /One person/);
});

test('a running campaign renews its page by itself, without a script', () => {
  assert.match(page, /http-equiv="refresh"/);
  const finished = { ...status, campaign: { ...status.campaign, finishedAt: NOW } };
  assert.doesNotMatch(renderStatusPage(finished, { publicUrl: '' }), /http-equiv="refresh"/);
});

test('the release that was demonstrated is shown as it stands now, marked as a demonstration, and its text is never run', () => {
  const release = {
    ...{
      model: '<img src=y>',
      stage: 'closed',
      decided: 'partners',
      decisionSha256: 'ab12',
      suspendedBy: ['incident'],
    },
    endsAt: NOW,
    incidents: [{ id: 'incident_1', severity: 'serious', state: 'open', openedAt: NOW }],
  };
  const shown = renderStatusPage({ ...status, release }, { publicUrl: '' });
  assert.match(shown, /Demonstration.*mock provider/);
  assert.match(shown, /Stage now<\/th><td>closed \(suspended by incident\)/);
  assert.match(shown, /serious, open, opened/);
  assert.match(shown, /Ends by itself/);
  assert.doesNotMatch(
    renderStatusPage({ ...status, release: { ...release, endsAt: undefined } }, { publicUrl: '' }),
    /Ends by/,
  );
  assert.doesNotMatch(shown, /<img/);
  assert.doesNotMatch(page, /Stage now/);
});
