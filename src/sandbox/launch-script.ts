/**
 * The two small programs around bubblewrap, in Perl because Debian always has it (`perl-base` is essential), it starts
 * in about 1 ms (twice that with any `use` or `no`) and can make system calls by number.
 *
 *   LAUNCHER parent                                       lives as long as the sandbox, forks what becomes bubblewrap
 *   INSIDE   {resource=limit}… -- command…                first program in the sandbox, before any foreign code
 */
import type { NumberOf } from './syscall-table.ts';

/**
 * Where the launcher, as root, may show bubblewrap the inputs its uid could not reach: a tmpfs in a mount namespace of its own.
 * The first that exists and has no input below it is taken, for the tmpfs hides what is there.
 */
export const STAGES: readonly string[] = ['/mnt', '/media', '/srv', '/boot', '/run', '/opt'];

/** What the launcher makes for each run, in this order: `<` the run reads, `>` it writes. */
const PIPES = '<>>>><';

/**
 * Waits for orders on standard input, and is small, so that a copy of it costs little. For each it forks a child that
 * becomes bubblewrap, with pipes whose other ends the one who ordered opens by way of /proc. It ends with that one, and
 * all runs with it.
 *
 *   in    length, line feed, fields parted by NUL:  start id … | opened id | kill id
 *   out   lines:  started id pid descriptor… | failed id reason | ended id status
 *
 * Of the child — as root: a private mount namespace with the inputs at stage/0, stage/1, …, its control groups (a process
 * that enters by itself need not wait for the whole machine), then the reserved uid for good. Always: an empty
 * environment, every descriptor above `top` closed, never bubblewrap as uid 0 — with the kernel's uid 0 the files of
 * /proc/sys stay writable through every namespace.
 */
