/**
 * Revocation under load over three gateway processes: who was served under what had ended.
 * `./headstart bench revoke-load [--requests N] [--organisations N] [--seed N] [--report]`; exit 1 when anybody was.
 */
import { parseArgs } from 'node:util';
import { revokeUnderLoad, STALE_AFTER_MS } from '../test/scenarios/revoke-load.ts';
import { openReport } from './report/dated.ts';

const LANES = 48;
const EVERY_MS = 400;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    organisations: { type: 'string', default: '12' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('revoke-load', 'Revocation under load', values.report);
const seed = Number(values.seed);
const tally = await revokeUnderLoad({
  requests: Number(values.requests),
  organisations: Number(values.organisations),
  lanes: LANES,
  everyMs: EVERY_MS,
  seed,
});
const sum = (answers: Readonly<Record<string, number>>): number => Object.values(answers).reduce((a, b) => a + b, 0);
const row = (name: string, answers: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(answers).toSorted(([, one], [, other]) => other - one);
  return `| ${name} | ${sum(answers)} | ${parts.map(([answer, times]) => `${answer} ${times}`).join(', ')} |`;
};
report.end(
  [
    report.conditions(`Seed ${seed}.`),
    '',
    `**${tally.stale.length} of ${sum(tally.after)}** requests that were sent more than ${STALE_AFTER_MS} ms after the change were served.`,
    '',
    `Three gateway processes, ${LANES} clients that never pause, ${tally.total} requests, ${(tally.total / (tally.ms / 1_000)).toFixed(0)} a second; ${tally.changes} changes`,
    '(a key, a person, a grant, an organisation ended; a person stopped), through the services that the command line uses. 30 % of the',
    `requests send their headers at once and their body up to 2.5 s later; of ${tally.straddling} the headers came before the change and the body`,
    `after the second. The last request that was served under what had ended was sent ${tally.longestServedMs.toFixed(0)} ms after the change.`,
    '',
    '| Last byte sent | Requests | Answers |',
    '|---|---|---|',
    row('before the change, or never changed', tally.before),
    row('within the second', tally.within),
    row('after it', tally.after),
    '',
    ...tally.stale.slice(0, 20).map((each) => `- ${each}`),
  ],
  tally.stale.length === 0,
);
