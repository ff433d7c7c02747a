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

const readOr = (path: string, otherwise: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return otherwise;
  }
};

/**
 * Whether groups with these controllers can be made below a version 2 group: it may hold no process itself, unless it is
 * the root of all. Handing a controller down regardless would take the group from whoever runs in it.
 */
function canHandDown(directory: string, controllers: readonly Controller[]): boolean {
  const isRootOfAll = !existsSync(join(directory, 'cgroup.type'));
  if (!isRootOfAll && readOr(join(directory, 'cgroup.procs'), 'unreadable') !== '') return false;
  const handed = readOr(join(directory, 'cgroup.subtree_control'), '').split(' ');
  // Time is counted in every group of version 2, with no controller.
  const wanted = controllers.filter((controller) => controller !== 'cpuacct' && !handed.includes(controller));
  try {
    for (const controller of wanted) writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
  } catch {
    return false;
  }
  return controllers.every((controller) => canMakeGroup(directory, CONTROL_FILE[2][controller]));
}

/** Limits that hold for us would not hold for a group beside ours; of the number of processes each run has its own. */
const isUnlimited = (own: string): boolean =>
  readOr(join(own, 'memory.max'), 'max') === 'max' && /^(max|$)/.test(readOr(join(own, 'cpu.max'), ''));

/**
 * The one group of version 2 below which runs get theirs: our own where that is the root of all, else the one above,
 * since a group that holds processes cannot have groups with controllers below it.
 */
function findUnifiedParent(mount: Mount, cgroups: string, controllers: readonly Controller[]): string | undefined {
  const own = join(mount.directory, ownGroup(cgroups, undefined));
  if (canHandDown(own, controllers)) return own;
  const above = dirname(own);
  const isBelow = own !== mount.directory && `${above}/`.startsWith(`${mount.directory}/`);
  return isBelow && isUnlimited(own) && canHandDown(above, controllers) ? above : undefined;
}

/** `root` is `/proc/self`, or a stand-in with `mountinfo` and `cgroup` that describes another host. */
export function findCgroups(root = '/proc/self'): Result<CgroupParents, SandboxRefusal> {
  const mounts = readMounts(readFileSync(join(root, 'mountinfo'), 'utf8'));
  const cgroups = readFileSync(join(root, 'cgroup'), 'utf8');
  const firstOf = (controller: Controller): Mount | undefined =>
    mounts.find((mount) => mount.version === 1 && mount.controllers.includes(controller));
  const unified = mounts.find((mount) => mount.version === 2);
  const second = CONTROLLERS.filter((controller) => !firstOf(controller));
  const shared = unified && second.length > 0 ? findUnifiedParent(unified, cgroups, second) : undefined;
  const parents = new Map<Controller, CgroupParent>();
  for (const controller of CONTROLLERS) {
    const first = firstOf(controller);
    const directory = first ? join(first.directory, ownGroup(cgroups, controller)) : shared;
    const version = first ? 1 : 2;
    if (!directory || (first && !canMakeGroup(directory, CONTROL_FILE[1][controller]))) {
      return refuse({
        kind: 'layer-missing',
        layer: `cgroup ${controller}`,
        reason: `no group with the ${controller} controller can be made here; run as root, have the group above delegated, or choose the profile user`,
      });
    }
    parents.set(controller, { version, directory });
  }
  return ok(parents);
}
