/**
 * One run from its start to its record: launch, bound, watch, end, count survivors, collect.
 *
 *   launch ──ready──▶ in its cgroup, tmpfs open ──leave──▶ command ──exit or kill──▶ count ──▶ collect ──▶ record
 *      └─ ended early: refused, with the launcher's own words
 */
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Cgroup } from './cgroup-pool-client.ts';
import { COLLECT_LIMITS, type Collected, collect } from './collect-client.ts';
import { type Launched, type LaunchPlan, launch, type Waiting } from './launch-client.ts';
import type { Launcher } from './launcher-client.ts';
import { countInPidNamespace, isChildOf, readPidNamespace } from './process-tree-client.ts';
import type { Outcome } from './record.ts';
import type { CheckedRequest } from './request.ts';
import type { SandboxEnd, SandboxRefusal } from './run.ts';
import { type Watch, watchCgroup, watchProcesses } from './watch-service.ts';

const MIB = 1_048_576;
const FIRST_LOOK_MS = 10;
const LOOK_MS = { full: 50, user: 20 } as const;
/** A look may not take more than this share of the time between looks. */
const LOOK_SHARE = 10;
const SURVIVOR_LOOKS = 600;
const SURVIVOR_PAUSE_MS = 5;
const KILLED = 137;
const TIMED_OUT = 124;

/** What one stream has said so far, cut at its limit. */
interface Kept {
  readonly chunks: Buffer[];
  bytes: number;
}

function keepOutput(launched: Launched, limitBytes: number, onFlood: () => void): { stdout: Kept; stderr: Kept } {
  const keep = (stream: Launched['stdout']): Kept => {
    const kept: Kept = { chunks: [], bytes: 0 };
    stream.on('data', (chunk: Buffer) => {
      const room = limitBytes - kept.bytes;
      if (room > 0) kept.chunks.push(chunk.subarray(0, room));
      kept.bytes += Math.min(room, chunk.length);
      if (chunk.length > room) onFlood();
    });
    stream.on('error', () => undefined);
    return kept;
  };
  return { stdout: keep(launched.stdout), stderr: keep(launched.stderr) };
}

/** Ends the whole tree: the death of a namespace's init takes every process of it along. */
function kill(launched: Launched, waiting: Waiting | undefined, cgroup: Cgroup | undefined): void {
  cgroup?.kill();
  if (waiting && isChildOf(waiting.init, launched.pid)) {
    try {
      process.kill(waiting.init, 'SIGKILL');
      return;
    } catch {
      // Gone in this very moment, or not ours to signal: then bubblewrap goes, and its child with it.
    }
  }
  launched.kill();
}

/** Looks again and again until the run ends; stops it at the first limit passed. */
function watchUntil(watch: Watch, everyMs: number, onExceeded: (end: SandboxEnd) => void): () => void {
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const start = performance.now();
    const end = watch.look();
    if (end) onExceeded(end);
    const cost = performance.now() - start;
    timer = setTimeout(look, Math.max(everyMs, cost * LOOK_SHARE));
  };
  timer = setTimeout(look, FIRST_LOOK_MS);
  return () => clearTimeout(timer);
}

function toExit(end: SandboxEnd | undefined, code: number | null): { end: SandboxEnd; exitCode: number } {
  if (end === 'time') return { end, exitCode: TIMED_OUT };
  if (end) return { end, exitCode: KILLED };
  const exitCode = code ?? KILLED;
  // Bubblewrap passes a death by signal on as a shell does; 128 + 1 to 128 + 64 are the numbers there are.
  return { end: exitCode > 128 && exitCode <= 192 ? 'signal' : 'exited', exitCode };
}

function collectOutputs(request: CheckedRequest, waiting: Waiting): Collected {
  const [work] = waiting.tmpfs;
  if (!request.collect || work === undefined) return { files: new Map(), refused: [] };
  return collect(work, { ...COLLECT_LIMITS, bytes: request.limits.diskMiB * MIB });
}

/** Demands none; a process that is dying in this moment gets the time to finish. */
async function countSurvivors(cgroup: Cgroup | undefined, waiting: Waiting): Promise<number> {
  for (let look = 1; ; look += 1) {
    const survivors = cgroup ? cgroup.readProcesses().length : countInPidNamespace(waiting.pidNamespace);
    if (survivors === 0 || look === SURVIVOR_LOOKS) return survivors;
    await sleep(SURVIVOR_PAUSE_MS);
  }
}

