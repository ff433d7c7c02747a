/**
 * `scan` and `reproduce`: flaws on the command line. A finding's line names where and how; the text of its reproducer
 * is shown with `--reveal` or `--save` only, and that it was shown is recorded first.
 */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { type Candidate, type ScanResult, scanTree } from '../finder/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { RandomBytes } from '../lib/id.ts';
import { readPlan, reproducerFileName } from '../probe/index.ts';
import type { Sandbox, SandboxProfile } from '../sandbox/index.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { openTarget, type PackageTree, type Registry } from '../target/index.ts';
import {
  type Claim,
  type ConfirmedFinding,
  createFindingStore,
  type FindingId,
  type Rejection,
  recordFinding,
  type Verification,
} from '../verify/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface FindingCommandsContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly database: () => Promise<Database>;
  readonly vault: () => Promise<Vault>;
  readonly scratch: () => Promise<string>;
  /** The npm registry, or only what lies in the cache directory given. */
  readonly registry: (cache?: string) => Registry;
  readonly sandbox: (profile: SandboxProfile) => Promise<Sandbox>;
  readonly verification: (profile: SandboxProfile, registry: Registry) => Promise<Verification>;
  readonly chooseProfile: () => SandboxProfile;
}

interface ScanOptions {
  readonly engine: 'npm' | 'c' | 'model' | 'all';
  readonly cache?: string;
  readonly minutes?: number;
  readonly seed: number;
  readonly profile?: SandboxProfile;
  readonly reveal?: boolean;
  readonly json?: boolean;
}

interface ReproduceOptions {
  readonly times: number;
  readonly save?: string;
  readonly target?: string;
  readonly cache?: string;
  readonly profile?: SandboxProfile;
  readonly json?: boolean;
}

const MAX_TIMES = 1_000;
const MINUTE_MS = 60_000;
const MAX_REPRODUCER_BYTES = 262_144;

/** One line of `scan`: a confirmed finding, or a claim that did not hold. */
export type ScanLine =
  | { readonly status: 'confirmed'; readonly id: string; readonly finding: ConfirmedFinding }
  | { readonly status: 'rejected'; readonly candidate: Candidate; readonly rejection: Rejection }
  | { readonly status: 'candidate'; readonly candidate: Candidate };

export function toScanJson(line: ScanLine, reveal: boolean): Readonly<Record<string, Json>> {
  if (line.status === 'confirmed') {
    const { finding, id } = line;
    return {
      id,
      target: finding.target,
      cwe: FLAW_CLASSES[finding.flaw].cwe,
      class: finding.flaw,
      file: finding.sink?.file ?? null,
      line: finding.sink?.line ?? null,
      entry: finding.entry,
      status: line.status,
      reproductions: finding.reproduction.reproduced,
      oracle: finding.oracle,
      reproducerSha256: finding.reproducer.sha256,
      ...(reveal ? { reproducer: finding.reproducer.text } : {}),
    };
  }
  const { candidate } = line;
  return {
    // Claims are not kept: their id says only that two lines are the same claim.
    id: `candidate_${sha256Hex(JSON.stringify([candidate.target, candidate.plan])).slice(0, 32)}`,
    target: candidate.target,
    cwe: FLAW_CLASSES[candidate.flaw].cwe,
    class: candidate.flaw,
    file: candidate.sink?.file ?? null,
    line: candidate.sink?.line ?? null,
    entry: candidate.entry,
    status: line.status,
    reproductions: 0,
    oracle: candidate.oracle,
    reproducerSha256: null,
    ...(line.status === 'rejected' ? { reason: `${line.rejection.reason}: ${line.rejection.detail}` } : {}),
  };
}

