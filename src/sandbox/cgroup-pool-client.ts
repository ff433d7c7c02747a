/**
 * A run's control group: limits, counters, end. Groups of version 1 are used again, because making and removing them
 * costs more than the run; a group goes back only when no process is left in it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupParent, CgroupParents, Controller } from './cgroup-client.ts';
import { isOwnerAlive } from './process-tree-client.ts';
import type { SandboxLimits } from './run.ts';

const MIB = 1_048_576;
const PERIOD_MICROSECONDS = 100_000;
/** `rmdir` right after the last exit answers EBUSY on version 1. */
const REMOVE_ATTEMPTS = 100;
const REMOVE_PAUSE_MS = 5;
const PREFIX = 'headstart-';
const UNLIMITED = '-1';
/** Bubblewrap itself, which waits outside for the run's first process. */
const OUTSIDE_PROCESSES = 1;

export interface CgroupUsage {
  readonly cpuMs: number;
  readonly peakBytes: number;
  readonly oomKills: number;
  readonly forksRefused: number;
}

export interface Cgroup {
  /** Who writes `0` into each of these is in the group. */
  readonly entrances: readonly string[];
  /** What is used before is not the run's. */
  count(): void;
  readUsage(): CgroupUsage;
  /** Processes still in the group. */
  readProcesses(): number[];
  /** Kills everything in the group where the kernel offers that; the caller also kills the namespace's init. */
  kill(): void;
  giveBack(): void;
}

export interface CgroupPool {
  take(limits: SandboxLimits): Cgroup;
  /** Removes every group; runs must have ended. */
  close(): Promise<void>;
}

type Groups = ReadonlyMap<Controller, CgroupParent>;
type Setting = readonly [file: string, value: string];

function settings(version: 1 | 2, controller: Controller, limits: SandboxLimits): readonly Setting[] {
  const bytes = String(limits.memoryMiB * MIB);
  const perVersion: Readonly<Record<1 | 2, Readonly<Record<Controller, readonly Setting[]>>>> = {
    1: {
      // Memory with swap may never be below memory, so it is opened first and closed last.
      memory: [
        ['memory.memsw.limit_in_bytes', UNLIMITED],
        ['memory.limit_in_bytes', bytes],
        ['memory.memsw.limit_in_bytes', bytes],
        ['memory.max_usage_in_bytes', '0'],
      ],
      pids: [['pids.max', String(limits.pids + OUTSIDE_PROCESSES)]],
      cpu: [
        ['cpu.cfs_period_us', String(PERIOD_MICROSECONDS)],
        ['cpu.cfs_quota_us', String(PERIOD_MICROSECONDS)],
      ],
      cpuacct: [['cpuacct.usage', '0']],
    },
    2: {
      memory: [
        ['memory.max', bytes],
        ['memory.swap.max', '0'],
        ['memory.oom.group', '1'],
      ],
      pids: [['pids.max', String(limits.pids + OUTSIDE_PROCESSES)]],
      cpu: [['cpu.max', `${PERIOD_MICROSECONDS} ${PERIOD_MICROSECONDS}`]],
      cpuacct: [],
    },
  };
  return perVersion[version][controller];
}

/** Kernels without swap accounting have no file for it. */
const MAY_BE_ABSENT = new Set(['memory.memsw.limit_in_bytes', 'memory.swap.max', 'memory.oom.group']);

/** As UTF-8, which Node reads without 64 KiB of buffer for each file of unknown size: looks are many. */
function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

const field = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

const directoriesOf = (groups: Groups): string[] => [
  ...new Set([...groups.values()].map(({ directory }) => directory)),
];

/** Counters that start anew with every run; the rest is written only when the limits differ from the last run's. */
const COUNTERS = new Set(['memory.max_usage_in_bytes', 'cpuacct.usage']);

function limitGroups(groups: Groups, limits: SandboxLimits, same: boolean): void {
  for (const [controller, { version, directory }] of groups) {
    for (const [file, value] of settings(version, controller, limits)) {
      if (same && !COUNTERS.has(file)) continue;
      const path = join(directory, file);
      if (!MAY_BE_ABSENT.has(file) || existsSync(path)) writeFileSync(path, value);
    }
  }
}

