/** `release safety-case`: the case that a stage rests on, or a draft, as a report with diagrams. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type CaseParts,
  type CaseRefusal,
  openCaseOf,
  openDraft,
  reportSafetyCase,
  toHtml,
  toMarkdown,
} from '../assurance/index.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import type { Result } from '../lib/result.ts';
import { documentBytes, documentHash, readSafetyCase } from '../policy/index.ts';
import { nounOf } from './member-input.ts';
import { openFrameworks, parseJson, readText } from './policy.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface SafetyCaseCommandParts {
  readonly terminal: Terminal;
  readonly cases: () => Promise<CaseParts>;
}

interface CaseOptions {
  readonly case?: string;
  readonly evidence?: string;
  readonly framework?: readonly string[];
  readonly out?: string;
  readonly json?: boolean;
}

export function registerSafetyCaseCommands(program: Command, { terminal, cases }: SafetyCaseCommandParts): void {
  nounOf(program, 'release', 'which stage a model is at')
    .command('safety-case <model>')
    .description('the safety case that the open stage rests on, or a draft, as Markdown, one HTML file and diagrams')
    .option('--case <file>', 'a draft, with --evidence and --framework')
    .option('--evidence <file>', 'what is known of the model, as `decide` takes it')
    .option('--framework <file...>', 'framework files, or names of shipped ones')
    .option('--out <dir>', 'where the files go; without it the Markdown is printed')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, options: CaseOptions) => {
      const shown = settled(
        options.case === undefined
          ? await openCaseOf(await cases(), model)
          : await readDraft(model, options.case, options),
      );
      const report = reportSafetyCase(shown);
      const { errors } = shown.judged;
      if (options.out !== undefined) {
        await mkdir(options.out, { recursive: true });
        const files = new Map([
          ['safety-case.json', canonicalJson(shown.safetyCase as unknown as Json)],
          ['safety-case.md', toMarkdown(report)],
          ['safety-case.html', toHtml(report)],
          ...report.blocks.flatMap((block): [string, string][] =>
            block.kind === 'figure' ? [[`${block.name}.svg`, block.svg]] : [],
          ),
        ]);
        for (const [name, text] of files) await writeFile(join(options.out, name), text);
        terminal.say(`${files.size} files in ${options.out}`);
      } else if (!options.json) terminal.data(toMarkdown(report));
      if (options.json) {
        const told = errors.map(({ place, why }) => ({ place, why }));
        terminal.json({
          model: shown.safetyCase.model,
          sha256: shown.digest,
          whole: errors.length === 0,
          errors: told,
        });
      }
      if (errors.length > 0) throw new CommandEnd('refused', `the safety case has ${errors.length} errors`);
    });
}

async function readDraft(model: string, file: string, { evidence, framework = [] }: CaseOptions) {
  if (evidence === undefined || framework.length === 0)
    throw new CommandEnd('usage', 'a draft is judged against --evidence and --framework');
  const draft = parseJson(file, await readText(file));
  const read = readSafetyCase(draft);
  if (!read.ok) throw new CommandEnd('usage', `${file} at ${read.refusal.place || 'its root'}: ${read.refusal.why}`);
  const dossier = parseJson(evidence, await readText(evidence));
  const { model: known } = (dossier ?? {}) as { readonly model?: Json };
  if (known !== model) throw new CommandEnd('usage', `${evidence} is about ${String(known)}, not about ${model}`);
  const bytes = { digest: documentHash(draft), bytes: documentBytes(draft) };
  return openDraft({ frameworks: await openFrameworks(framework), dossier }, bytes);
}

function settled<T>(outcome: Result<T, CaseRefusal>): T {
  if (outcome.ok) return outcome.value;
  const { refusal } = outcome;
  switch (refusal.kind) {
    case 'no-decision':
      throw new CommandEnd('notFound', `no decision is in force on ${refusal.model}; a draft is shown by --case`);
    case 'no-case':
      throw new CommandEnd('notFound', `the decision on ${refusal.model} rests on no safety case`);
    default:
      throw new CommandEnd('failed', `it cannot be worked out from the log and the evidence: ${refusal.kind}`);
  }
}
