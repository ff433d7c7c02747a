/**
 * Control groups, version 1 or 2, chosen controller by controller: a hybrid host has some of each.
 * A run's group is made below the group this process is in, so that limits set on us hold for it too.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { SandboxLimits, SandboxRefusal } from './run.ts';

const MIB = 1_048_576;
const PERIOD_MICROSECONDS = 100_000;
/** `rmdir` right after the last exit answers EBUSY on version 1. */
const REMOVE_ATTEMPTS = 40;
const REMOVE_PAUSE_MS = 5;

const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct'] as const;
type Controller = (typeof CONTROLLERS)[number];

/** Where groups may be made for one controller. */
interface Parent {
  readonly version: 1 | 2;
  readonly directory: string;
}
export type CgroupParents = ReadonlyMap<Controller, Parent>;

export interface CgroupUsage {
  readonly cpuMs: number;
  readonly peakBytes: number;
  readonly oomKills: number;
  readonly forksRefused: number;
}

export interface Cgroup {
  join(pid: number): void;
  readUsage(): CgroupUsage;
  /** Processes still in the group. */
  readProcesses(): number[];
  /** Kills everything in the group where the kernel offers that; the caller also kills the namespace's init. */
  kill(): void;
  remove(): Promise<void>;
}

const fromOctal = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));

interface Mount {
  readonly version: 1 | 2;
  readonly directory: string;
  readonly controllers: readonly string[];
}

function readMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line): Mount[] => {
    const [before = '', after = ''] = line.split(' - ');
    const directory = fromOctal(before.split(' ')[4] ?? '');
    const [type, , options = ''] = after.split(' ');
    if (type === 'cgroup') return [{ version: 1, directory, controllers: options.split(',') }];
    return type === 'cgroup2' ? [{ version: 2, directory, controllers: [] }] : [];
  });
}

/** The group this process is in, per controller (version 1) or for all (the line `0::`). */
function ownGroup(cgroups: string, controller: string | undefined): string {
  for (const line of cgroups.split('\n')) {
    const [hierarchy, controllers = '', ...path] = line.split(':');
    if (controller === undefined ? hierarchy === '0' : controllers.split(',').includes(controller))
      return path.join(':');
  }
  return '/';
}

/** Whether a group can be made in `directory`, shown by making one. */
function canMakeGroup(directory: string, file: string): boolean {
  const trial = join(directory, `headstart-trial-${process.pid}`);
  try {
    mkdirSync(trial);
    const present = existsSync(join(trial, file));
    rmdirSync(trial);
    return present;
  } catch {
    return false;
  }
}

const CONTROL_FILE: Readonly<Record<1 | 2, Readonly<Record<Controller, string>>>> = {
  1: { memory: 'memory.limit_in_bytes', pids: 'pids.max', cpu: 'cpu.cfs_quota_us', cpuacct: 'cpuacct.usage' },
  2: { memory: 'memory.max', pids: 'pids.max', cpu: 'cpu.max', cpuacct: 'cpu.stat' },
};

/** A controller of version 2 must be handed down by the parent; refused while the parent holds processes itself. */
function handDown(directory: string): void {
  for (const controller of ['memory', 'pids', 'cpu']) {
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // Not ours to hand down here; `canMakeGroup` finds out whether it is there all the same.
    }
  }
}

function findParent(controller: Controller, mounts: readonly Mount[], cgroups: string): Parent | undefined {
  const first = mounts.find((mount) => mount.version === 1 && mount.controllers.includes(controller));
  if (first) {
    const directory = join(first.directory, ownGroup(cgroups, controller));
    return canMakeGroup(directory, CONTROL_FILE[1][controller]) ? { version: 1, directory } : undefined;
  }
  const second = mounts.find((mount) => mount.version === 2);
  if (!second) return undefined;
  const own = join(second.directory, ownGroup(cgroups, undefined));
  for (const directory of [own, dirname(own)]) {
    if (!directory.startsWith(second.directory)) continue;
    handDown(directory);
    if (canMakeGroup(directory, CONTROL_FILE[2][controller])) return { version: 2, directory };
  }
  return undefined;
}

