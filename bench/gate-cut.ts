/**
 * Clients that leave a gateway process at every byte of an answer, beside the provider's own invoice.
 * `./headstart bench gate-cut [--stride N] [--lanes N] [--report]`; exit 1 where a charge is wrong. How soon the provider
 * is left is a figure, not a condition.
 */
import { parseArgs } from 'node:util';
import { type CutTally, cutStreams } from '../test/scenarios/gate-cut.ts';
import { openReport, quantile } from './report/dated.ts';

const TARGET_MS = 50;

const { values } = parseArgs({
  options: {
    stride: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '4' },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('gate-cut', 'Clients that leave at every byte', values.report);
const tallies = await cutStreams({ stride: Number(values.stride), lanes: Number(values.lanes) });
const wrong = ({ notOnce, belowInvoice, aboveReservation, notInvoice }: CutTally): number =>
  notOnce + belowInvoice + aboveReservation + notInvoice;
const calls = tallies.reduce((sum, tally) => sum + tally.calls, 0);
const wrongs = tallies.reduce((sum, tally) => sum + wrong(tally), 0);
const aborts = tallies.flatMap(({ abortMs }) => abortMs).toSorted((one, other) => one - other);
const p99 = quantile(aborts, 0.99);
report.end(
  [
    report.conditions(''),
    '',
    `**${wrongs} of ${calls} calls charged wrongly.** The provider was left ${quantile(aborts, 0.5).toFixed(1)} ms after the client had gone (median; 99 %: ${p99.toFixed(1)}, last: ${quantile(aborts, 1).toFixed(1)}),`,
    `target ${TARGET_MS} ms: ${p99 <= TARGET_MS ? 'met' : 'missed under this load'}.`,
    '',
    'The provider stops at the byte; the client leaves when it has the whole events before it; the call is aborted, or drained to its end.',
    `One gateway process, ${values.lanes} calls at a time, every ${values.stride === '1' ? '' : `${values.stride}th `}byte. Right is: posted once; aborted, not below what the provider had billed by then;`,
    'never above the reservation; drained, the invoice to the micro-dollar.',
    '',
    '| Route | On leaving | Bytes of the stream | Calls | Not once | Below the invoice | Above the reservation | Not the invoice |',
    '|---|---|---|---|---|---|---|---|',
    ...tallies.map(
      (tally) =>
        `| ${tally.route} | ${tally.mode} | ${tally.streamBytes} | ${tally.calls} | ${tally.notOnce} | ${tally.mode === 'abort' ? tally.belowInvoice : '–'} | ${tally.aboveReservation} | ${tally.mode === 'drain' ? tally.notInvoice : '–'} |`,
    ),
  ],
  wrongs === 0,
);
