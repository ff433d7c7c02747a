/** `release report`: risk and transparency in figures, each traced to the records, and counted again from them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  differingFigures,
  openRecordReport,
  REPORT_KINDS,
  type RecordParts,
  type RecordRefusal,
  type RecordReport,
  type ReportKind,
  readRecordReport,
  recountRecordReport,
  renderRecordReport,
  toHtml,
  toMarkdown,
} from '../assurance/index.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import type { Result } from '../lib/result.ts';
import { counted, nounOf, toInstant } from './member-input.ts';
import { parseJson, readText } from './policy.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface RecordReportCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly records: () => Promise<RecordParts>;
}

interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly demonstration?: boolean;
  readonly out?: string;
  readonly check?: string;
  readonly json?: boolean;
}

export function registerRecordReportCommands(program: Command, parts: RecordReportCommandParts): void {
  nounOf(program, 'release', 'which stage a model is at')
    .command('report <kind> [model]')
    .description(`${REPORT_KINDS.join(' or ')} in figures, each traced to records: of a model, or of a time`)
    .option('--from <date>', 'of all that was said from then on, with --to')
    .option('--to <date>', 'and before then')
    .option('--demonstration', 'of demonstrations, in a report of a time')
    .option('--out <dir>', 'where JSON, Markdown and one HTML file go; without it the Markdown is printed')
    .option('--check <file>', 'count a report (JSON) again and say which figures differ')
    .option('--json', 'one JSON value on standard output')
    .action(async (named: string, model: string | undefined, options: ReportOptions) => {
      const kind = REPORT_KINDS.find((each) => each === named);
      if (!kind) throw new CommandEnd('usage', `no report ${named}. There are ${REPORT_KINDS.join(', ')}`);
      if (options.check === undefined) return make(parts, kind, model, options);
      await check(parts, kind, options.check, options);
    });
}

async function make(
  { terminal, clock, records }: RecordReportCommandParts,
  kind: ReportKind,
  model: string | undefined,
  options: ReportOptions,
): Promise<void> {
  const asked = model === undefined ? toTime(options) : { model };
  if (model !== undefined && (options.from ?? options.to) !== undefined)
    throw new CommandEnd('usage', 'a report is of a model, or of a time: not of both');
  const report = settled(await openRecordReport(await records(), kind, asked, clock.now()));
  const rendered = renderRecordReport(report);
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    const files = { json: canonicalJson(report as unknown as Json), md: toMarkdown(rendered), html: toHtml(rendered) };
    for (const [suffix, text] of Object.entries(files))
      await writeFile(join(options.out, `${kind}-report.${suffix}`), text);
    terminal.say(`${report.figures.length} figures in ${options.out}`);
  } else if (!options.json) terminal.data(toMarkdown(rendered));
  if (options.json) terminal.json(report as unknown as Json);
}

function toTime({ from, to, demonstration = false }: ReportOptions) {
  const [since, until] = [toInstant(from), toInstant(to)];
  if (!since || !until) throw new CommandEnd('usage', 'a report is of a model, or of a time: --from and --to');
  if (since >= until) throw new CommandEnd('usage', '--to comes after --from');
  return { from: since, to: until, demonstration };
}

async function check(
  { terminal, records }: RecordReportCommandParts,
  kind: ReportKind,
  file: string,
  { json }: ReportOptions,
): Promise<void> {
  const read = readRecordReport(parseJson(file, await readText(file)));
  if (!read.ok) throw new CommandEnd('usage', `${file} at ${read.refusal.place}: ${read.refusal.why}`);
  const said: RecordReport = read.value;
  if (said.kind !== kind) throw new CommandEnd('usage', `${file} is a ${said.kind} report`);
  const again = settled(await recountRecordReport(await records(), said));
  const differing = differingFigures(said, again);
  if (json) terminal.json({ figures: again.figures.length, differing: differing.map((each) => ({ ...each })) });
  for (const { name, said: was, counted: is, traceOnly } of differing)
    terminal.say(
      traceOnly ? `${name}: ${is}, traced to other records than it says` : `${name}: it says ${was}, counted ${is}`,
    );
  if (differing.length > 0) throw new CommandEnd('failed', `not as counted: ${counted(differing.length, 'figure')}`);
  terminal.say(`${counted(again.figures.length, 'figure')}, all as counted`);
}

function settled<T>(outcome: Result<T, RecordRefusal>): T {
  if (outcome.ok) return outcome.value;
  const { refusal } = outcome;
  switch (refusal.kind) {
    case 'no-model':
      throw new CommandEnd('notFound', `there is no model ${refusal.model}; see \`release status\``);
    case 'log-shorter':
      throw new CommandEnd('failed', `the log has ${refusal.size} entries, the report counted ${refusal.said}`);
    case 'another-log':
      throw new CommandEnd(
        'failed',
        `the report is of another log (${refusal.said}) or another root than ${refusal.origin} had`,
      );
    default:
      throw new CommandEnd('failed', `the records cannot be read: ${refusal.kind}`);
  }
}
