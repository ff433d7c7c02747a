/**
 * The two small programs around bubblewrap, in Perl because Debian always has it (`perl-base` is essential), it starts
 * in about 1 ms (twice that with any `use` or `no`) and can make system calls by number.
 *
 *   OUTSIDE  uid stage count {bind|copy source}… top keep-descriptors keep-environment program…   last program before bubblewrap
 *   INSIDE   {resource=limit}… -- command…                first program in the sandbox, before any foreign code
 */
import type { NumberOf } from './syscall-table.ts';

/**
 * Where OUTSIDE, as root, may show bubblewrap the inputs its uid could not reach: a tmpfs in a mount namespace of its own.
 * The first that exists and has no input below it is taken, for the tmpfs hides what is there.
 */
export const STAGES: readonly string[] = ['/mnt', '/media', '/srv', '/boot', '/run', '/opt'];

/**
 * As root: a private mount namespace with the inputs at stage/0, stage/1, …, then the reserved uid for good.
 * Always: an empty environment, every descriptor above `top` closed, never bubblewrap as uid 0 — with the kernel's
 * uid 0 the files of /proc/sys stay writable through every namespace.
 */
export const outsideProgram = (call: NumberOf): string => `
my ($uid, $stage, $count) = splice @ARGV, 0, 3;
my @inputs = splice @ARGV, 0, 2 * $count;
my ($top, $keepAll, $keepEnvironment) = splice @ARGV, 0, 3;
%ENV = () unless $keepEnvironment;
sub fail { print STDERR "launcher: $_[0]\\n"; exit 125 }
if ($uid ne '-') {
  my ($none, $root, $tmpfs, $options) = ('none', '/', 'tmpfs', 'mode=0755,size=1g');
  if (@inputs) {
    syscall(${call('unshare')}, 0x20000) == 0 or fail("mount namespace: $!");
    syscall(${call('mount')}, $none, $root, 0, 0x44000, 0) == 0 or fail("private mounts: $!");
    umask 022;
    syscall(${call('mount')}, $tmpfs, $stage, $tmpfs, 6, $options) == 0 or fail("stage: $!");
  }
  for (my $i = 0; @inputs; $i++) {
    my ($how, $from) = splice @inputs, 0, 2;
    my $to = "$stage/$i";
    if ($how eq 'copy') {
      system('/bin/cp', '-R', '-P', '--', $from, $to) == 0 or fail("copy of $from");
      system('/bin/chmod', '-R', 'a+rX', '--', $to) == 0 or fail("modes of $from");
      next;
    }
    if (-d $from) { mkdir $to } else { open(my $file, '>', $to); close $file }
    syscall(${call('mount')}, $from, $to, 0, 0x5000, 0) == 0 or fail("bind of $from: $!");
  }
  my $id = $uid + 0;
  syscall(${call('setgroups')}, 0, 0) == 0 or fail("setgroups: $!");
  syscall(${call('setresgid')}, $id, $id, $id) == 0 or fail("setresgid: $!");
  syscall(${call('setresuid')}, $id, $id, $id) == 0 or fail("setresuid: $!");
}
umask 022;
fail('bubblewrap is never started by uid 0') if syscall(${call('getuid')}) == 0 || syscall(${call('geteuid')}) == 0;
$keepAll || syscall(${call('close_range')}, $top + 1, 0xffffffff, 0) == 0 or fail("close_range: $!");
exec { $ARGV[0] } @ARGV or fail("$ARGV[0]: $!");
`;

/** The descriptor of the handshake, inside and out. */
export const HANDSHAKE = 5;

/**
 * Sets resource limits (RLIMIT_NPROC counts per user namespace, so it can only be set in here), says that the mounts
 * stand, waits for leave, closes everything above 2 and becomes the command. 126 and 127 as in a shell.
 */
export const insideProgram = (call: NumberOf): string => `
while (@ARGV && (my $limit = shift @ARGV) ne '--') {
  my ($resource, $value) = split /=/, $limit;
  my $both = pack 'QQ', $value, $value;
  syscall(${call('prlimit64')}, 0, $resource + 0, $both, 0) == 0 or do { print STDERR "launcher: limit $resource: $!\\n"; exit 125 };
}
my $signal = pack 'i', 0;
syscall(${call('prctl')}, 2, $signal, 0, 0, 0) == 0 && unpack('i', $signal) == 9
  or do { print STDERR "launcher: does not die with the launcher\\n"; exit 125 };
my ($ready, $leave, $last) = ('r', ' ', 0xffffffff);
syscall(${call('write')}, ${HANDSHAKE}, $ready, 1) == 1 or exit 125;
syscall(${call('read')}, ${HANDSHAKE}, $leave, 1) == 1 or exit 125;
my $keepAll = $leave eq 'k';
syscall(${call('close_range')}, 3, $last, 0) unless $keepAll;
syscall(${call('close')}, ${HANDSHAKE}) if $keepAll;
exec { $ARGV[0] } @ARGV;
my $error = $! + 0;
print STDERR "$ARGV[0]: $!\\n";
exit($error == 2 ? 127 : 126);
`;

const RLIMIT = { cpu: 0, fsize: 1, data: 2, core: 4, nproc: 6, nofile: 7, memlock: 8, as: 9 } as const;
export type ResourceLimits = Readonly<Partial<Record<keyof typeof RLIMIT, number>>>;

export function resourceLimitArguments(limits: ResourceLimits): string[] {
  return Object.entries(limits).map(([name, value]) => `${RLIMIT[name as keyof typeof RLIMIT]}=${Math.ceil(value)}`);
}
