/**
 * Watches a run from outside and says when a limit is passed. In `full` the kernel enforces and this only notices; in
 * `user` this is the enforcement for all processes together. Each look costs some file reads in /proc or the cgroup.
 */
import { statfsSync } from 'node:fs';
import type { Cgroup } from './cgroup-pool-client.ts';
import { readProportionalBytes, readTree } from './process-tree-client.ts';
import type { SandboxEnd, SandboxLimits } from './run.ts';

const MIB = 1_048_576;
/** A tmpfs limits bytes, not names: each empty file is about 1 KiB of the kernel's own memory. */
const MAX_INODES = 20_000;

export interface Watch {
  /** The limit that is passed, if one is. */
  look(): SandboxEnd | undefined;
  readonly cpuMs: number;
  readonly peakBytes: number;
  /** What the kernel refused or killed inside, by its own counters. */
  readonly refused: readonly string[];
}

interface Filled {
  readonly bytes: number;
  readonly inodes: number;
}

function readFilled(tmpfs: readonly number[]): Filled {
  let [bytes, inodes] = [0, 0];
  for (const descriptor of tmpfs) {
    const stat = statfsSync(`/proc/self/fd/${descriptor}`);
    bytes += (stat.blocks - stat.bfree) * stat.bsize;
    inodes = Math.max(inodes, stat.files - stat.ffree);
  }
  return { bytes, inodes };
}

export function watchCgroup(cgroup: Cgroup, tmpfs: readonly number[], limits: SandboxLimits): Watch {
  let usage = cgroup.readUsage();
  const refused = new Set<string>();
  return {
    look() {
      usage = cgroup.readUsage();
      if (usage.oomKills > 0) {
        refused.add(`memory above ${limits.memoryMiB} MiB`);
        return 'memory';
      }
      if (usage.forksRefused > 0) {
        refused.add(`more than ${limits.pids} processes`);
        return 'pids';
      }
      if (usage.cpuMs > limits.cpuSeconds * 1_000) {
        refused.add(`more than ${limits.cpuSeconds} CPU seconds`);
        return 'cpu';
      }
      if (readFilled(tmpfs).inodes > MAX_INODES) {
        refused.add(`more than ${MAX_INODES} files`);
        return 'memory';
      }
      return undefined;
    },
    get cpuMs() {
      return usage.cpuMs;
    },
    get peakBytes() {
      return usage.peakBytes;
    },
    get refused() {
      return [...refused];
    },
  };
}

export function watchProcesses(init: number, tmpfs: readonly number[], limits: SandboxLimits): Watch {
  /** The last CPU seen of each process that ever lived: one that is gone still counts. */
  const seen = new Map<number, number>();
  const refused = new Set<string>();
  let [cpuMs, peakBytes] = [0, 0];

  function exceeded(): [SandboxEnd, string] | undefined {
    const tree = readTree(init);
    for (const [pid, ms] of tree.cpuMs) seen.set(pid, ms);
    const living = [...tree.cpuMs.values()].reduce((sum, ms) => sum + ms, 0);
    const ever = [...seen.values()].reduce((sum, ms) => sum + ms, 0);
    cpuMs = Math.max(cpuMs, ever, living + tree.waitedMs);
    const filled = readFilled(tmpfs);
    const limitBytes = limits.memoryMiB * MIB;
    const upperBytes = tree.residentBytes + filled.bytes;
    const bytes = upperBytes > limitBytes ? readProportionalBytes(tree.processes) + filled.bytes : upperBytes;
    peakBytes = Math.max(peakBytes, bytes);
    if (bytes > limitBytes) return ['memory', `memory above ${limits.memoryMiB} MiB`];
    if (filled.inodes > MAX_INODES) return ['memory', `more than ${MAX_INODES} files`];
    if (tree.threads >= limits.pids) return ['pids', `${limits.pids} processes or more`];
    return cpuMs > limits.cpuSeconds * 1_000 ? ['cpu', `more than ${limits.cpuSeconds} CPU seconds`] : undefined;
  }

  return {
    look() {
      const found = exceeded();
      if (found) refused.add(found[1]);
      return found?.[0];
    },
    get cpuMs() {
      return cpuMs;
    },
    get peakBytes() {
      return peakBytes;
    },
    get refused() {
      return [...refused];
    },
  };
}