/** `root` is `/proc/self`, or a stand-in with `mountinfo` and `cgroup` that describes another host. */
export function findCgroups(root = '/proc/self'): Result<CgroupParents, SandboxRefusal> {
  const mounts = readMounts(readFileSync(join(root, 'mountinfo'), 'utf8'));
  const cgroups = readFileSync(join(root, 'cgroup'), 'utf8');
  const parents = new Map<Controller, Parent>();
  for (const controller of CONTROLLERS) {
    const parent = findParent(controller, mounts, cgroups);
    if (!parent) {
      return refuse({
        kind: 'layer-missing',
        layer: `cgroup ${controller}`,
        reason: `no group with the ${controller} controller can be made here; run as root, have the group delegated, or choose the profile user`,
      });
    }
    parents.set(controller, parent);
  }
  return ok(parents);
}

function settings(version: 1 | 2, controller: Controller, limits: SandboxLimits): (readonly [string, string])[] {
  const bytes = String(limits.memoryMiB * MIB);
  const perVersion: Readonly<Record<1 | 2, Readonly<Record<Controller, (readonly [string, string])[]>>>> = {
    1: {
      memory: [
        ['memory.limit_in_bytes', bytes],
        ['memory.memsw.limit_in_bytes', bytes],
      ],
      pids: [['pids.max', String(limits.pids)]],
      cpu: [
        ['cpu.cfs_period_us', String(PERIOD_MICROSECONDS)],
        ['cpu.cfs_quota_us', String(PERIOD_MICROSECONDS)],
      ],
      cpuacct: [],
    },
    2: {
      memory: [
        ['memory.max', bytes],
        ['memory.swap.max', '0'],
        ['memory.oom.group', '1'],
      ],
      pids: [['pids.max', String(limits.pids)]],
      cpu: [['cpu.max', `${PERIOD_MICROSECONDS} ${PERIOD_MICROSECONDS}`]],
      cpuacct: [],
    },
  };
  return perVersion[version][controller];
}

/** Kernels without swap accounting have no file for it. */
const MAY_BE_ABSENT = new Set(['memory.memsw.limit_in_bytes', 'memory.swap.max', 'memory.oom.group']);

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise;
  }
}

const field = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

/** One group per controller and hierarchy; `name` is new. */
export function createCgroup(parents: CgroupParents, name: string, limits: SandboxLimits): Cgroup {
  const groups = new Map<Controller, Parent>();
  for (const [controller, { version, directory }] of parents) {
    const group = join(directory, `headstart-${name}`);
    mkdirSync(group, { recursive: true });
    groups.set(controller, { version, directory: group });
    for (const [file, value] of settings(version, controller, limits)) {
      if (MAY_BE_ABSENT.has(file) && !existsSync(join(group, file))) continue;
      writeFileSync(join(group, file), value);
    }
  }
  const directories = [...new Set([...groups.values()].map(({ directory }) => directory))];
  const read = (controller: Controller, first: string, second = first): string => {
    const group = groups.get(controller);
    return group ? readOr(join(group.directory, group.version === 1 ? first : second), '') : '';
  };
  return {
    join(pid) {
      for (const directory of directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
    },
    readUsage: () => {
      const isFirst = groups.get('cpuacct')?.version === 1;
      const cpu = read('cpuacct', 'cpuacct.usage', 'cpu.stat');
      return {
        cpuMs: Math.round(isFirst ? Number(cpu) / 1e6 : field(cpu, 'usage_usec') / 1e3),
        peakBytes: Number(read('memory', 'memory.max_usage_in_bytes', 'memory.peak')),
        oomKills: field(read('memory', 'memory.oom_control', 'memory.events'), 'oom_kill'),
        forksRefused: field(read('pids', 'pids.events'), 'max'),
      };
    },
    readProcesses: () => {
      const all = directories.flatMap((directory) => readOr(join(directory, 'cgroup.procs'), '').split('\n'));
      return [...new Set(all.filter(Boolean).map(Number))];
    },
    kill() {
      for (const directory of directories) {
        if (existsSync(join(directory, 'cgroup.kill'))) writeFileSync(join(directory, 'cgroup.kill'), '1');
      }
    },
    async remove() {
      for (const directory of directories) await removeGroup(directory);
    },
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
