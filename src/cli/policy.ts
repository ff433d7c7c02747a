/**
 * `decide`, `framework` and `clocks`: what frameworks say of evidence and incidents, and what changed in them. A decision
 * is kept with its inputs in this data directory; all else needs none.
 */

import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import {
  type Decision,
  type DecisionDocuments,
  decisionBytes,
  decisionSha256,
  diffFrameworks,
  documentBytes,
  documentHash,
  type EvaluateRefusal,
  evaluate,
  type Framework,
  isSourceVerified,
  labelOf,
  type RunningClock,
  readDossierValue,
  readFramework,
  readIncident,
  runningClocks,
  shippedDocuments,
  shippedFrameworks,
} from '../policy/index.ts';
import { readFileText } from './file-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface PolicyCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Keeps the inputs and enters their hashes in the log, so that anybody can replay the decision. */
  readonly record: (documents: DecisionDocuments) => Promise<{ readonly entry: string }>;
}

/** How far a file's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 300_000;
/** Items of each list told to a person; `--json` tells all. */
const SHOWN_ITEMS = 20;

interface DecideOptions {
  readonly framework: readonly string[];
  readonly evidence: string;
  readonly safetyCase?: string;
  readonly save?: string;
  readonly record: boolean;
  readonly json?: boolean;
}

export function registerPolicyCommands(program: Command, parts: PolicyCommandParts): void {
  program
    .command('decide')
    .description('which stage the frameworks allow a model, by evidence; enters the log and opens nothing')
    .requiredOption('--framework <file...>', `a framework file, or one that is shipped: ${shippedIds().join(', ')}`)
    .requiredOption('--evidence <file>', 'what is known of the model, and the stage asked for')
    .option('--safety-case <file>', 'the one that a result stands for, by the hash of its canonical JSON')
    .option('--save <file>', 'the decision as canonical JSON')
    .option('--no-record', 'neither keep the inputs nor enter the decision in the log')
    .option('--json', 'one JSON value on standard output')
    .action((options: DecideOptions) => decideCommand(parts, options));
  program
    .command('clocks <incident>')
    .description('every statutory and contractual clock of one record; not legal advice, not reviewed by a lawyer')
    .option('--json', 'one JSON value on standard output')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const clocks = await openClocks(file);
      if (json) parts.terminal.json(clocks.map((each) => ({ ...each })));
      for (const { dueLocal, source, event, recipient, inForce, inForceFrom } of clocks) {
        const note = inForce ? '' : ` (takes effect on ${inForceFrom})`;
        parts.terminal.say(`${dueLocal}  ${source}: ${event}, to ${recipient}${note}`);
      }
      parts.terminal.say('Not legal advice: no lawyer has reviewed these clocks.');
    });
  addFramework(program, parts);
}

async function openClocks(file: string): Promise<readonly RunningClock[]> {
  const record = readIncident(parseJson(file, await readText(file)));
  if (!record.ok)
    throw new CommandEnd('usage', `${file} at ${record.refusal.place || 'its root'}: ${record.refusal.why}`);
  const clocks = runningClocks(record.value, shippedFrameworks().values());
  if (clocks.ok) return clocks.value;
  const { clause, origin } = clocks.refusal;
  throw new CommandEnd('usage', `${file}: ${clause} runs from ${origin}, which is not given`);
}

export function parseJson(file: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new CommandEnd('usage', `${file} is no JSON file`);
  }
}

function addFramework(program: Command, { terminal }: PolicyCommandParts): void {
  const framework = program.command('framework').description('frameworks as data');
  framework
    .command('diff <before> <after>')
    .description('what changed, clause by clause; an alarm where bytes changed behind an unchanged label')
    .option('--json', 'one JSON value on standard output')
    .action(async (before: string, after: string, { json }: { json?: boolean }) => {
      const changes = diffFrameworks(await openDocument(before), await openDocument(after));
      if (json) terminal.json(changes.map((each) => ({ ...each })));
      for (const { clause, change, material, alarm } of changes) {
        terminal.say(`${alarm ? 'ALARM' : material ? 'material' : 'editorial'}  ${clause}: ${change}`);
      }
      if (changes.length === 0) terminal.say('no difference');
    });
  framework
    .command('list')
    .description('the frameworks that are shipped')
    .option('--json', 'one JSON value on standard output')
    .action(({ json }: { json?: boolean }) => {
      const list = [...shippedFrameworks().values()].map((each) => ({
        id: each.id,
        label: labelOf(each),
        effective: each.effective,
        digest: `sha256:${each.digest}`,
        source: each.source.sha256 ?? each.source.sha256Prefix,
        sourceVerified: isSourceVerified(each),
      }));
      if (json) terminal.json(list);
      for (const { id, label, source } of list) {
        terminal.say(`${id}  ${label}  source ${source === null ? 'unverified' : `${source}… unverified`}`);
      }
    });
}

/** A file that is a framework, as it stands. */
async function openDocument(file: string): Promise<Json> {
  const shipped = SHIPPED_NAME.test(file) ? shippedDocuments.get(file) : undefined;
  if (shipped) return shipped;
  const text = await readText(file);
  readOrEnd(file, text);
  return JSON.parse(text) as Json;
}

const SHIPPED_NAME = /^[a-z0-9-]+$/;

