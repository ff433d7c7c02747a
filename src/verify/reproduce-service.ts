/**
 * Runs a reproducer in fresh sandboxes: each run has its own canary, its own observer key and its own empty working
 * directory. What a run shows is collected here; `confirm.ts` says what it means.
 */

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FlawClass } from '../formats/flaw-class.ts';
import type { RandomBytes } from '../lib/id.ts';
import { PACKAGES_INSIDE, toPlainScript, WORK_INSIDE } from '../lib/inside.ts';
import type { Result } from '../lib/result.ts';
import { readVerdict } from '../probe/index.ts';
import type { SandboxLimits, SandboxRefusal, SandboxRequest, SandboxRun } from '../sandbox/index.ts';
import type { PackageTree } from '../target/index.ts';
import type { ObservedRun, ShellCommand } from './confirm.ts';
import type { Reproducer } from './finding.ts';
import { stubOf } from './stub.ts';
import { readWitness } from './witness.ts';

export type RunInSandbox = (request: SandboxRequest) => Promise<Result<SandboxRun, SandboxRefusal>>;

/** What lies at `node_modules` of a run: a host directory, or nothing. */
export interface Stage {
  readonly nodeModules: string | null;
}

export interface Attempt {
  readonly reproducer: Reproducer;
  readonly flaw: FlawClass;
  readonly stage: Stage;
}

export interface ReproductionParts {
  readonly run: RunInSandbox;
  readonly random: RandomBytes;
  /** Directory for stubs, which hold no secret. */
  readonly scratch: string;
  /** Instead of RUN_LIMITS. */
  readonly limits?: Partial<SandboxLimits>;
}

/** Never narrower than the search's: what was found there must be able to show itself here. */
export const RUN_LIMITS = {
  memoryMiB: 1024,
  pids: 320,
  seconds: 40,
  cpuSeconds: 30,
  diskMiB: 64,
  outputBytes: 4 * 1024 * 1024,
} as const satisfies Partial<SandboxLimits>;

const OBSERVER_DIRECTORY = '.headstart';
const CHILD_LOG = `${OBSERVER_DIRECTORY}/observed`;
const MAX_STUB_FILES = 2_000;
const MAX_SCRIPT_BYTES = 4 * 1024 * 1024;

/** The layer that is missing stands in `refusal`; nothing can be verified without it. */
export class SandboxUnavailable extends Error {
  override readonly name = 'SandboxUnavailable';
  readonly refusal: SandboxRefusal;

  constructor(refusal: SandboxRefusal) {
    super(`the sandbox refuses (${refusal.layer}): ${refusal.reason}`);
    this.refusal = refusal;
  }
}

export type ReproductionService = ReturnType<typeof createReproductionService>;