async function drive(
  launched: Launched,
  waiting: Waiting,
  plan: LaunchPlan,
  cgroup: Cgroup | undefined,
): Promise<Outcome> {
  const { request } = plan;
  let end: SandboxEnd | undefined;
  const stop = (reason: SandboxEnd): void => {
    if (end) return;
    end = reason;
    kill(launched, waiting, cgroup);
  };
  const output = keepOutput(launched, request.limits.outputBytes, () => stop('output'));
  plan.attestation?.observe(waiting.init);
  const watch = cgroup
    ? watchCgroup(cgroup, waiting.tmpfs, request.limits)
    : watchProcesses(waiting.init, waiting.tmpfs, request.limits);
  const start = performance.now();
  cgroup?.count();
  waiting.leave();
  launched.stdin.on('error', () => undefined);
  launched.stdin.end(request.stdin);
  const timer = setTimeout(() => stop('time'), request.limits.seconds * 1_000);
  const isWatched = cgroup !== undefined || !plan.without.has('outside watcher');
  const unwatch = isWatched ? watchUntil(watch, cgroup ? LOOK_MS.full : LOOK_MS.user, stop) : () => undefined;
  const code = await launched.closed;
  const wallMs = performance.now() - start;
  clearTimeout(timer);
  unwatch();
  // The kernel may have killed between two looks; its counters still say so. A dead tree has nothing left to read.
  if (cgroup) end ??= watch.look();
  const survivors = await countSurvivors(cgroup, waiting);
  const collected = collectOutputs(request, waiting);
  return {
    ...toExit(end, code),
    stdout: Buffer.concat(output.stdout.chunks),
    stderr: Buffer.concat(output.stderr.chunks),
    truncated: end === 'output',
    wallMs,
    cpuMs: watch.cpuMs,
    peakBytes: watch.peakBytes,
    survivors,
    outputs: collected.files,
    refused: [
      ...(end === 'time' ? [`more than ${request.limits.seconds} s`] : []),
      ...(end === 'output' ? [`more than ${request.limits.outputBytes} bytes on one stream`] : []),
      ...watch.refused,
      ...collected.refused,
    ],
  };
}

/** What the launcher said when nothing was started, and which layer that points to. */
function toRefusal(words: string): SandboxRefusal {
  const reason = words.trim().split('\n').slice(-3).join('; ') || 'bubblewrap ended without a word';
  const layers: readonly [RegExp, string][] = [
    [/launcher: cgroup/, 'cgroup'],
    [/user namespace|namespace failed|No permissions to creat/i, 'user namespace'],
    [/disable-userns|max_user_namespaces/, 'no nested user namespaces'],
    [/seccomp/i, 'system call filter'],
    [/proc/, 'pid namespace'],
    [/loopback/, 'network namespace'],
    [/launcher: limit/, 'resource limits'],
    [/uid 0/, 'unprivileged host uid'],
    [/die with the launcher/, 'dies with the launcher'],
  ];
  const layer = layers.find(([pattern]) => pattern.test(reason))?.[1] ?? 'bubblewrap';
  return { kind: 'layer-missing', layer, reason };
}

/** `cgroup` only in the profile `full`. The caller gives back uid and cgroup afterwards. */
export async function runOnce(
  launcher: Launcher,
  plan: LaunchPlan,
  cgroup: Cgroup | undefined,
): Promise<Result<Outcome, SandboxRefusal>> {
  const launched = await launch(launcher, plan);
  const words: Buffer[] = [];
  const listen = (chunk: Buffer): void => {
    words.push(chunk);
  };
  launched.stderr.on('data', listen);
  const waiting = await launched.ready.catch((cause) => {
    launched.kill();
    launched.drop();
    throw new Error('a sandbox could not be opened for watching and was ended before its start', { cause });
  });
  if (!waiting) {
    // A stream ends only where it is read.
    launched.stdout.resume();
    launched.stdin.destroy();
    await launched.closed;
    return refuse(toRefusal(Buffer.concat(words).toString('utf8')));
  }
  launched.stderr.off('data', listen);
  try {
    // Killing and counting rest on this one; the others are the attestation's business.
    if (readPidNamespace(waiting.init) === readPidNamespace(process.pid)) {
      launched.kill();
      const reason = 'the first process stands in the process id namespace of the host';
      return refuse({ kind: 'layer-missing', layer: 'pid namespace', reason });
    }
    return ok(await drive(launched, waiting, plan, cgroup));
  } catch (cause) {
    kill(launched, waiting, cgroup);
    throw new Error('a sandbox run could not be followed to its end and was killed', { cause });
  } finally {
    launched.drop();
    [...waiting.tmpfs, waiting.pidNamespace].forEach(closeSync);
  }
}
