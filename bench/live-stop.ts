/**
 * A stop by country over 10,000 live streams: how soon those it means have ended, and whether it touched any other.
 * `./headstart bench live-stop [--streams N] [--gateways N] [--pace MS] [--report]`; exit 1 when a stream that was meant
 * did not end well, or another was touched. The time is a figure, not a condition.
 */
import { parseArgs } from 'node:util';
import { stopLiveStreams } from '../test/scenarios/live-stop.ts';
import { openReport, quantile } from './report/dated.ts';

const TARGET_MS = 250;

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '10000' },
    gateways: { type: 'string', default: '3' },
    holders: { type: 'string', default: '50' },
    pace: { type: 'string', default: '5000' },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('live-stop', 'A stop over live streams', values.report);
const tally = await stopLiveStreams({
  streams: Number(values.streams),
  gateways: Number(values.gateways),
  holders: Number(values.holders),
  paceMs: Number(values.pace),
});
const { endedAfterMs, endedAfterAskedMs, wronglyEnded, others, touched, counted, openedMs } = tally;
const row = (what: string, times: readonly number[]): string =>
  `| ${what} | ${[0.5, 0.9, 0.99, 1].map((share) => quantile(times, share).toFixed(0)).join(' | ')} |`;
const p99 = quantile(endedAfterMs, 0.99);
report.end(
  [
    report.conditions(''),
    '',
    `**${endedAfterMs.length} of ${tally.streams - others} streams that were meant ended with an error of their protocol, p99 ${p99.toFixed(0)} ms after the stop was committed**`,
    `(target ${TARGET_MS} ms: ${p99 < TARGET_MS ? 'met' : 'missed under this load'}); ${wronglyEnded.length} ended otherwise or not at all; **${touched} of ${others} others touched**.`,
    '',
    `${tally.streams} live streams, half of each protocol, over ${values.gateways} gateway processes, two processes of a provider and three of clients, one event every`,
    `${Number(values.pace) / 1_000} s on each; opened within ${(openedMs / 1_000).toFixed(0)} s. Half of the callers are nationals of the country, and the stop is of all others; it counted`,
    `${counted.affectedKeys} keys and ${counted.affectedStreams} running calls beforehand. Not touched: no end, no error, and another event since.`,
    '',
    '| Error event with the client, ms | 50 % | 90 % | 99 % | last |',
    '|---|---|---|---|---|',
    row('after the commit (below zero: before the one who stopped was told)', endedAfterMs),
    row('after the operator asked for it, count and log included', endedAfterAskedMs),
    '',
    `While it stood ${tally.refusedWhileStopped} of ${tally.tried} new calls of those it meant were refused; after it was lifted ${tally.servedAfterLift} of ${tally.tried} were served.`,
    ...wronglyEnded.slice(0, 10).map((each) => `- ${each}`),
  ],
  wronglyEnded.length === 0 && touched === 0 && tally.servedAfterLift === tally.tried,
);
