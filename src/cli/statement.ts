/** `release state` and `release import-evaluation`: evidence as signed statements, one file each. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { judgeCapability, judgeContainment, readCapabilityLog, readInspectLog } from '../formats/inspect-log.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { CLAIM_KINDS, documentHash, isCounted, signStatement } from '../policy/index.ts';
import { nounOf } from './member-input.ts';
import { parseJson, readText } from './policy.ts';
import { openKey } from './release.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface StatementCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Keeps a document among the evidence. */
  readonly keep: (document: Json) => Promise<string>;
}

interface Options {
  readonly sign: string;
  readonly save: string;
  readonly json?: boolean;
}

type Claim = { readonly [name: string]: Json };

export function registerStatementCommands(program: Command, parts: StatementCommandParts): void {
  const release = nounOf(program, 'release', 'which stage a model is at');
  release
    .command('state <kind> <claim>')
    .description(`sign one claim as evidence: ${CLAIM_KINDS.join(', ')}; dated now where the file names no instant`)
    .requiredOption('--sign <keyfile>', 'Ed25519 key (PEM) of who states it')
    .requiredOption('--save <file>', 'the signed statement')
    .option('--json', 'one JSON value on standard output')
    .action(async (named: string, file: string, options: Options) => {
      const kind = CLAIM_KINDS.find((each) => each === named);
      if (!kind) throw new CommandEnd('usage', `no kind ${named}. There are ${CLAIM_KINDS.join(', ')}`);
      const claim = parseJson(file, await readText(file));
      if (typeof claim !== 'object' || claim === null || Array.isArray(claim))
        throw new CommandEnd('usage', `${file} is no claim: one JSON object`);
      const { name } = claim as Claim;
      if (kind === 'metrics' && typeof name === 'string' && isCounted({ name }))
        throw new CommandEnd('refused', `${name} is counted and not stated: \`release head-start --sign\``);
      await state(parts, kind, claim as Claim, options);
    });
  release
    .command('import-evaluation <log>')
    .description('take in an evaluation log of Inspect (JSON) as a signed result; the log is kept among the evidence')
    .requiredOption('--model-digest <sha256>', 'sha256:… of the model that was evaluated')
    .requiredOption('--sign <keyfile>', 'Ed25519 key (PEM) of who states it')
    .requiredOption('--save <file>', 'the signed statement')
    .option('--name <name>', 'what the result is called', 'containment-evaluation')
    .option('--scorer <name>', 'whose verdicts are read', 'containment')
    .option('--reaches <share>', 'of a capability: `pass` where the model solves at least this share of the samples')
    .option('--elicitation <text>', 'how hard it was tried: prompts, tools, attempts, fine-tuning')
    .option('--void <why>', 'it shows nothing, whatever it says: the model knew the test, say')
    .option('--json', 'one JSON value on standard output')
    .action((file: string, options: ImportOptions) => importEvaluation(parts, file, options));
}

interface ImportOptions extends Options {
  readonly modelDigest: string;
  readonly name: string;
  readonly scorer: string;
  readonly reaches?: string;
  readonly elicitation?: string;
  readonly void?: string;
}

async function importEvaluation(parts: StatementCommandParts, file: string, options: ImportOptions): Promise<void> {
  const { modelDigest, name } = options;
  if (!/^sha256:[0-9a-f]{64}$/.test(modelDigest)) throw new CommandEnd('usage', '--model-digest is sha256:…');
  const document = parseJson(file, await readText(file));
  const { run, value, why } = judgeLog(document, file, options);
  const { elicitation } = options;
  const claim = {
    ...{ name, value, modelDigest, digest: documentHash(document), coverage: why },
    ...(elicitation !== undefined && { elicitation }),
    ...{ nature: run.isSample ? 'simulated' : 'real', source: `${run.task}, of ${run.model}, ${run.created}` },
  };
  await parts.keep(document);
  await state(parts, 'results', claim, options);
  parts.terminal.say(`${name}: ${value}, ${why}${run.isSample ? ' (a sample: simulated)' : ''}`);
}

/** A capability where a share is named that the model would have to reach; else containment. */
function judgeLog(document: Json, file: string, { scorer, reaches: text, void: why }: ImportOptions) {
  const reaches = text === undefined ? undefined : Number(text);
  if (reaches !== undefined && !(reaches > 0 && reaches <= 1))
    throw new CommandEnd('usage', '--reaches is a share: above 0, at most 1');
  const malformed = ({ place, why }: { readonly place: string; readonly why: string }) =>
    new CommandEnd('usage', `${file} at ${place}: ${why}`);
  const voided = why === undefined ? {} : { value: 'invalid' as const, why: `void: ${why}` };
  if (reaches === undefined) {
    const log = readInspectLog(document, scorer);
    if (!log.ok) throw malformed(log.refusal);
    return { run: log.value, ...judgeContainment(log.value), ...voided };
  }
  const log = readCapabilityLog(document, scorer);
  if (!log.ok) throw malformed(log.refusal);
  return { run: log.value, ...judgeCapability(log.value, reaches), ...voided };
}

async function state(
  { terminal, clock }: StatementCommandParts,
  kind: Parameters<typeof signStatement>[0],
  claim: Claim,
  { sign, save, json }: Options,
): Promise<void> {
  const dated = claim.at === undefined && kind !== 'orders' ? { ...claim, at: clock.now().toISOString() } : claim;
  const bytes = signStatement(kind, dated, await openKey(sign));
  await writeFile(save, bytes, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? new CommandEnd('conflict', `${save} exists and is not overwritten`) : error;
  });
  const statement = `sha256:${sha256Hex(bytes)}`;
  if (json) terminal.json({ statement, kind, claim: dated });
  terminal.say(`a dossier names it among its statements: ${statement}`);
}
