/**
 * The sandbox: runs one command contained, with limits, and records what it did. Fails closed: a layer of the chosen
 * profile that this host cannot give is refused by name, and neither profile stands in for the other.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Attestation, attest } from './attest-service.ts';
import { type Bubblewrap, findBubblewrap } from './bubblewrap-client.ts';
import { findCgroups } from './cgroup-client.ts';
import { type CgroupPool, createCgroupPool } from './cgroup-pool-client.ts';
import { findInput, reachOf, readProcMasks, readRootEntries } from './host-client.ts';
import { createHostUids, type HostUids } from './host-uid-client.ts';
import { type AttestationPlan, insideWork, type LaunchInput, type LaunchPlan } from './launch-client.ts';
import type { ResourceLimits } from './launch-script.ts';
import { createLauncher, type Launcher, PERL } from './launcher-client.ts';
import { LAYERS, type Layer } from './layers.ts';
import { hasMemoryFiles } from './memory-file-client.ts';
import { hashFile, stageNode } from './node-stage-client.ts';
import { ownIdentity } from './process-tree-client.ts';
import { toRecord } from './record.ts';
import { type CheckedRequest, checkRequest, NODE_INSIDE } from './request.ts';
import type { SandboxLimits, SandboxProfile, SandboxRefusal, SandboxRequest, SandboxRun } from './run.ts';
import { runOnce } from './run-service.ts';
import { compileFilter } from './seccomp-filter.ts';
import { type CallTable, findCallTable, numberOfIn } from './syscall-table.ts';

const MIB = 1_048_576;
/** Locks of host uids; one directory for the machine, so that two installations agree. */
const UID_LOCKS = '/run/headstart-sandbox/uids';
const OPEN_FILES = 1_024;
/** V8 reserves tens of GiB of addresses for WebAssembly alone; without room for two memories Node does not run. */
const NODE_ADDRESS_SPACE_BYTES = 64 * 1_024 * MIB;
/** Writable mappings Node makes before it runs anything, thread stacks included. */
const NODE_DATA_BYTES = 2_048 * MIB;
/** So that a full disk is an error and not a signal; only a file with holes comes to the limit of a file. */
const PAGE_BYTES = 4_096;
/** In `full` the cgroup counts first, so that it can tell. */
const PROCESS_SLACK = 16;

export interface SandboxOptions {
  readonly profile: SandboxProfile;
  /** Holds locks where /run cannot; nothing of a run is kept there. */
  readonly stateDirectory: string;
  readonly nodeBinary: string;
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** Found on the system's path or below `<stateDirectory>/tools` when absent. */
  readonly bubblewrap?: Bubblewrap;
  /** `process.arch` of the machine. */
  readonly architecture?: string;
  /** Stands in for `/proc/self` where control groups are looked up. */
  readonly cgroupRoot?: string;
}

export interface Sandbox {
  readonly profile: SandboxProfile;
  readonly layers: readonly Layer[];
  run(request: SandboxRequest): Promise<Result<SandboxRun, SandboxRefusal>>;
  /** Tries to get out of this very sandbox, by every way known, and says what was stopped. */
  attest(): Promise<Result<Attestation, SandboxRefusal>>;
  close(): Promise<void>;
}

/** What a sandbox is made of; `without` serves the attestation and its test. */
interface Parts {
  readonly options: SandboxOptions;
  readonly bubblewrap: Bubblewrap;
  readonly filter: Buffer;
  readonly table: CallTable;
  readonly launcher: Launcher;
  readonly node: LaunchInput;
  readonly nodeSha256: string;
  readonly unstage: () => void;
  readonly host: LaunchPlan['host'];
  readonly uids: HostUids | undefined;
  readonly cgroups: CgroupPool | undefined;
  readonly without: ReadonlySet<Layer>;
}

const missing = (layer: string, reason: string) => refuse<SandboxRefusal>({ kind: 'layer-missing', layer, reason });

const isRoot = (): boolean => process.getuid?.() === 0;

