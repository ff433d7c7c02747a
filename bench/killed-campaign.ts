/**
 * A campaign killed with -9 at fifty random moments and started again each time: where the kills hit, what was lost and
 * what was doubled. `node bench/killed-campaign.ts [--kills N] [--seed N] [--report]` prints Markdown, and with --report
 * also writes it to bench/reports/<day>-killed-campaign.md. Exit 1 when anything was lost or doubled.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, getPriority, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type KillTally, killCampaigns } from '../test/scenarios/killed-campaign.ts';

const KILLS_PER_CAMPAIGN = 17;
const PHASES = [
  ['first start', 'the first start: database made, schema laid out, sandbox tried'],
  ['start again', 'a later start: database recovering, jobs of the dead taken back'],
  ['nothing yet', 'packages fetched, search running'],
  ['scanned', 'search running, candidates verified'],
  ['confirmed', 'cases opened, commitments promised'],
  ['measured', 'affected versions measured, patches tried'],
  ['notified', 'maintainer told (simulated), patches tried'],
  ['fixed', 'fix released (simulated), release signed'],
  ['published', 'one advisory public, the other case on its way'],
] as const;

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now()) },
    report: { type: 'boolean', default: false },
  },
});

function toMarkdown(tally: KillTally, facts: { day: string; seed: number; loadBefore: number; ms: number }): string {
  const { hits, campaigns, lost, doubled, undisturbed, undisturbedMs } = tally;
  const { findings, entries } = undisturbed;
  const cases = Object.values(undisturbed.casesByStage).reduce((sum, count) => sum + count, 0);
  const rows = PHASES.map(([hit, what]) => {
    const count = hits.filter((each) => each === hit).length;
    return `| ${hit} | ${what} | ${count} |`;
  });
  const wrong = [...lost.map((each) => `- lost: ${each}`), ...doubled.map((each) => `- doubled: ${each}`)];
  return [
    `# Campaigns killed with -9, ${facts.day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores, load ${facts.loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after,`,
    `priority ${getPriority()}, seed ${facts.seed}. ${hits.length} kills in ${campaigns} campaigns on our own packages took`,
    `${(facts.ms / 60_000).toFixed(1)} minutes; an undisturbed campaign ${(undisturbedMs / 1000).toFixed(1)} s.`,
    '',
    `**lost ${lost.length}, doubled ${doubled.length}**, beside an undisturbed run of the same campaign: ${findings} findings, ${cases} cases,`,
    `${entries.commitment ?? 0} commitments, ${entries.opening ?? 0} openings, ${entries.advisory ?? 0} advisories, ${undisturbed.letters} letters. Every number of the outcome is`,
    'compared: findings, root causes, cases by stage, candidates by state, log entries by kind, letters, releases, jobs left,',
    'the summary. After every campaign the public log is verified and its size is the number of promised entries.',
    '',
    ...(wrong.length > 0 ? [...wrong, ''] : []),
    '| Last step told before the kill | What was going on | Kills |',
    '|---|---|---|',
    ...rows,
    '',
    'Moments are drawn from the whole time of the undisturbed run and reached after the same step; one in five lies in a',
    'start. A kill counts only when it hit a running program.',
    '',
  ].join('\n');
}

const from = performance.now();
const loadBefore = loadavg()[0] ?? 0;
const seed = Number(options.seed);
const tally = await killCampaigns({ kills: Number(options.kills), killsPerCampaign: KILLS_PER_CAMPAIGN, seed });
const day = new Date().toISOString().slice(0, 10);
const report = toMarkdown(tally, { day, seed, loadBefore, ms: performance.now() - from });
process.stdout.write(report);
if (options.report) {
  const directory = join(import.meta.dirname, 'reports');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${day}-killed-campaign.md`), report);
}
if (tally.lost.length > 0 || tally.doubled.length > 0) process.exitCode = 1;
