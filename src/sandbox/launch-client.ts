/**
 * Starts bubblewrap and takes it to the point where every mount stands and the first program inside waits for leave.
 * Everything the run is given travels in descriptors: nothing of it is on a disk or in a list of processes.
 */
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { WORK_INSIDE } from '../lib/inside.ts';
import { type BwrapPlan, bwrapArguments, TMPFS_INSIDE } from './bwrap-arguments.ts';
import { DESCRIPTOR, insideProgram, type ResourceLimits, resourceLimitArguments, STAGES } from './launch-script.ts';
import { type Launcher, type LaunchOrder, PERL, type Started } from './launcher-client.ts';
import type { Layer } from './layers.ts';
import { openMemoryFile } from './memory-file-client.ts';
import type { CheckedRequest } from './request.ts';
import type { NumberOf } from './syscall-table.ts';

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
  /** Files of the run's control groups. */
  readonly groups: readonly string[];
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
  /** Of bubblewrap. */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the first program waits inside; undefined when bubblewrap ended instead. */
  readonly ready: Promise<Waiting | undefined>;
  /** The exit status once both streams are read to their end; null after a death by signal. */
  readonly closed: Promise<number | null>;
  /** Of bubblewrap, and what dies with it. */
  kill(): void;
  /** Closes our ends, whatever is left in them. */
  drop(): void;
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

/** What is opened for the launcher goes to `descriptors`, by the number it gets there. */
function toOrder(plan: LaunchPlan, descriptors: Map<number, number>): LaunchOrder {
  const sources = sourcesOf(plan);
  const args = bwrapArguments(
    {
      filterDescriptor: DESCRIPTOR.filter,
      infoDescriptor: DESCRIPTOR.info,
      mounts: sources.mounts,
      nodeSource: sources.node,
      files: plan.files.map(({ inside }, index) => ({ descriptor: DESCRIPTOR.firstFile + index, inside })),
      ...plan.host,
      environment: plan.request.environment,
      diskMiB: plan.request.limits.diskMiB,
    },
    plan.without,
  );
  const keep = (layer: Layer): boolean => !plan.without.has(layer);
  const top = DESCRIPTOR.firstFile + plan.files.length - 1;
  descriptors.set(DESCRIPTOR.arguments, openMemoryFile(`${args.join('\0')}\0`));
  descriptors.set(DESCRIPTOR.filter, openMemoryFile(plan.filter));
  for (const [index, { content }] of plan.files.entries()) {
    descriptors.set(DESCRIPTOR.firstFile + index, openMemoryFile(content));
  }
  const planted = plan.attestation;
  const limits = keep('resource limits') ? resourceLimitArguments(plan.resourceLimits) : [];
  const inside = [PERL, '-e', insideProgram(plan.call), '--', ...limits, '--', ...plan.request.command];
  return {
    hostUid: plan.hostUid,
    stage: sources.stage,
    staged: sources.staged,
    groups: plan.groups,
    descriptors: planted ? new Map([...descriptors, [top + 1, planted.descriptor]]) : descriptors,
    top,
    keepsDescriptors: !keep('closed descriptors'),
    keepsEnvironment: !keep('clean environment'),
    environment: planted?.environment ?? {},
    program: [...plan.bwrap, '--args', String(DESCRIPTOR.arguments), '--', ...inside],
  };
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

async function waitInside(started: Started, word: 'g' | 'k'): Promise<Waiting | undefined> {
  const { ready, leave, ended } = started;
  const info = readInfo(started.info);
  leave.on('error', () => undefined);
  const waiting = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => {
      started.kill();
      resolve(false);
    }, START_TIMEOUT_MS);
    const settle = (isReady: boolean) => (): void => {
      clearTimeout(timer);
      resolve(isReady);
    };
    ready.once('data', settle(true));
    ready.once('close', settle(false));
    ready.on('error', settle(false));
    void ended.then(settle(false));
  });
  const init = waiting ? await info : undefined;
  for (const pipe of [ready, started.info]) pipe.destroy();
  if (init === undefined) {
    leave.destroy();
    return undefined;
  }
  const pidNamespace = openSync(`/proc/${init}/ns/pid`, constants.O_RDONLY);
  return { init, tmpfs: openTmpfs(init), pidNamespace, leave: () => leave.end(word) };
}

const untilClosed = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', resolve);
  });

export async function launch(launcher: Launcher, plan: LaunchPlan): Promise<Launched> {
  const descriptors = new Map<number, number>();
  const closeAll = (): void => [...descriptors.values()].forEach(closeSync);
  let started: Started;
  try {
    started = await launcher.start(toOrder(plan, descriptors));
  } catch (error) {
    closeAll();
    throw error;
  }
  const { pid, stdin, stdout, stderr, ended } = started;
  const closed = Promise.all([ended, untilClosed(stdout), untilClosed(stderr)]).then(([status]) => status);
  // By then everything given was read, or nobody is left to read it.
  const ready = waitInside(started, plan.without.has('closed descriptors') ? 'k' : 'g').finally(closeAll);
  const drop = (): void => {
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  return { pid, stdin, stdout, stderr, ready, closed, kill: started.kill, drop };
}

/** Where a file of the request stands inside. */
export const insideWork = (path: string): string => `${WORK_INSIDE}/${path}`;
