/**
 * Budgets at gateways over HTTP, under kills: what was admitted, posted and billed. `./headstart bench gate-budget
 * [--runs N] [--at-once N] [--seed N] [--report]`. Every assertion of the scenario holds in each run, or this ends with an
 * error.
 */
import { parseArgs } from 'node:util';
import { BUDGET_MICRO, type GateBudgetRun, type GateSeries, spendAtGates } from '../test/scenarios/gate-budget.ts';
import { openReport, quantile } from './report/dated.ts';

const CLIENTS = 500;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    'at-once': { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});
const report = openReport('gate-budget', 'Budgets at gateways, over HTTP', values.report);
const [seed, runs, atOnce] = [Number(values.seed), Number(values.runs), Number(values['at-once'])];

const all: GateBudgetRun[] = [];
for (let done = 0; done < runs; done += atOnce) {
  const started = performance.now();
  all.push(...(await spendAtGates({ each: Math.min(atOnce, runs - done), clients: CLIENTS, seed: seed + done })));
  process.stderr.write(`${all.length / 2} of ${runs} runs, ${Math.round((performance.now() - started) / 1_000)} s\n`);
}
const toRow = (series: GateSeries, title: string): string => {
  const of = all.filter((run) => run.series === series);
  const range = (pick: (run: GateBudgetRun) => number, unit = ''): string => {
    const numbers = of.map(pick).toSorted((one, other) => one - other);
    return [numbers[0], quantile(numbers, 0.5), numbers.at(-1)].map((value) => `${value}${unit}`).join(' / ');
  };
  const percent = (micro: number): number => Math.round((micro / BUDGET_MICRO) * 1_000) / 10;
  const shares = [(run: GateBudgetRun) => percent(run.postedMicro), (run: GateBudgetRun) => percent(run.billedMicro)];
  return `| ${title} | ${of.length} | ${range((run) => run.admitted)} | ${shares.map((pick) => range(pick, ' %')).join(' | ')} |`;
};
report.end(
  [
    report.conditions(`Seed ${seed}, counted up by experiment.`),
    '',
    `**${all.length / 2} runs of each series: no budget overspent, each spent to 95 % or more.**`,
    '',
    `One run is one organisation with a budget for 100 calls and ${CLIENTS} HTTP clients at three gateway processes (\`serve --role gateway\`) on`,
    'one Postgres, each trying again when it is refused or cut, until the provider has seen no call for 15 s;',
    `${atOnce} runs of each series at once share the processes and four kill -9 within 5 s. A call lasts 0.2 s.`,
    'Lowest / median / highest; 100 % is the budget.',
    '',
    '| Cost of a call | Runs | Calls that the provider saw | Posted | Billed by the provider |',
    '|---|---|---|---|---|',
    toRow('equal', 'what was reserved'),
    toRow('tenth', 'a tenth of it'),
    '',
    'In every run: spend at most the budget; what the provider bills is posted, once; at most 100 calls where each costs its reservation;',
    'no reservation and no lease left at the end, those of the killed closed by the gateways that lived on; the sums of the ledger agree.',
  ],
  true,
);
