/**
 * `sandbox run` and `sandbox attest`: the sandbox on the command line. The profile is printed before anything starts.
 * The exit status of `sandbox run` is the command's own; 124 time, 137 a limit, 125 the sandbox's own refusal.
 */
import { accessSync, constants, existsSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { Result } from '../lib/result.ts';
import type { Sandbox, SandboxLimits, SandboxProfile, SandboxRefusal, SandboxRun } from '../sandbox/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

/** What the shell conventions leave to whoever starts a command: it could not be started at all. */
const OWN_REFUSAL = 125;
/** Of each stream; what a person runs by hand may say more than a probe may. */
const OUTPUT_BYTES = 67_108_864;

export interface SandboxCommandsContext {
  readonly terminal: Terminal;
  /** Makes the sandbox of this profile, installing what is missing where that is allowed. */
  openSandbox(profile: SandboxProfile): Promise<Result<Sandbox, SandboxRefusal>>;
  chooseProfile(): SandboxProfile;
  /** Standard streams of this process: a command's output passes through unchanged. */
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

interface RunOptions {
  readonly profile?: SandboxProfile;
  readonly net: 'none' | 'sinks';
  readonly memory?: number;
  readonly pids?: number;
  readonly seconds?: number;
  readonly disk?: number;
  readonly ro: readonly string[];
  readonly out?: string;
  readonly record?: string;
}

function readNumber(text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0)) throw new InvalidArgumentError('a number above 0 is expected');
  return value;
}

