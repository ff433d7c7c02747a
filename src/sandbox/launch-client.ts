/**
 * Starts bubblewrap and takes it to the point where every mount stands and the first program inside waits for leave.
 * Everything the run is given travels in descriptors: nothing of it is on a disk or in a list of processes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { WORK_INSIDE } from '../lib/inside.ts';
import { type BwrapPlan, bwrapArguments, TMPFS_INSIDE } from './bwrap-arguments.ts';
import {
  HANDSHAKE,
  insideProgram,
  outsideProgram,
  type ResourceLimits,
  resourceLimitArguments,
  STAGES,
} from './launch-script.ts';
import type { Layer } from './layers.ts';
import { openMemoryFile } from './memory-file-client.ts';
import type { CheckedRequest } from './request.ts';
import type { NumberOf } from './syscall-table.ts';

const [ARGUMENTS, INFO, FILTER, FIRST_FILE] = [3, 4, 6, 7];
const PERL = '/usr/bin/perl';
const START_TIMEOUT_MS = 20_000;

export interface LaunchInput {
  readonly how: 'direct' | 'bind' | 'copy';
  readonly path: string;
  readonly inside: string;
}

export interface LaunchPlan {
  /** Bubblewrap and what must stand before it on the command line. */
  readonly bwrap: readonly string[];
  /** The uid to become; undefined when this process already is an unprivileged one. */
  readonly hostUid: number | undefined;
  readonly filter: Uint8Array;
  /** Of the machine we run on. */
  readonly call: NumberOf;
  readonly node: LaunchInput;
  readonly inputs: readonly LaunchInput[];
  /** Written inside before the start, by absolute path. */
  readonly files: readonly { readonly inside: string; readonly content: string | Uint8Array }[];
  readonly host: Pick<BwrapPlan, 'masks' | 'rootEntries'>;
  readonly request: CheckedRequest;
  readonly resourceLimits: ResourceLimits;
  readonly without: ReadonlySet<Layer>;
  readonly attestation?: AttestationPlan;
}

/** What only the attestation does to a run. */
export interface AttestationPlan {
  /** Planted in the launcher; must not be seen inside. */
  readonly environment: Record<string, string>;
  /** Inherited by the launcher; must not be open inside. The caller closes it. */
  readonly descriptor: number;
  /** Looks at the first process from outside while it waits inside for leave. */
  observe(init: number): void;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly stdin: NonNullable<ChildProcess['stdin']>;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The run's first process, known before its mounts are made; undefined when bubblewrap ended instead. */
  readonly init: Promise<number | undefined>;
  /** Resolves when the first program waits inside; undefined when bubblewrap ended instead. */
  readonly ready: Promise<Waiting | undefined>;
}

export interface Waiting {
  /** The run's first process, as the host numbers it. */
  readonly init: number;
  /** Directories of the run's own tmpfs mounts; they stay readable after every process is gone. */
  readonly tmpfs: readonly number[];
  /** The run's process id namespace, held open: the kernel gives the number of one that is gone to the next. */
  readonly pidNamespace: number;
  leave(): void;
}

interface Sources {
  readonly stage: string;
  readonly node: string;
  readonly mounts: BwrapPlan['mounts'];
  readonly staged: readonly LaunchInput[];
}

function findStage(inputs: readonly LaunchInput[]): string {
  const stage = STAGES.find(
    (path) => existsSync(path) && !inputs.some((input) => `${input.path}/`.startsWith(`${path}/`)),
  );
  if (stage === undefined)
    throw new Error(`inputs lie below each of ${STAGES.join(', ')}; none is left to stage them in`);
  return stage;
}

function sourcesOf(plan: LaunchPlan): Sources {
  const stage = findStage([plan.node, ...plan.inputs]);
  const staged: LaunchInput[] = [];
  const sourceOf = (input: LaunchInput): string => {
    if (input.how === 'direct') return input.path;
    staged.push(input);
    return `${stage}/${staged.length - 1}`;
  };
  const node = sourceOf(plan.node);
  const mounts = plan.inputs.map((input) => ({ source: sourceOf(input), inside: input.inside }));
  return { stage, node, mounts, staged };
}