/** The profile for this host when nobody chose one: `full` where root has usable control groups. Print what it says. */
export function chooseProfile(): SandboxProfile {
  return isRoot() && findCgroups().ok ? 'full' : 'user';
}

function toInput(host: string, inside: string): LaunchInput | { readonly problem: string } {
  const found = findInput(host);
  if ('problem' in found) return found;
  return { path: found.path, inside, how: isRoot() ? reachOf(found.path) : 'direct' };
}

function resourceLimits(profile: SandboxProfile, limits: SandboxLimits): ResourceLimits {
  const memory = limits.memoryMiB * MIB;
  return {
    core: 0,
    memlock: 0,
    nofile: OPEN_FILES,
    fsize: limits.diskMiB * MIB + PAGE_BYTES,
    cpu: limits.cpuSeconds + 1,
    nproc: limits.pids + (profile === 'full' ? PROCESS_SLACK : 0),
    as: memory + NODE_ADDRESS_SPACE_BYTES,
    data: memory + NODE_DATA_BYTES,
  };
}

async function assemble(options: SandboxOptions, without: ReadonlySet<Layer>): Promise<Result<Parts, SandboxRefusal>> {
  const architecture = options.architecture ?? process.arch;
  const table = findCallTable(architecture);
  if (!table)
    return missing('system call filter', `no call table for ${architecture} is checked in; run on x64 or arm64`);
  if (!existsSync(PERL)) return missing('closed descriptors', 'perl is missing; install perl-base');
  if (!hasMemoryFiles()) return missing('memory files', '/dev/shm is not a tmpfs; mount one there');
  const bubblewrap = options.bubblewrap ?? (await findBubblewrap(options.stateDirectory));
  if (!bubblewrap) return missing('bubblewrap', 'bubblewrap is not installed (apt-get install bubblewrap)');
  const node = toInput(resolve(options.nodeBinary), NODE_INSIDE);
  if ('problem' in node) return missing('pinned Node', node.problem);
  const tag = Buffer.from(options.random(8)).toString('hex');
  const nodeSha256 = await hashFile(node.path);
  const staged = node.how === 'copy' ? await stageNode(node.path, nodeSha256, ownIdentity(), tag) : undefined;
  let cgroups: CgroupPool | undefined;
  if (options.profile === 'full') {
    const found = findCgroups(options.cgroupRoot);
    if (!found.ok) return found;
    cgroups = createCgroupPool(found.value, ownIdentity(), tag);
  }
  return ok({
    options,
    bubblewrap,
    filter: compileFilter(table),
    table,
    launcher: createLauncher(numberOfIn(table)),
    node: staged ? { ...node, path: staged.path, how: reachOf(staged.path) } : node,
    nodeSha256,
    unstage: () => staged?.remove(),
    host: { masks: readProcMasks(), rootEntries: readRootEntries() },
    uids: isRoot() && !without.has('unprivileged host uid') ? createHostUids(UID_LOCKS, tag) : undefined,
    cgroups,
    without,
  });
}

const ETC: readonly { readonly inside: string; readonly content: string }[] = [
  { inside: '/etc/passwd', content: 'sandbox:x:65534:65534:sandbox:/work:/bin/sh\n' },
  { inside: '/etc/group', content: 'sandbox:x:65534:\n' },
  { inside: '/etc/hosts', content: '127.0.0.1 localhost\n::1 localhost\n' },
  { inside: '/etc/nsswitch.conf', content: 'passwd: files\ngroup: files\nhosts: files\n' },
];