async function decideCommand({ terminal, clock, record }: PolicyCommandParts, options: DecideOptions): Promise<void> {
  const { safetyCase: file } = options;
  const safetyCase = file === undefined ? undefined : parseJson(file, await readText(file));
  const documents: DecisionDocuments = {
    frameworks: await openFrameworks(options.framework),
    dossier: await openDossier(options.evidence, clock),
    find: (hash) =>
      safetyCase !== undefined && documentHash(safetyCase) === hash ? documentBytes(safetyCase) : undefined,
  };
  const decided = evaluate(documents);
  if (!decided.ok) throw toEvaluationEnd(decided.refusal);
  const decision = decided.value;
  if (options.save !== undefined) await writeFile(options.save, decisionBytes(decision));
  const recorded = options.record ? await record(documents) : undefined;
  if (options.json) terminal.json({ ...toShown(decision), entry: recorded?.entry ?? null });
  tellDecision(terminal, decision);
  if (recorded)
    terminal.say(`  in the log as ${recorded.entry}: \`replay ${decisionSha256(decision)}\` works it out again`);
  if (!decision.granted) throw new CommandEnd('refused', `${decision.asked} is not granted: ${decision.stage}`);
}

export function toEvaluationEnd(refusal: EvaluateRefusal): CommandEnd {
  switch (refusal.kind) {
    case 'malformed-dossier':
      return new CommandEnd('usage', `the evidence at ${refusal.place || 'its root'}: ${refusal.why}`);
    case 'unknown-semantics':
      return new CommandEnd('refused', `semantics ${refusal.version} are not known here`);
    case 'other-trust':
      return new CommandEnd(
        'refused',
        `the dossier names ${refusal.named} as its document of trust; given was ${refusal.given}`,
      );
    case 'malformed-trust':
      return new CommandEnd('usage', `the document of trust at ${refusal.place}: ${refusal.why}`);
    default:
      return new CommandEnd('refused', `the frameworks are refused (${refusal.kind}): ${refusal.place} ${refusal.why}`);
  }
}

/** Of those with gates. Told without reading them as frameworks, for which every command would wait. */
const shippedIds = () =>
  [...shippedDocuments].flatMap(([id, document]) => {
    const { gates } = document as { readonly gates?: readonly Json[] };
    return gates && gates.length > 0 ? [id] : [];
  });

/** Refused with the place where it is no framework. */
function readOrEnd(file: string, text: string): Framework {
  const read = readFramework(text);
  if (read.ok) return read.value;
  const { kind, place, why } = read.refusal;
  throw new CommandEnd('refused', `${file} is refused (${kind}) at ${place || 'its root'}: ${why}`);
}

/** One by one, so that a refusal names its file. */
export async function openFrameworks(files: readonly string[]): Promise<readonly Json[]> {
  const documents: Json[] = [];
  for (const file of files) documents.push(await openDocument(file));
  return documents;
}

async function openDossier(file: string, clock: Clock): Promise<Json> {
  const document = parseJson(file, await readText(file));
  const read = readDossierValue(document);
  if (!read.ok) throw new CommandEnd('usage', `${file} at ${read.refusal.place || 'its root'}: ${read.refusal.why}`);
  if (Date.parse(read.value.asOf) > clock.now().getTime() + CLOCK_SKEW_MS) {
    throw new CommandEnd('refused', `${file} at /asOf: it is in the future`);
  }
  if (read.value.statements.length > 0) {
    throw new CommandEnd('usage', `${file} at /statements: signed statements are opened by \`release decide\``);
  }
  return document;
}

function toShown(decision: Decision): { readonly [name: string]: Json } {
  const { model, stage, bindingRules, missing, ambiguities } = decision;
  const { asked, granted, refused, expectations, deviations, orders, quorum, semantics, inputs, reasoning } = decision;
  return {
    ...{ model, stage, asked, granted, bindingRules, missing, ambiguities, decisionSha256: decisionSha256(decision) },
    ...{ refused, expectations, deviations, orders, quorum, semantics, inputs, reasoning },
  } as unknown as { readonly [name: string]: Json };
}

export function tellDecision(terminal: Terminal, decision: Decision): void {
  const list = <T>(items: readonly T[], toLine: (item: T) => string): void => {
    for (const item of items.slice(0, SHOWN_ITEMS)) terminal.say(`  ${toLine(item)}`);
    if (items.length > SHOWN_ITEMS) terminal.say(`  … and ${items.length - SHOWN_ITEMS} more`);
  };
  terminal.say(`${decision.model}: ${decision.stage} (asked for ${decision.asked})`);
  list(decision.refused, ({ place, kind, why }) => `refused, ${kind}, at ${place}: ${why}`);
  list(decision.ambiguities, ({ framework, clause, why }) => `interpretation needed, ${framework} ${clause}: ${why}`);
  list(decision.bindingRules, ({ framework, clause, outcome, loc, text }) => {
    return `${outcome === 'holds' ? '✔' : outcome === 'blocks' ? '✗' : '~'} ${framework} ${clause} (${loc ?? 'no locator'}): ${text}`;
  });
  list(
    decision.missing,
    ({ what, id, framework, clause, why }) => `missing ${what} ${id} for ${framework} ${clause}: ${why}`,
  );
  if (decision.ends)
    terminal.say(`  it ends at ${decision.ends.at}, with the ${decision.ends.what} ${decision.ends.place}`);
  for (const { id, version, sourceVerified } of decision.inputs.frameworks) {
    if (!sourceVerified)
      terminal.say(`  ${id} ${version}: the bytes of its source are unverified; no lawyer has reviewed it`);
  }
}

/** Frameworks, dossiers, records: bytes. */
const MAX_FILE_BYTES = 4_000_000;

export const readText = (file: string): Promise<string> => readFileText(file, MAX_FILE_BYTES);