export function createReproductionService(parts: ReproductionParts) {
  const { run, random, scratch } = parts;
  const observer = observerFiles();

  async function start(request: SandboxRequest): Promise<SandboxRun> {
    const outcome = await run({ ...request, limits: { ...RUN_LIMITS, ...parts.limits } });
    if (!outcome.ok) throw new SandboxUnavailable(outcome.refusal);
    return outcome.value;
  }

  async function runOnce({ reproducer, flaw, stage }: Attempt): Promise<ObservedRun> {
    const canary = `hs${hex(random(8))}`;
    const key = hex(random(32));
    const orders = { key, who: 'main', flaw, canary, root: WORK_INSIDE, file: '', follow: true };
    const ended = await start({
      command: ['node', `--require=${WORK_INSIDE}/${OBSERVER_DIRECTORY}/observer-inside.mjs`, reproducer.file, canary],
      readOnly: mounts(stage),
      files: [...observer, { path: reproducer.file, content: reproducer.text }],
      stdin: JSON.stringify(orders),
      collect: true,
    });
    const stdout = ended.stdout.toString('utf8');
    return {
      canary,
      end: ended.end,
      exitCode: ended.exitCode,
      verdict: readVerdict(stdout, canary),
      events: readWitness(stdout, ended.outputs.get(CHILD_LOG)?.toString('utf8') ?? '', key),
      cpuMs: ended.cpuMs,
      leftFile: [...ended.outputs.keys()].some((path) => path.split('/').at(-1) === canary),
      recordSha256: ended.recordSha256,
    };
  }

  /** Times are measured one after the other, everything else side by side. */
  async function runTimes(attempt: Attempt, times: number): Promise<ObservedRun[]> {
    if (attempt.flaw !== 'redos') return await Promise.all(Array.from({ length: times }, () => runOnce(attempt)));
    const runs: ObservedRun[] = [];
    for (let done = 0; done < times; done += 1) runs.push(await runOnce(attempt));
    return runs;
  }

  /** Whether the command, given to a shell where no reproducer runs, creates the file named by the canary. */
  async function runShellAlone(command: ShellCommand, canary: string, stage: Stage, programs: readonly string[]) {
    const ended = await start({
      command: ['sh', '-c', SHELL_ALONE, command.command, ...programs],
      readOnly: mounts(stage),
      collect: true,
    });
    const created = [...ended.outputs.keys()].some((path) => path.split('/').at(-1) === canary);
    return { created, recordSha256: ended.recordSha256 };
  }

  /** Lays out a stub of the target on disk while `work` runs. */
  async function withStub<T>(tree: PackageTree, work: (stage: Stage) => Promise<T>): Promise<T> {
    await mkdir(scratch, { recursive: true });
    const directory = await mkdtemp(join(scratch, 'stub-'));
    try {
      const stubs = stubOf(await readScripts(join(tree.directory, tree.packagePath)));
      for (const { path, content } of stubs) {
        const file = join(directory, tree.packagePath, path);
        await mkdir(dirname(file), { recursive: true, mode: 0o755 });
        await writeFile(file, content, { mode: 0o644 });
      }
      return await work({ nodeModules: join(directory, 'node_modules') });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  return { runOnce, runTimes, runShellAlone, withStub };
}

/** `$0` is the command, the rest are programs to stand in for, as the reproducer did. */
const SHELL_ALONE = [
  'mkdir -p stand-ins',
  'for program in "$@"; do printf \'#!/bin/sh\\nexit 0\\n\' > "stand-ins/$program"; chmod +x "stand-ins/$program"; done',
  'PATH="$PATH:$PWD/stand-ins"; export PATH',
  'exec sh -c "$0"',
].join('\n');

export const stageOf = (tree: PackageTree): Stage => ({ nodeModules: join(tree.directory, 'node_modules') });
export const EMPTY_STAGE: Stage = { nodeModules: null };

function mounts({ nodeModules }: Stage): { host: string; inside: string }[] {
  return nodeModules === null ? [] : [{ host: nodeModules, inside: PACKAGES_INSIDE }];
}

function observerFiles(): { path: string; content: string }[] {
  const names = ['observer-inside.ts', 'traps-inside.ts'];
  return [
    ...names.map((name) => ({
      path: `${OBSERVER_DIRECTORY}/${name.replace(/ts$/, 'mjs')}`,
      content: toPlainScript(readFileSync(new URL(`./${name}`, import.meta.url), 'utf8')),
    })),
  ];
}

/** All files of the package itself, dependencies below it left out; scripts with their text. */
async function readScripts(packageDirectory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const entries = await readdir(packageDirectory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || files.size >= MAX_STUB_FILES) continue;
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(packageDirectory.length + 1);
    if (relative.split('/').includes('node_modules')) continue;
    const isText = /\.([cm]?js|json)$/.test(entry.name) || !entry.name.includes('.');
    if (!isText) continue;
    const content = await readFile(path);
    if (content.length <= MAX_SCRIPT_BYTES) files.set(relative, content.toString('utf8'));
  }
  return files;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
