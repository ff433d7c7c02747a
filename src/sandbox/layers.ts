/**
 * The layers a profile is made of, by the names that stand in records, refusals and the attestation. Pure.
 */
import type { SandboxProfile } from './run.ts';

const COMMON = [
  'unprivileged host uid',
  'user namespace',
  'pid namespace',
  'network namespace',
  'ipc namespace',
  'uts namespace',
  'cgroup namespace',
  'no nested user namespaces',
  'no capabilities',
  'system call filter',
  'resource limits',
  'sized tmpfs',
  'read-only root',
  'proc masks',
  'clean environment',
  'closed descriptors',
  'command is pid 1',
  'new session',
  'dies with the launcher',
] as const;

export type Layer = (typeof COMMON)[number] | 'cgroup' | 'outside watcher';

/** The kernel bounds a `full` run by cgroup; a `user` run is bounded by the watcher. Neither set contains the other. */
export const LAYERS: Readonly<Record<SandboxProfile, readonly Layer[]>> = {
  full: [...COMMON, 'cgroup'],
  user: [...COMMON, 'outside watcher'],
};