function toPlan(
  parts: Parts,
  request: CheckedRequest,
  hostUid: number | undefined,
  groups: readonly string[],
  attestation: AttestationPlan | undefined,
): Result<LaunchPlan, SandboxRefusal> {
  const inputs: LaunchInput[] = [];
  for (const { host, inside } of request.readOnly) {
    const input = toInput(host, inside);
    if ('problem' in input) return refuse({ kind: 'bad-request', layer: 'read-only mounts', reason: input.problem });
    inputs.push(input);
  }
  return ok({
    bwrap: parts.bubblewrap.command,
    hostUid,
    groups,
    filter: parts.filter,
    call: numberOfIn(parts.table),
    node: parts.node,
    inputs,
    files: [...ETC, ...request.files.map(({ path, content }) => ({ inside: insideWork(path), content }))],
    host: parts.host,
    request,
    resourceLimits: resourceLimits(parts.options.profile, request.limits),
    without: parts.without,
    ...(attestation ? { attestation } : {}),
  });
}

/** One run with what it borrows (uid, group) given back whatever happens. */
async function runRequest(
  parts: Parts,
  asked: SandboxRequest,
  attestation: AttestationPlan | undefined,
): Promise<Result<SandboxRun, SandboxRefusal>> {
  const checked = checkRequest(asked);
  if (!checked.ok) return checked;
  const { options, uids, without } = parts;
  const id = createId('run', options.random);
  const startedAt = options.clock.now();
  const hostUid = uids?.lease();
  if (uids && hostUid === undefined) return missing('unprivileged host uid', 'every uid of the range is in use');
  const cgroup = without.has('cgroup') ? undefined : parts.cgroups?.take(checked.value.limits);
  try {
    const plan = toPlan(parts, checked.value, hostUid, cgroup?.entrances ?? [], attestation);
    if (!plan.ok) return plan;
    const outcome = await runOnce(parts.launcher, plan.value, cgroup);
    if (!outcome.ok) return outcome;
    const facts = {
      id,
      profile: options.profile,
      layers: LAYERS[options.profile].filter((layer) => !without.has(layer)),
      startedAt,
      hostUid: hostUid ?? process.getuid?.() ?? -1,
      bubblewrap: parts.bubblewrap.version,
      nodeSha256: parts.nodeSha256,
      filterSha256: sha256Hex(parts.filter),
      request: checked.value,
      outcome: outcome.value,
    };
    const { end, exitCode, stdout, stderr, wallMs, cpuMs, outputs, survivors } = outcome.value;
    if (survivors > 0) throw new Error(`${survivors} processes outlived a sandbox run`);
    return ok({ end, exitCode, stdout, stderr, wallMs, cpuMs, outputs, ...toRecord(facts) });
  } finally {
    cgroup?.giveBack();
    if (hostUid !== undefined) uids?.giveBack(hostUid);
  }
}

/** For the attestation's own test; the product has every layer of its profile or none. */
export async function createSandboxWithout(
  options: SandboxOptions,
  without: ReadonlySet<Layer>,
): Promise<Result<Sandbox, SandboxRefusal>> {
  const assembled = await assemble(options, without);
  if (!assembled.ok) return assembled;
  const parts = assembled.value;
  const live = new Set<Promise<unknown>>();
  const run = (
    request: SandboxRequest,
    attestation?: AttestationPlan,
    also: readonly Layer[] = [],
  ): Promise<Result<SandboxRun, SandboxRefusal>> => {
    const running = runRequest({ ...parts, without: new Set([...without, ...also]) }, request, attestation);
    live.add(running);
    const forget = (): boolean => live.delete(running);
    running.then(forget, forget);
    return running;
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled(live);
    await parts.launcher.close();
    parts.uids?.close();
    await parts.cgroups?.close();
    parts.unstage();
  };
  // The first run shows what no look at the host can: that the kernel grants every layer together.
  const trial = await run({ command: ['/bin/true'] });
  if (!trial.ok) {
    await close();
    return trial;
  }
  const layers = LAYERS[options.profile].filter((layer) => !without.has(layer));
  return ok({
    profile: options.profile,
    layers,
    run: (request) => run(request),
    attest: () => attest({ profile: options.profile, layers, random: options.random, table: parts.table, run }),
    close,
  });
}

export function createSandbox(options: SandboxOptions): Promise<Result<Sandbox, SandboxRefusal>> {
  return createSandboxWithout(options, new Set());
}
