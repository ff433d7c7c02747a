/**
 * Where control groups can be made, version 1 or 2, controller by controller: a hybrid host has some of each.
 * A run's group is made below the group this process is in, so that limits set on us hold for it too.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { SandboxRefusal } from './run.ts';

const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** Where groups may be made for one controller. */
export interface CgroupParent {
  readonly version: 1 | 2;
  readonly directory: string;
}
export type CgroupParents = ReadonlyMap<Controller, CgroupParent>;

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

function findParent(controller: Controller, mounts: readonly Mount[], cgroups: string): CgroupParent | undefined {
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
  const parents = new Map<Controller, CgroupParent>();
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
