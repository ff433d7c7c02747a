/**
 * Budgets under pressure, 200 runs of each series: what was admitted, posted and really spent, and how much of the credit
 * could be used. `node bench/budget.ts [--report] [--seed N] [--runs N]` prints Markdown; with --report it is also written
 * to bench/reports/<day>-budget.md. Every assertion of the scenario holds in each run, or this ends with an error.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BudgetRun, type Series, spendBudgets } from '../test/scenarios/budget.ts';

const AT_ONCE = 10;
const BUDGET_MICRO = 700_000;

const { values } = parseArgs({
  options: {
    report: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    runs: { type: 'string', default: '200' },
  },
});
const [seed, runs] = [Number(values.seed), Number(values.runs)];

const all: BudgetRun[] = [];
for (let done = 0; done < runs; done += AT_ONCE) {
  const started = performance.now();
  all.push(...(await spendBudgets(Math.min(AT_ONCE, runs - done), seed + done)));
  process.stderr.write(`${all.length / 2} of ${runs} runs, ${Math.round(performance.now() - started)} ms\n`);
}
const report = toMarkdown();
process.stdout.write(report);
if (values.report) {
  const folder = join(import.meta.dirname, 'reports');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${new Date().toISOString().slice(0, 10)}-budget.md`), report);
}
process.exit(0);

function toRow(series: Series, title: string): string {
  const of = all.filter((run) => run.series === series);
  const range = (pick: (run: BudgetRun) => number, unit = ''): string => {
    const numbers = of.map(pick).toSorted((left, right) => left - right);
    const middle = numbers[Math.floor(numbers.length / 2)];
    return `${numbers[0]}${unit} / ${middle}${unit} / ${numbers.at(-1)}${unit}`;
  };
  const percent = (micro: number): number => Math.round((micro / BUDGET_MICRO) * 1_000) / 10;
  return `| ${title} | ${of.length} | ${range((run) => run.admitted)} | ${range((run) => percent(run.postedMicro), ' %')} | ${range((run) => percent(run.trueMicro), ' %')} | ${range((run) => Math.round(run.recoveredMs / 100) / 10, ' s')} |`;
}

function toMarkdown(): string {
  const load = loadavg().map((value) => value.toFixed(1));
  return [
    `# Budgets under pressure, ${new Date().toISOString().slice(0, 10)}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load.join(' / ')}; embedded Postgres. Seed ${seed}, counted up by experiment.`,
    '',
    'One run is one budget for 100 calls, 500 clients at three gateway processes, each trying again when it is refused until none is',
    `admitted for 5 s; ${AT_ONCE} runs of each series at once share the processes and four kill -9 within 3 s. A call lasts up to 0.4 s.`,
    'Lowest / median / highest; 100 % is the budget; the last column is the time from the last kill until nothing was set aside for the dead.',
    '',
    '| Cost of a call | Runs | Sent upstream | Posted | Really spent | Recovered after |',
    '|---|---|---|---|---|---|',
    toRow('equal', 'what was reserved'),
    toRow('tenth', 'a tenth of it'),
    '',
    'In every run: spend at most the budget; every call that went upstream is posted, once; at most 100 calls where each costs its',
    'reservation; no reservation and no lease left at the end; the sums of the ledger agree with its postings; every journal verifies.',
    'Posted is more than really spent because a call that its gateway did not live to settle is posted at its reservation.',
    '',
  ].join('\n');
}
