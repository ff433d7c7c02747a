/**
 * Serious incidents on one of several models while 10,000 sessions are open: how soon every gateway refuses, and whether any
 * other model is touched. `./headstart bench incident [--sessions N] [--gateways N] [--models N] [--incidents N] [--report]`;
 * exit 1 when a call was admitted later than a second after an incident, or another model was touched.
 */
import { parseArgs } from 'node:util';
import { openIncidents } from '../test/scenarios/incident-load.ts';
import { openReport, quantile } from './report/dated.ts';
import { endWithThis } from './report/ending.ts';

const TARGET_MS = 1_000;

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '10000' },
    gateways: { type: 'string', default: '3' },
    models: { type: 'string', default: '5' },
    incidents: { type: 'string', default: '20' },
    holders: { type: 'string', default: '50' },
    pace: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('incident', 'Incidents over open sessions', values.report);
const seed = Number(values.seed);
const tally = await openIncidents({
  sessions: Number(values.sessions),
  gateways: Number(values.gateways),
  models: Number(values.models),
  incidents: Number(values.incidents),
  holders: Number(values.holders),
  paceMs: Number(values.pace),
  seed,
  onStarted: endWithThis,
});
const { firstRefusedMs, lastAdmittedMs, stale, cut, survived, otherCalls, otherRefused, otherStreamsCut } = tally;
const row = (what: string, times: readonly number[]): string =>
  `| ${what} | ${[0.5, 0.9, 0.99, 1].map((share) => quantile(times, share).toFixed(0)).join(' | ')} |`;
const p99 = quantile(firstRefusedMs, 0.99);
report.end(
  [
    report.conditions(`Seed ${seed}.`),
    '',
    `**p99 ${p99.toFixed(0)} ms from an incident’s commit to the first refused call at a gateway** (target ${TARGET_MS} ms: ${p99 < TARGET_MS ? 'met' : 'missed under this load'}); **${stale} calls admitted later than a second after it**.`,
    '',
    `${tally.sessions} sessions, each a live stream with an event every ${Number(values.pace) / 1_000} s, over ${values.gateways} gateway processes and ${values.models} models, opened within ${(tally.openedMs / 1_000).toFixed(0)} s and`,
    `opened anew after each incident; ${values.incidents} serious incidents at random moments, and ${tally.calls} calls that watch every model at every gateway without a pause.`,
    '',
    '| ms after the commit, one figure for each incident and gateway | 50 % | 90 % | 99 % | last |',
    '|---|---|---|---|---|',
    row('first refused call answered', firstRefusedMs),
    row('last admitted call sent', lastAdmittedMs),
    '',
    `Of the closed models ${cut} streams were ended and ${survived} went on; of the others ${otherStreamsCut} streams ended and ${otherRefused} of ${otherCalls} calls were refused.`,
  ],
  stale === 0 && otherRefused === 0 && otherStreamsCut === 0 && firstRefusedMs.every(Number.isFinite),
);