function readCounters(groups: Groups): CgroupUsage {
  const read = (controller: Controller, first: string, second = first): string => {
    const group = groups.get(controller);
    return group ? readOr(join(group.directory, group.version === 1 ? first : second), '') : '';
  };
  const isFirst = groups.get('cpuacct')?.version === 1;
  const cpu = read('cpuacct', 'cpuacct.usage', 'cpu.stat');
  return {
    cpuMs: isFirst ? Number(cpu) / 1e6 : field(cpu, 'usage_usec') / 1e3,
    peakBytes: Number(read('memory', 'memory.max_usage_in_bytes', 'memory.peak')),
    oomKills: field(read('memory', 'memory.oom_control', 'memory.events'), 'oom_kill'),
    forksRefused: field(read('pids', 'pids.events'), 'max'),
  };
}

function toCgroup(groups: Groups, giveBack: (empty: boolean) => void): Cgroup {
  const directories = directoriesOf(groups);
  let before = readCounters(groups);
  const readProcesses = (): number[] => {
    const all = directories.flatMap((directory) => readOr(join(directory, 'cgroup.procs'), '').split('\n'));
    return [...new Set(all.filter(Boolean).map(Number))];
  };
  return {
    // A thread that enters alone needs no lock of the whole machine, and version 1 lets it.
    entrances: [...new Map([...groups.values()].map((group) => [group.directory, group.version]))].map(
      ([directory, version]) => join(directory, version === 1 ? 'tasks' : 'cgroup.procs'),
    ),
    count() {
      before = readCounters(groups);
    },
    readUsage: () => {
      const now = readCounters(groups);
      return {
        cpuMs: now.cpuMs - before.cpuMs,
        peakBytes: now.peakBytes,
        oomKills: now.oomKills - before.oomKills,
        forksRefused: now.forksRefused - before.forksRefused,
      };
    },
    readProcesses,
    kill() {
      for (const directory of directories) {
        if (existsSync(join(directory, 'cgroup.kill'))) writeFileSync(join(directory, 'cgroup.kill'), '1');
      }
    },
    giveBack: () => giveBack(readProcesses().length === 0),
  };
}

async function removeGroup(directory: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      if (attempt === REMOVE_ATTEMPTS) throw error;
    }
    await sleep(REMOVE_PAUSE_MS);
  }
}

/** Groups of launchers that were killed: their runs died with them, the empty groups stayed. */
function sweep(parents: CgroupParents): void {
  for (const directory of directoriesOf(parents)) {
    for (const name of readdirSync(directory).filter((entry) => entry.startsWith(PREFIX))) {
      const [, pid, started] = name.split('-');
      if (isOwnerAlive(`${pid}-${started}`)) continue;
      try {
        rmdirSync(join(directory, name));
      } catch {
        // Somebody else swept it, or it is not empty yet: the next launcher tries again.
      }
    }
  }
}

/** `owner` is this process as `ownIdentity` names it; `tag` tells pools of one process apart. */
export function createCgroupPool(parents: CgroupParents, owner: string, tag: string): CgroupPool {
  sweep(parents);
  const idle: { readonly groups: Groups; readonly limits: SandboxLimits }[] = [];
  const all: Groups[] = [];
  /** A peak can be set back only on version 1. */
  const reusable = [...parents.values()].every(({ version }) => version === 1);

  function make(): Groups {
    const name = `${PREFIX}${owner}-${tag}-${all.length}`;
    const groups = new Map(
      [...parents].map(([key, { version, directory }]) => [key, { version, directory: join(directory, name) }]),
    );
    for (const directory of directoriesOf(groups)) mkdirSync(directory, { recursive: true });
    all.push(groups);
    return groups;
  }

  return {
    take(limits) {
      const used = idle.pop();
      const groups = used?.groups ?? make();
      limitGroups(groups, limits, used?.limits.memoryMiB === limits.memoryMiB && used.limits.pids === limits.pids);
      return toCgroup(groups, (empty) => {
        if (empty && reusable) idle.push({ groups, limits });
      });
    },
    async close() {
      for (const directory of all.splice(0).flatMap(directoriesOf)) await removeGroup(directory);
    },
  };
}
