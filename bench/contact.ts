/**
 * Messages over every channel, with one answer in ten lost, spoilt or late, by workers killed with -9: what is lost and
 * what is doubled. `./headstart bench contact [--messages N] [--workers N] [--kills N] [--seed N] [--report]`; exit 1
 * when anything is.
 */
import { parseArgs } from 'node:util';
import { type Fate, killOutbox, total } from '../test/scenarios/outbox-killed.ts';
import { openReport } from './report/dated.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '3' },
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});
const AMBIGUOUS_SHARE = 0.1;
const KILL_WITHIN_MS = 15_000;
const NAMES: Readonly<Record<string, string>> = {
  'github-report': 'GitHub, private report',
  'github-advisory': 'GitHub, draft advisory',
  'github-issue': 'GitHub, public issue',
  smtp: 'mail, with receipts',
  vince: 'CERT/CC',
  webhook: 'webhook',
};

const frame = openReport('contact', 'Sent once: ambiguous failures and killed workers', values.report);
const seed = Number(values.seed);
const messages = Number(values.messages);
const report = await killOutbox({
  messages,
  workers: Number(values.workers),
  ambiguousShare: AMBIGUOUS_SHARE,
  kills: Number(values.kills),
  killWithinMs: KILL_WITHIN_MS,
  seed,
  onProgress: (open, kills) => process.stderr.write(`${open} open, ${kills} kills\n`),
});

const { fates, faults } = report;
const [lost, doubled] = [total(fates, 'lost'), total(fates, 'doubled')];
const row = (name: string, fate: Fate): string =>
  `| ${[name, fate.messages, fate.attempts, fate.sent, fate.readBack, fate.refused, fate.uncertain, fate.uncertainArrived, fate.lost, fate.doubled].join(' | ')} |`;
const sum = Object.fromEntries(
  (
    ['messages', 'attempts', 'sent', 'readBack', 'refused', 'uncertain', 'uncertainArrived', 'lost', 'doubled'] as const
  ).map((pick) => [pick, total(fates, pick)]),
) as unknown as Fate;

frame.end(
  [
    frame.conditions(`Seed ${seed}; ${values.workers} workers, each with four jobs at a time.`),
    '',
    `**${lost} lost, ${doubled} doubled** of ${messages} messages; ${report.unsettled} were left unsettled, and ${report.strangers} arrived that nobody wrote.`,
    '',
    'Every posting and every look at a listing meets, with a probability of one in ten, an answer that is garbage, a connection lost',
    'before or after the thing was done, a server error before or after it, or a thing done after its sender has given up; the mail',
    'server loses the connection at the end of the data, before or after it took the message, and leaves receipts in a mailbox. A worker',
    `that has begun to work is killed with -9 at a random moment of its next ${KILL_WITHIN_MS / 1_000} s: ${report.kills} kills, after which`,
    `${report.caught} attempts of the last moments stood without an outcome. What arrived is counted at the other side, by marker.`,
    '',
    '| Channel | Messages | Attempts | Sent | of these read back | Refused | Waiting for a person | of these arrived | Lost | Doubled |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...[...fates].toSorted().map(([channel, fate]) => row(NAMES[channel] ?? channel, fate)),
    row('all', sum),
    '',
    'A message waits for a person where the other side cannot be asked: a webhook not at all, CERT/CC only about what has become a case,',
    'a mail server only by receipts, whose absence proves nothing; and on GitHub where looking failed twelve times. It is neither lost',
    'nor sent again. *Lost* is what is said to be sent and is not there, or said to be refused and is there.',
    '',
    `Faults dealt: ${[...faults]
      .toSorted()
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')}.`,
    '',
    `${report.seconds.toFixed(0)} s in all. ${new Set(report.failures).size === 0 ? 'No job failed.' : `Jobs that threw and were run again: ${report.failures.length} (${[...new Set(report.failures)].slice(0, 5).join('; ')}).`}`,
    '',
  ],
  lost === 0 && doubled === 0 && report.unsettled === 0 && report.strangers === 0,
);