export function registerFindingCommands(program: Command, context: FindingCommandsContext): void {
  program
    .command('scan <target...>')
    .description('look for flaws in packages; the operator vouches for a directory or archive')
    .option('--engine <engine>', 'npm, c, model or all', oneOf('npm', 'c', 'model', 'all'), 'npm')
    .option('--cache <dir>', 'use only what this npm cache holds')
    .option('--minutes <N>', 'stop after this time', readPositive)
    .option('--seed <N>', 'for what is chosen at random', readWhole, 1)
    .option('--profile <profile>', 'of the sandbox: full or user', oneOf<SandboxProfile>('full', 'user'))
    .option('--reveal', 'show the text of reproducers; that it was shown is recorded')
    .option('--json', 'one JSON value per line')
    .action((targets: string[], options: ScanOptions) => scan(context, targets, options));
  program
    .command('reproduce <finding>')
    .description('run the reproducer of a finding again, in fresh sandboxes')
    .option('--times <N>', 'how often', readWhole, 3)
    .option('--save <file>', 'write the reproducer out; that it was is recorded')
    .option('--target <target>', 'run it against this target instead')
    .option('--cache <dir>', 'use only what this npm cache holds')
    .option('--profile <profile>', 'of the sandbox: full or user', oneOf<SandboxProfile>('full', 'user'))
    .option('--json', 'one JSON value')
    .action((finding: string, options: ReproduceOptions) => reproduce(context, finding, options));
}

async function scan(context: FindingCommandsContext, targets: readonly string[], options: ScanOptions): Promise<void> {
  const { terminal, clock } = context;
  if (options.engine === 'c' || options.engine === 'model') {
    throw new CommandEnd('usage', `the engine "${options.engine}" is not built yet; --engine npm is what there is`);
  }
  const until = options.minutes === undefined ? Infinity : clock.now().getTime() + options.minutes * MINUTE_MS;
  const gaps: string[] = [];
  for (const target of targets) {
    if (clock.now().getTime() >= until) gaps.push(`${target}: not begun within ${options.minutes} minutes`);
    else gaps.push(...(await scanTarget(context, target, options, until)));
  }
  for (const gap of gaps) terminal.say(`not covered: ${gap}`);
  if (gaps.length > 0) throw new CommandEnd('incomplete', `${gaps.length} parts were not covered`);
}

/** What was left out, each with its reason. */
async function scanTarget(
  context: FindingCommandsContext,
  target: string,
  options: ScanOptions,
  until: number,
): Promise<string[]> {
  const { terminal, clock } = context;
  const profile = options.profile ?? context.chooseProfile();
  const registry = context.registry(options.cache);
  const [sandbox, verification] = await Promise.all([
    context.sandbox(profile),
    context.verification(profile, registry),
  ]);
  terminal.say(`scanning ${target} (sandbox profile ${profile}, seed ${options.seed})`);
  const opened = await openTarget({ target, scratch: await context.scratch(), registry });
  if (!opened.ok) return [`${target}: ${opened.refusal.kind}: ${opened.refusal.reason}`];
  const tree = opened.value;
  try {
    const result = await scanTree({ tree, sandbox, seed: options.seed });
    tellCost(terminal, target, result);
    const gaps = result.coverage.skipped.map(({ what, reason }) => `${what}: ${reason}`);
    const shown = new Set<string>();
    for (const [done, candidate] of result.candidates.entries()) {
      if (clock.now().getTime() >= until) {
        for (const left of result.candidates.slice(done))
          show(terminal, { status: 'candidate', candidate: left }, options);
        return [...gaps, `${target}: ${result.candidates.length - done} claims not verified in time`];
      }
      await settle(context, { candidate, tree, verification, options, shown });
    }
    return gaps;
  } finally {
    await tree.dispose();
  }
}

function tellCost(terminal: Terminal, target: string, { runs, cpuMs, candidates }: ScanResult): void {
  terminal.say(`${target}: ${runs} sandbox runs, ${Math.round(cpuMs)} ms CPU, ${candidates.length} claims to verify`);
}

interface Settling {
  readonly candidate: Candidate;
  readonly tree: PackageTree;
  readonly verification: Verification;
  readonly options: ScanOptions;
  /** Findings that have their line already: further entries to one root cause add none. */
  readonly shown: Set<string>;
}

async function settle(context: FindingCommandsContext, settling: Settling): Promise<void> {
  const { candidate, tree, verification, options, shown } = settling;
  const { terminal, clock, random } = context;
  const verified = await verification.verifyCandidate(candidate, tree);
  if (!verified.ok) {
    show(terminal, { status: 'rejected', candidate, rejection: verified.refusal }, options);
    return;
  }
  const [database, vault] = await Promise.all([context.database(), context.vault()]);
  const { id } = await database.transaction(async (tx) => {
    const now = clock.now();
    const recorded = await recordFinding(tx, verified.value, { vault, random, now, campaignId: null });
    if (options.reveal) await createFindingStore(tx, vault).recordReveal(recorded.id, 'scan --reveal', now);
    return recorded;
  });
  if (shown.has(id)) return;
  shown.add(id);
  show(terminal, { status: 'confirmed', id, finding: verified.value }, options);
}

