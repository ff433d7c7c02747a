/**
 * The part of the attestation that uses things up: each attempt in a sandbox of its own, bounded so that it does no harm
 * where it gets through, and judged by how the host saw the run end.
 */
import { WORK_INSIDE } from '../lib/inside.ts';
import type { Result } from '../lib/result.ts';
import type { AttestationPlan } from './launch-client.ts';
import type { Layer } from './layers.ts';
import type { SandboxEnd, SandboxLimits, SandboxProfile, SandboxRefusal, SandboxRequest, SandboxRun } from './run.ts';
import { type CallTable, type NumberOf, numberOfIn } from './syscall-table.ts';

export interface AbuseParts {
  readonly profile: SandboxProfile;
  readonly table: CallTable;
  run(
    request: SandboxRequest,
    attestation?: AttestationPlan,
    also?: readonly Layer[],
  ): Promise<Result<SandboxRun, SandboxRefusal>>;
}

interface Abuse {
  readonly probe: string;
  readonly command: readonly string[];
  readonly limits: Partial<SandboxLimits>;
  /** Layers taken away for this attempt, to see that the one behind them holds by itself. */
  readonly also?: readonly Layer[];
  stopped(run: SandboxRun): boolean;
}

const endedBy =
  (...ends: SandboxEnd[]) =>
  (run: SandboxRun): boolean =>
    ends.includes(run.end) && !run.stdout.includes('through');
const saysStopped = (run: SandboxRun): boolean => run.stdout.toString().trim() === 'stopped';

const perl = (program: string): string[] => ['/usr/bin/perl', '-e', program];

/** Fills `path` with files of ordinary size, up to 96 MiB, and says whether an end came before 80. */
const fill = (path: string): string =>
  `$| = 1; my $sum = 0; my $block = 'x' x 1048576;
   for my $n (1 .. 24) { open(my $f, '>', "${path}/fill$n") or last; for (1 .. 4) { my $w = syswrite($f, $block); $sum += $w || 0 } close $f }
   print $sum < 80 * 1048576 ? 'stopped' : 'through'`;

const ABUSES: readonly Abuse[] = [
  {
    probe: 'resource.processes',
    command: perl(
      `$| = 1; for (1 .. 200) { my $p = fork; if (!defined $p) { print 'stopped'; sleep 1; exit } if ($p == 0) { sleep 3; exit } } print 'through'; kill 9, -1`,
    ),
    limits: { pids: 24, seconds: 10 },
    stopped: (run) => run.end === 'pids' || saysStopped(run),
  },
  {
    probe: 'resource.memory',
    command: perl(
      `$| = 1; my @kept; for (1 .. 400) { push @kept, 'x' x 1048576; select undef, undef, undef, 0.001 } print 'through'`,
    ),
    limits: { memoryMiB: 96, seconds: 20 },
    stopped: endedBy('memory'),
  },
  {
    probe: 'resource.memory_of_all_together',
    command: perl(
      `$| = 1; for (1 .. 8) { if (fork == 0) { my @kept; for (1 .. 40) { push @kept, 'x' x 1048576; select undef, undef, undef, 0.005 } sleep 1; exit } } 1 while wait > 0; print 'through'`,
    ),
    limits: { memoryMiB: 96, seconds: 20 },
    stopped: endedBy('memory'),
  },
  ...['/work', '/tmp', '/dev/shm'].map((path) => ({
    probe: `resource.fill_${path.split('/').at(-1)}`,
    command: perl(fill(path)),
    limits: { diskMiB: 16, seconds: 20 },
    stopped: saysStopped,
  })),
  {
    probe: 'resource.inodes',
    command: perl(
      `$| = 1; for my $n (1 .. 60000) { open(my $f, '>', "${WORK_INSIDE}/$n") or do { print 'stopped'; exit } } print 'through'; sleep 1`,
    ),
    limits: { seconds: 20 },
    stopped: endedBy('memory'),
  },
  {
    probe: 'resource.processor',
    command: perl(`for (1 .. 3) { fork } my $end = time + 6; 1 while time < $end; print 'through'`),
    limits: { cpuSeconds: 0.5, seconds: 5 },
    stopped: endedBy('cpu'),
  },
  {
    probe: 'resource.output',
    command: perl(`print 'x' x 65536 for 1 .. 64; print 'through'`),
    limits: { outputBytes: 65_536 },
    stopped: endedBy('output'),
  },
  {
    probe: 'resource.time',
    command: perl(`$SIG{$_} = 'IGNORE' for qw(TERM HUP INT); if (fork == 0) { setpgrp; sleep 30 } sleep 30`),
    limits: { seconds: 0.3 },
    stopped: endedBy('time'),
  },
];

/** A layer taken away, to see that the one behind it holds by itself. */
const inDepth = (call: NumberOf): readonly Abuse[] => [
  {
    probe: 'depth.user_namespace_without_filter',
    command: perl(`print syscall(${call('unshare')}, 0x10000000) == 0 ? 'through' : 'stopped'`),
    limits: {},
    also: ['system call filter'],
    stopped: saysStopped,
  },
  {
    probe: 'depth.mount_without_filter',
    command: perl(
      `my ($n, $t, $f) = ('none', '/tmp', 'tmpfs'); print syscall(${call('mount')}, $n, $t, $f, 0, 0) == 0 ? 'through' : 'stopped'`,
    ),
    limits: {},
    also: ['system call filter'],
    stopped: saysStopped,
  },
];

/** Name of each attempt and whether it was stopped. A sandbox that did not start stopped nothing. */
export async function tryAbuse(parts: AbuseParts): Promise<Map<string, boolean>> {
  const tried = await Promise.all(
    [...ABUSES, ...inDepth(numberOfIn(parts.table))].map(
      async ({ probe, command, limits, also, stopped }): Promise<[string, boolean]> => {
        const run = await parts.run({ command, limits }, undefined, also);
        return [probe, run.ok && stopped(run.value)];
      },
    ),
  );
  return new Map(tried);
}