function spawnPlan(plan: LaunchPlan, descriptors: number[]): ChildProcess {
  const open = (content: string | Uint8Array): number => {
    const descriptor = openMemoryFile(content);
    descriptors.push(descriptor);
    return descriptor;
  };
  const sources = sourcesOf(plan);
  const args = bwrapArguments(
    {
      filterDescriptor: FILTER,
      infoDescriptor: INFO,
      mounts: sources.mounts,
      nodeSource: sources.node,
      files: plan.files.map(({ inside }, index) => ({ descriptor: FIRST_FILE + index, inside })),
      ...plan.host,
      environment: plan.request.environment,
      diskMiB: plan.request.limits.diskMiB,
    },
    plan.without,
  );
  const keep = (layer: Layer): boolean => !plan.without.has(layer);
  const top = FIRST_FILE + plan.files.length - 1;
  const outside = [
    ...[plan.hostUid === undefined ? '-' : String(plan.hostUid), sources.stage, String(sources.staged.length)],
    ...sources.staged.flatMap(({ how, path }) => [how, path]),
    ...[String(top), keep('closed descriptors') ? '0' : '1', keep('clean environment') ? '0' : '1'],
  ];
  const limits = keep('resource limits') ? resourceLimitArguments(plan.resourceLimits) : [];
  const inside = [PERL, '-e', insideProgram(plan.call), '--', ...limits, '--', ...plan.request.command];
  const stdio: ('pipe' | number)[] = ['pipe', 'pipe', 'pipe'];
  stdio.push(open(`${args.join('\0')}\0`), 'pipe', 'pipe', open(plan.filter));
  stdio.push(...plan.files.map(({ content }) => open(content)));
  if (plan.attestation) stdio.push(plan.attestation.descriptor);
  const programs = [...plan.bwrap, '--args', String(ARGUMENTS), '--', ...inside];
  return spawn(PERL, ['-e', outsideProgram(plan.call), '--', ...outside, ...programs], {
    env: plan.attestation?.environment ?? {},
    cwd: '/',
    stdio,
  });
}

/** Opens the run's tmpfs mounts while only our own program runs in there, so no link can stand in the way. */
function openTmpfs(init: number): number[] {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  return TMPFS_INSIDE.map((inside) => openSync(`/proc/${init}/root${inside}`, flags));
}

function readInfo(stream: Readable): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const found = /"child-pid": (\d+)/.exec(text);
      if (found) resolve(Number(found[1]));
    });
    stream.on('error', () => resolve(undefined));
    stream.on('close', () => resolve(undefined));
  });
}

async function waitInside(
  child: ChildProcess,
  info: Promise<number | undefined>,
  word: 'g' | 'k',
): Promise<Waiting | undefined> {
  const handshake = (child.stdio as readonly unknown[])[HANDSHAKE] as Duplex;
  const waiting = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(false);
    }, START_TIMEOUT_MS);
    const settle = (started: boolean) => () => {
      clearTimeout(timer);
      resolve(started);
    };
    handshake.once('data', settle(true));
    handshake.once('close', settle(false));
    handshake.on('error', settle(false));
    child.once('exit', settle(false));
    child.once('error', settle(false));
  });
  const init = waiting ? await info : undefined;
  if (init === undefined) return undefined;
  const pidNamespace = openSync(`/proc/${init}/ns/pid`, constants.O_RDONLY);
  return { init, tmpfs: openTmpfs(init), pidNamespace, leave: () => handshake.end(word) };
}

export function launch(plan: LaunchPlan): Launched {
  const descriptors: number[] = [];
  try {
    const child = spawnPlan(plan, descriptors);
    const { stdin, stdout, stderr } = child;
    if (!stdin || !stdout || !stderr) throw new Error('the launcher was started without pipes');
    const init = readInfo((child.stdio as readonly unknown[])[INFO] as Readable);
    return {
      child,
      stdin,
      stdout,
      stderr,
      init,
      ready: waitInside(child, init, plan.without.has('closed descriptors') ? 'k' : 'g'),
    };
  } finally {
    descriptors.forEach(closeSync);
  }
}

/** Where a file of the request stands inside. */
export const insideWork = (path: string): string => `${WORK_INSIDE}/${path}`;