function show(terminal: Terminal, line: ScanLine, { json, reveal }: ScanOptions): void {
  const value = toScanJson(line, reveal === true);
  if (json) {
    terminal.json(value);
    return;
  }
  const place = value.file === null ? 'place unknown' : `${value.file}:${value.line}`;
  const reason = line.status === 'rejected' ? ` (${line.rejection.reason})` : '';
  terminal.data(`${value.status}${reason}  ${value.id}  ${value.target}  ${value.class}  ${place}  ${value.entry}\n`);
  if (reveal && line.status === 'confirmed') terminal.data(`${line.finding.reproducer.text}\n`);
}

async function reproduce(context: FindingCommandsContext, name: string, options: ReproduceOptions): Promise<void> {
  const { terminal } = context;
  if (options.times > MAX_TIMES) throw new CommandEnd('usage', `--times may be at most ${MAX_TIMES}`);
  const found = name.startsWith('finding_') ? await openFinding(context, name, options) : await openFile(name, options);
  const registry = context.registry(options.cache);
  const profile = options.profile ?? context.chooseProfile();
  terminal.say(`sandbox profile: ${profile}`);
  const verification = await context.verification(profile, registry);
  const opened = await openTarget({ target: found.target, scratch: await context.scratch(), registry });
  if (!opened.ok) {
    const exit = opened.refusal.kind === 'not-found' ? 'notFound' : 'unavailable';
    throw new CommandEnd(exit, `${found.target}: ${opened.refusal.kind}: ${opened.refusal.reason}`);
  }
  try {
    const outcome = await verification.reproduce(found.claim, opened.value, options.times);
    if (options.json) terminal.json({ ...outcome });
    else terminal.data(`${outcome.reproduced} of ${outcome.of}: ${outcome.oracle}\nrecord ${outcome.recordSha256}\n`);
    if (outcome.reproduced < outcome.of) {
      throw new CommandEnd('failed', `reproduced ${outcome.reproduced} times of ${outcome.of}`);
    }
  } finally {
    await opened.value.dispose();
  }
}

interface Found {
  readonly claim: Claim;
  readonly target: string;
}

async function openFinding(context: FindingCommandsContext, id: string, options: ReproduceOptions): Promise<Found> {
  const [database, vault] = await Promise.all([context.database(), context.vault()]);
  const stored = await createFindingStore(database, vault).find(id);
  if (!stored) throw new CommandEnd('notFound', `there is no finding ${id}`);
  const { flaw, reproducer, target } = stored.finding;
  if (options.save !== undefined) {
    const { save } = options;
    await createFindingStore(database, vault).recordReveal(id as FindingId, 'reproduce --save', context.clock.now());
    await writeFile(save, reproducer.text, { mode: 0o600 });
  }
  return { claim: { flaw, reproducer }, target: options.target ?? target };
}

/** A reproducer written by `--save`: its last line holds the plan, and with it the class. */
async function openFile(path: string, options: ReproduceOptions): Promise<Found> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new CommandEnd('notFound', `${path} is neither a finding nor a reproducer file`);
  if (found.size > MAX_REPRODUCER_BYTES) throw new CommandEnd('usage', `${path} is too large for a reproducer`);
  const text = await readFile(path, 'utf8');
  const plan = readPlan(text);
  if (!plan) throw new CommandEnd('usage', `${path} holds no plan: only a file written by --save can be run`);
  if (options.target === undefined) throw new CommandEnd('usage', 'a reproducer file needs --target');
  const reproducer = { file: reproducerFileName(plan), text, sha256: sha256Hex(text) };
  return { claim: { flaw: plan.flaw, reproducer }, target: options.target };
}

function oneOf<Name extends string>(...names: Name[]) {
  return (text: string): Name => {
    const found = names.find((name) => name === text);
    if (found === undefined) throw new InvalidArgumentError(`one of ${names.join(', ')} is expected`);
    return found;
  };
}

function readPositive(text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0)) throw new InvalidArgumentError('a number above 0 is expected');
  return value;
}

function readWhole(text: string): number {
  const value = readPositive(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('a whole number is expected');
  return value;
}
