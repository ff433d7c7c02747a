/**
 * The bubblewrap command line of a run. Pure. It travels by `--args FD`, so that no list of processes shows it.
 * Order matters: `--size` and `--perms` belong to the next operation, masks come before `--remount-ro /`.
 */
import { WORK_INSIDE } from '../lib/inside.ts';
import type { Layer } from './layers.ts';
import { NODE_INSIDE } from './request.ts';

const MIB = 1_048_576;
const TMP_MIB = 32;
const SHARED_MEMORY_MIB = 16;
/** Tmpfs mounts of every run: the watcher counts what lies on them. */
export const TMPFS_INSIDE = [WORK_INSIDE, '/tmp', '/dev/shm'] as const;

/** Tell about the host or its kernel; hidden where they exist. */
export const PROC_MASKS: readonly string[] = [
  'cmdline',
  'config.gz',
  'iomem',
  'ioports',
  'kallsyms',
  'kcore',
  'key-users',
  'keys',
  'kmsg',
  'modules',
  'sched_debug',
  'slabinfo',
  'sysrq-trigger',
  'timer_list',
  'vmallocinfo',
];

export interface BwrapPlan {
  readonly filterDescriptor: number;
  readonly infoDescriptor: number;
  /** Sources as the launcher sees them after it has made its own mounts. */
  readonly mounts: readonly { readonly source: string; readonly inside: string }[];
  readonly nodeSource: string;
  /** Written into the sandbox by bubblewrap from descriptors; paths are absolute inside. */
  readonly files: readonly { readonly descriptor: number; readonly inside: string }[];
  /** Names below /proc that exist on this host. */
  readonly masks: readonly string[];
  /** Directories below / that the host merges into /usr, as `[link, target]`, and those it does not, as `[dir]`. */
  readonly rootEntries: readonly (readonly [string, string?])[];
  readonly environment: Readonly<Record<string, string>>;
  readonly diskMiB: number;
}

function namespaces(on: (layer: Layer) => boolean): string[] {
  const when = (layer: Layer, ...args: string[]): string[] => (on(layer) ? args : []);
  return [
    '--unshare-user',
    ...when('pid namespace', '--unshare-pid'),
    ...when('network namespace', '--unshare-net'),
    ...when('ipc namespace', '--unshare-ipc'),
    ...when('uts namespace', '--unshare-uts', '--hostname', 'localhost'),
    ...when('cgroup namespace', '--unshare-cgroup'),
    ...['--uid', '65534', '--gid', '65534'],
    ...(on('no capabilities') ? ['--cap-drop', 'ALL'] : ['--cap-add', 'ALL']),
    ...when('no nested user namespaces', '--disable-userns'),
    ...when('dies with the launcher', '--die-with-parent'),
    ...when('new session', '--new-session'),
    ...(on('pid namespace') ? when('command is pid 1', '--as-pid-1') : []),
  ];
}

function tmpfs(inside: string, mebibytes: number, mode: string, on: (layer: Layer) => boolean): string[] {
  const size = on('sized tmpfs') ? ['--size', String(mebibytes * MIB)] : [];
  return ['--perms', mode, ...size, '--tmpfs', inside];
}

/** `without` exists for the attestation's own test: every layer taken away must be noticed. */
export function bwrapArguments(plan: BwrapPlan, without: ReadonlySet<Layer>): string[] {
  const on = (layer: Layer): boolean => !without.has(layer);
  return [
    ...namespaces(on),
    ...(on('system call filter') ? ['--seccomp', String(plan.filterDescriptor)] : []),
    ...['--info-fd', String(plan.infoDescriptor)],
    ...['--ro-bind', '/usr', '/usr'],
    ...plan.rootEntries.flatMap(([name, target]) =>
      target === undefined ? ['--ro-bind', `/${name}`, `/${name}`] : ['--symlink', target, `/${name}`],
    ),
    ...['--dir', '/etc', '--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache'],
    ...['--ro-bind-try', '/etc/alternatives', '/etc/alternatives'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...tmpfs('/tmp', TMP_MIB, '1777', on),
    ...tmpfs('/dev/shm', SHARED_MEMORY_MIB, '1777', on),
    ...['--remount-ro', '/dev'],
    ...tmpfs(WORK_INSIDE, plan.diskMiB, '0755', on),
    ...plan.files.flatMap(({ descriptor, inside }) => ['--perms', '0644', '--file', String(descriptor), inside]),
    ...['--ro-bind', plan.nodeSource, NODE_INSIDE],
    ...plan.mounts.flatMap(({ source, inside }) => ['--ro-bind', source, inside]),
    ...(on('proc masks') ? plan.masks.flatMap((name) => ['--ro-bind', '/dev/null', `/proc/${name}`]) : []),
    ...(on('read-only root') ? ['--remount-ro', '/'] : []),
    ...['--chdir', WORK_INSIDE, ...(on('clean environment') ? ['--clearenv'] : [])],
    ...Object.entries(plan.environment).flatMap(([name, value]) => ['--setenv', name, value]),
  ];
}