export const launcherProgram = (call: NumberOf): string => `
my ($parent, $self) = ($ARGV[0], $$);
sub bound { syscall(${call('prctl')}, 1, 9, 0, 0, 0) == 0 && getppid() == $_[0] }
bound($parent) or exit 125;
syscall(${call('close_range')}, 3, 0xffffffff, 0);
sub tell_all {
  my $line = join(' ', @_) . "\\n";
  while (length $line) { my $done = syswrite STDOUT, $line; substr($line, 0, $done // 0) = '' }
}
sub fail { print STDERR "launcher: $_[0]\\n"; exit 125 }
sub high { (fcntl($_[0], 0, 200) // fail("descriptors: $!")) + 0 }
sub become {
  my ($near, $order) = @_;
  my $next = sub { splice @$order, 0, $_[0] };
  my ($uid, $stage, $top, $keepAll, $keepEnvironment, $count) = $next->(6);
  my @inputs = $next->(2 * $count);
  my @groups = $next->($next->(1));
  my %planted = $next->(2 * ($next->(1))[0]);
  my @files = $next->(2 * ($next->(1))[0]);
  my @moves = map { [high($near->[$_]), $_ + 0] } 0, 1, 2;
  push @moves, map { [high($near->[$_]), $_ + 1] } 3 .. $#$near;
  syscall(${call('dup3')}, @$_, 0) >= 0 or exit 125 for splice @moves;
  my @held;
  while (my ($target, $from) = splice @files, 0, 2) {
    open(my $file, '<', $from) or fail("$from: $!");
    push @held, $file;
    push @moves, [high($file), $target + 0];
  }
  syscall(${call('dup3')}, @$_, 0) >= 0 or fail("descriptor $_->[1]: $!") for @moves;
  %ENV = %planted;
  %ENV = () unless $keepEnvironment;
  if ($uid ne '-' && @inputs) {
    my ($none, $root, $tmpfs, $options) = ('none', '/', 'tmpfs', 'mode=0755,size=1g');
    syscall(${call('unshare')}, 0x20000) == 0 or fail("mount namespace: $!");
    syscall(${call('mount')}, $none, $root, 0, 0x44000, 0) == 0 or fail("private mounts: $!");
    umask 022;
    syscall(${call('mount')}, $tmpfs, $stage, $tmpfs, 6, $options) == 0 or fail("stage: $!");
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
  }
  for my $group (@groups) {
    open(my $file, '>', $group) or fail("cgroup: $group: $!");
    syswrite($file, '0') or fail("cgroup: $group: $!");
  }
  if ($uid ne '-') {
    my $id = $uid + 0;
    syscall(${call('setgroups')}, 0, 0) == 0 or fail("setgroups: $!");
    syscall(${call('setresgid')}, $id, $id, $id) == 0 or fail("setresgid: $!");
    syscall(${call('setresuid')}, $id, $id, $id) == 0 or fail("setresuid: $!");
  }
  umask 022;
  fail('bubblewrap is never started by uid 0') if syscall(${call('getuid')}) == 0 || syscall(${call('geteuid')}) == 0;
  bound($self) or fail('does not die with the launcher');
  $keepAll || syscall(${call('close_range')}, $top + 1, 0xffffffff, 0) == 0 or fail("close_range: $!");
  exec { $order->[0] } @$order or fail("$order->[0]: $!");
}
my (%open, %pid, %id);
sub start {
  my ($id, @order) = @_;
  my (@near, @far);
  for my $way (split //, '${PIPES}') {
    pipe(my $out, my $in) or return tell_all('failed', $id, "pipe: $!");
    push @near, $way eq '<' ? $out : $in;
    push @far, $way eq '<' ? $in : $out;
  }
  my $pid = fork;
  defined $pid or return tell_all('failed', $id, "fork: $!");
  if ($pid == 0) { $SIG{CHLD} = 'DEFAULT'; become(\\@near, \\@order) }
  ($open{$id}, $pid{$id}, $id{$pid}) = ([@near, @far], $pid, $id);
  tell_all('started', $id, $pid, map { fileno $_ } @far);
}
pipe(my $wake, my $woken) or exit 125;
$SIG{CHLD} = sub { syswrite $woken, '.' };
my ($waiting, $buffer) = ('', '');
vec($waiting, $_, 1) = 1 for 0, fileno $wake;
for (;;) {
  my $count = select(my $ready = $waiting, undef, undef, undef);
  sysread $wake, my $dots, 4096 if $count > 0 && vec($ready, fileno $wake, 1);
  while ((my $pid = waitpid -1, 1) > 0) {
    my $id = delete $id{$pid};
    delete $pid{$id};
    tell_all('ended', $id, $?);
  }
  next unless $count > 0 && vec($ready, 0, 1);
  my $read = sysread STDIN, $buffer, 65536, length $buffer;
  next unless defined $read;
  exit 0 if $read == 0;
  while ($buffer =~ /^(\\d+)\\n/ && length($buffer) > length($1) + $1) {
    my ($size, $start) = ($1, length($1) + 1);
    my ($kind, $id, @rest) = split /\\0/, substr($buffer, $start, $size), -1;
    substr($buffer, 0, $start + $size) = '';
    start($id, @rest) if $kind eq 'start';
    delete $open{$id} if $kind eq 'opened';
    kill 'KILL', $pid{$id} if $kind eq 'kill' && $pid{$id};
  }
}
`;

/** Descriptors of a run before its command: bubblewrap's orders and what it tells, the handshake, the filter, files. */
export const DESCRIPTOR = { arguments: 3, info: 4, ready: 5, leave: 6, filter: 7, firstFile: 8 } as const;

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
syscall(${call('write')}, ${DESCRIPTOR.ready}, $ready, 1) == 1 or exit 125;
syscall(${call('read')}, ${DESCRIPTOR.leave}, $leave, 1) == 1 or exit 125;
my $keepAll = $leave eq 'k';
syscall(${call('close_range')}, 3, $last, 0) unless $keepAll;
syscall(${call('close')}, $_) for $keepAll ? (${DESCRIPTOR.ready}, ${DESCRIPTOR.leave}) : ();
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
