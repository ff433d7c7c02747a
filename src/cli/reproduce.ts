/** `reproduce`: runs a finding's reproducer again. Its text is written out with `--save` only, and that is recorded first. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { readPlan, reproducerFileName } from '../probe/index.ts';
import type { SandboxProfile } from '../sandbox/index.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { openTarget, type Registry } from '../target/index.ts';
import { type Claim, createFindingStore, type FindingId, type Verification } from '../verify/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ReproduceContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly database: () => Promise<Database>;
  readonly vault: () => Promise<Vault>;
  readonly scratch: () => Promise<string>;
  /** The npm registry, or only what lies in the cache directory given. */
  readonly registry: (cache?: string) => Registry;
  readonly verification: (profile: SandboxProfile, registry: Registry) => Promise<Verification>;
  readonly chooseProfile: () => SandboxProfile;
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
const MAX_REPRODUCER_BYTES = 262_144;

export function registerReproduce(program: Command, context: ReproduceContext): void {
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

async function reproduce(context: ReproduceContext, name: string, options: ReproduceOptions): Promise<void> {
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

async function openFinding(context: ReproduceContext, id: string, options: ReproduceOptions): Promise<Found> {
  const [database, vault] = await Promise.all([context.database(), context.vault()]);
  const stored = await createFindingStore(database, vault).find(id);
  if (!stored) throw new CommandEnd('notFound', `there is no finding ${id}`);
  const { flaw, reproducer, target, origin } = stored.finding;
  if (options.save !== undefined) {
    const { save } = options;
    await createFindingStore(database, vault).recordReveal(id as FindingId, 'reproduce --save', context.clock.now());
    await writeFile(save, reproducer.text, { mode: 0o600 });
  }
  return { claim: { flaw, reproducer }, target: options.target ?? origin ?? target };
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