function readWhole(text: string): number {
  const value = readNumber(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('a whole number is expected');
  return value;
}

function oneOf<Name extends string>(...names: Name[]) {
  return (text: string): Name => {
    const found = names.find((name) => name === text);
    if (found === undefined) throw new InvalidArgumentError(`one of ${names.join(', ')} is expected`);
    return found;
  };
}

const readProfile = oneOf<SandboxProfile>('full', 'user');

function toLimits({ memory, pids, seconds, disk }: RunOptions): Partial<SandboxLimits> {
  return {
    outputBytes: OUTPUT_BYTES,
    ...(memory === undefined ? {} : { memoryMiB: memory }),
    ...(pids === undefined ? {} : { pids }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(disk === undefined ? {} : { diskMiB: disk }),
  };
}

/** Our own refusal, as against whatever the command did: it was not run, or what it left has no place. */
class OwnRefusal extends Error {
  override readonly name = 'OwnRefusal';
}

/** Not by `recursive`: that never ends where the kernel says of /proc that it is not there. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
}

/** Before the run, so that none is begun whose output or record has no place. */
function preparePlaces({ out, record }: RunOptions): void {
  try {
    if (out !== undefined) makeDirectory(resolve(out));
    if (record !== undefined) accessSync(existsSync(record) ? record : dirname(resolve(record)), constants.W_OK);
  } catch (cause) {
    throw new OwnRefusal(`nothing was run: ${(cause as Error).message}`, { cause });
  }
}

/** The directory is the caller's and holds nothing of these names yet: what comes out of a sandbox overwrites nothing. */
function writeTraces({ out, record }: RunOptions, run: SandboxRun): void {
  try {
    if (record !== undefined) writeFileSync(record, canonicalJson(run.record), { mode: 0o600 });
    for (const [path, content] of out === undefined ? [] : run.outputs) {
      const target = join(resolve(out ?? ''), path);
      mkdirSync(dirname(target), { recursive: true });
      if (lstatSync(target, { throwIfNoEntry: false })) {
        throw new OwnRefusal(`${target} exists already; give --out an empty directory`);
      }
      writeFileSync(target, content, { mode: 0o644, flag: 'wx' });
    }
  } catch (cause) {
    throw cause instanceof OwnRefusal ? cause : new OwnRefusal((cause as Error).message, { cause });
  }
}

async function runInSandbox(context: SandboxCommandsContext, options: RunOptions, command: string[]): Promise<void> {
  const { terminal } = context;
  try {
    if (options.net === 'sinks') throw new OwnRefusal('--net sinks is not built yet; --net none is what there is');
    const profile = options.profile ?? context.chooseProfile();
    terminal.say(`sandbox profile: ${profile}`);
    preparePlaces(options);
    await runOnProfile(context, options, profile, command);
  } catch (error) {
    if (!(error instanceof OwnRefusal)) throw error;
    terminal.say(`headstart: ${error.message}`);
    process.exitCode = OWN_REFUSAL;
  }
}

async function runOnProfile(
  context: SandboxCommandsContext,
  options: RunOptions,
  profile: SandboxProfile,
  command: string[],
): Promise<void> {
  const opened = await context.openSandbox(profile);
  if (!opened.ok) {
    throw new OwnRefusal(
      `layer missing from the profile ${profile}: ${opened.refusal.layer}: ${opened.refusal.reason}`,
    );
  }
  const sandbox = opened.value;
  try {
    const run = await sandbox.run({
      command,
      readOnly: options.ro.map((path) => ({ host: resolve(path), inside: resolve(path) })),
      limits: toLimits(options),
      collect: options.out !== undefined,
    });
    if (!run.ok) throw new OwnRefusal(`${run.refusal.kind}: ${run.refusal.layer}: ${run.refusal.reason}`);
    context.stdout.write(run.value.stdout);
    context.stderr.write(run.value.stderr);
    writeTraces(options, run.value);
    if (run.value.end !== 'exited') context.terminal.say(`sandbox: ended by ${run.value.end}`);
    process.exitCode = run.value.exitCode;
  } finally {
    await sandbox.close();
  }
}

async function attestSandbox(
  context: SandboxCommandsContext,
  options: { readonly profile?: SandboxProfile; readonly json?: boolean },
): Promise<void> {
  const profile = options.profile ?? context.chooseProfile();
  context.terminal.say(`sandbox profile: ${profile}`);
  const opened = await context.openSandbox(profile);
  if (!opened.ok) {
    throw new CommandEnd(
      'failed',
      `layer missing from the profile ${profile}: ${opened.refusal.layer}: ${opened.refusal.reason}`,
    );
  }
  const attested = await opened.value.attest().finally(() => opened.value.close());
  if (!attested.ok) throw new CommandEnd('failed', `${attested.refusal.layer}: ${attested.refusal.reason}`);
  const { probes, stopped, failed, layers } = attested.value;
  if (options.json) context.terminal.json({ probes, stopped, failed: [...failed], profile, layers: [...layers] });
  else {
    context.terminal.data(`${stopped} of ${probes} attempts stopped, profile ${profile}\n`);
    for (const probe of failed) context.terminal.data(`got through: ${probe}\n`);
  }
  if (failed.length > 0) throw new CommandEnd('failed', `${failed.length} attempts got through`);
}

export function registerSandboxCommands(program: Command, context: SandboxCommandsContext): void {
  const sandbox = program
    .command('sandbox')
    .description('run a command contained, or try to get out')
    .enablePositionalOptions();
  const collect = (path: string, paths: readonly string[]): readonly string[] => [...paths, path];
  sandbox
    .command('run')
    .description("run CMD contained; its exit status is the command's own")
    .option('--profile <profile>', 'full (control groups) or user (watched from outside)', readProfile)
    .option('--net <net>', 'none or sinks', oneOf('none', 'sinks'), 'none')
    .option('--memory <MB>', 'memory of all processes together', readWhole)
    .option('--pids <N>', 'processes and threads at once', readWhole)
    .option('--seconds <N>', 'wall-clock time', readNumber)
    .option('--disk <MB>', 'size of the working directory', readWhole)
    .option('--ro <dir>', 'directory seen read-only under its own path (repeatable)', collect, [])
    .option('--out <dir>', 'receives what the command left in its working directory')
    .option('--record <file>', 'receives the record of the run')
    .argument('<cmd...>', 'the command, after --')
    .passThroughOptions()
    .action((command: string[], options: RunOptions) => runInSandbox(context, options, command));
  sandbox
    .command('attest')
    .description('try every known way out of this very sandbox')
    .option('--profile <profile>', 'full or user', readProfile)
    .option('--json', 'one JSON value')
    .action((options: { profile?: SandboxProfile; json?: boolean }) => attestSandbox(context, options));
}
