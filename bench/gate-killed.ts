/**
 * Gateways killed with -9 at random moments: whether any call reached the provider without a record on the disk.
 * `./headstart bench gate-killed [--kills N] [--seed N] [--report]`; exit 1 when one did.
 */
import { parseArgs } from 'node:util';
import { killGates } from '../test/scenarios/gate-killed.ts';
import { openReport, quantile } from './report/dated.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('gate-killed', 'Gateways killed with -9', values.report);
const seed = Number(values.seed);
const { kills, unrecorded, early, upstreamCalls, admitted, posted, recovered, recoveredAfterMs } = await killGates({
  kills: Number(values.kills),
  seed,
});
const range = (pick: (kill: (typeof kills)[number]) => number): string => {
  const numbers = kills.map(pick).toSorted((one, other) => one - other);
  return `${numbers[0]} / ${quantile(numbers, 0.5)} / ${numbers.at(-1)}`;
};
report.end(
  [
    report.conditions(`Seed ${seed}.`),
    '',
    `**${unrecorded.length} of ${upstreamCalls}** calls that the provider saw have no record in the journal of the gateway that sent them; ${kills.length} kills.`,
    `At the moment when a call had arrived, its record was not yet in the file for ${early.length} of them.`,
    '',
    'Three gateways at a time, 16 clients each, streamed and not; each gateway is killed up to 1.5 s after its first call reached the',
    'provider, one in ten before that. The provider writes down the body of every call; the journal of the dead gateway is read after',
    'its death. Every journal verifies, and the ledger agrees with itself.',
    '',
    '| At a kill | Lowest / median / highest |',
    '|---|---|',
    `| requests sent to it in its life | ${range(({ requests }) => requests)} |`,
    `| requests under way | ${range(({ underWay }) => underWay)} |`,
    `| calls with a record on the disk | ${range((kill) => kill.admitted)} |`,
    `| calls that the provider saw | ${range(({ seenUpstream }) => seenUpstream)} |`,
    `| recorded, and not sent any more | ${range((kill) => kill.admitted - kill.seenUpstream)} |`,
    `| bytes of a batch that it could not finish | ${range(({ tornBytes }) => tornBytes)} |`,
    '',
    `${admitted} calls were admitted and ${posted} are posted, each once; ${recovered} of them from the journals of the dead. The last lease of a`,
    `dead gateway was closed ${(recoveredAfterMs / 1_000).toFixed(1)} s after a survivor began to serve. A killed process loses nothing that it had handed to the`,
    'system, so this shows the order of record and call; that the record is on the disk by then is in how the journal is opened (O_DSYNC).',
    '',
  ],
  unrecorded.length === 0 && early.length === 0,
);
