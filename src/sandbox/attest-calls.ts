/**
 * System calls the attestation makes from inside, as a Perl program: each in a process of its own, with arguments that
 * do no harm where the call goes through. Pure. A call is stopped when the answer is one that only a barrier gives.
 */
import { CALL_TABLES, type CallTable } from './syscall-table.ts';

const [CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET] = [0x10000000, 0x00020000, 0x40000000];
const X32 = 0x40000000;

/** `call` or `label call`, then arguments as Perl writes them. `$s` is a short string, `$z` a page of zeros. */
const CALLS = `
  mount.mount             mount             $none, $tmp, $tmpfs, 0, 0
  mount.umount            umount2           $proc, 0
  mount.open_tree         open_tree         -100, $tmp, 1
  mount.fsopen            fsopen            $tmpfs, 0
  mount.move_mount        move_mount        -1, $tmp, -1, $tmp, 0
  mount.mount_setattr     mount_setattr     -100, $tmp, 0, $z, 32
  mount.pivot_root        pivot_root        $tmp, $tmp
  mount.chroot            chroot            $tmp
  device.mknod            mknod             $node, 0020666, 259
  namespace.unshare_user  unshare           ${CLONE_NEWUSER}
  namespace.unshare_mount unshare           ${CLONE_NEWNS}
  namespace.unshare_net   unshare           ${CLONE_NEWNET}
  namespace.clone_user    clone             ${CLONE_NEWUSER}+17, 0, 0, 0, 0
  namespace.clone3        clone3            $z, 64
  namespace.setns         setns             0, 0
  process.ptrace          ptrace            0, 0, 0, 0
  process.vm_readv        process_vm_readv  $$, $z, 0, $z, 0, 0
  process.vm_writev       process_vm_writev $$, $z, 0, $z, 0, 0
  process.pidfd_getfd     pidfd_getfd       -1, 0, 0
  process.kcmp            kcmp              $$, $$, 0, 0, 0
  process.nice            setpriority       0, 0, -20
  process.realtime        sched_setscheduler 0, 1, $z
  process.outlive         prctl             1, 0, 0, 0, 0
  ipc.sysv_shm            shmget            0, 4096, 01600
  ipc.sysv_sem            semget            0, 1, 01600
  ipc.sysv_msg            msgget            0, 01600
  ipc.posix_queue         mq_open           $s, 0102, 0600, 0
  kernel.keyctl           keyctl            0, -3, 0, 0, 0
  kernel.add_key          add_key           $user, $s, $s, 1, -3
  kernel.bpf              bpf               0, $z, 0
  kernel.perf             perf_event_open   $z, 0, -1, -1, 0
  kernel.userfaultfd      userfaultfd       1
  kernel.io_uring         io_uring_setup    1, $z
  kernel.init_module      init_module       $z, 0, $s
  kernel.finit_module     finit_module      -1, $s, 0
  kernel.kexec            kexec_load        0, 0, $z, 0
  kernel.reboot           reboot            0, 0, 0, 0
  kernel.clock_settime    clock_settime     0, 0
  kernel.settimeofday     settimeofday      0, 0
  kernel.adjtimex         clock_adjtime     99, $z
  kernel.sethostname      sethostname       $s, 1
  kernel.syslog           syslog            10, 0, 0
  kernel.handle           name_to_handle_at -100, $tmp, $z, $y, 0
  kernel.open_by_handle   open_by_handle_at -100, $z, 0
  kernel.fanotify         fanotify_init     0, 0
  kernel.mempolicy        set_mempolicy     0, 0, 0
  kernel.memfd_secret     memfd_secret      0
  kernel.swapon           swapon            $s, 0
  kernel.quotactl         quotactl          0x800001, 0, 0, $z
  kernel.iopl             iopl              0
  kernel.acct             acct              0
  kernel.personality      personality       0x0040000
  kernel.modify_ldt       modify_ldt        0, $z, 8
  kernel.landlock         landlock_create_ruleset 0, 0, 1
  kernel.x32              +${X32 + 39}
  kernel.unknown          +9999
  terminal.push_input     ioctl             0, 0x5412, $s
  network.unix_socket     socket            1, 1, 0
  network.netlink         socket            16, 3, 0
  network.raw             socket            2, 3, 1
  network.packet          socket            17, 3, 768
  network.vsock           socket            40, 1, 0
  network.kernel_crypto   socket            38, 5, 0
  network.xdp             socket            44, 3, 0
  network.sctp            socket            2, 1, 132
  network.ping            socket            2, 2, 1`;

interface Call {
  readonly probe: string;
  readonly number: number;
  readonly args: string;
}

const LINE = /^\s*(\S+)\s+(\+(\d+)|(\S+))\s*(.*)$/;

/** Calls that only x86-64 has are not tried elsewhere. */
function readCalls(table: CallTable): Call[] {
  return CALLS.trim()
    .split('\n')
    .flatMap((line) => {
      const [, probe = '', , number, name = '', args = ''] = LINE.exec(line) ?? [];
      const found = number === undefined ? table.calls.get(name) : Number(number);
      if (found !== undefined) return [{ probe, number: found, args }];
      if (!CALL_TABLES.x64.calls.has(name)) throw new Error(`no system call is named ${name}`);
      return [];
    });
}

/** EPERM, ENOSPC, ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT, EACCES: what a barrier answers before any argument is looked at. */
const BARRIERS = [1, 13, 28, 38, 93, 97];

/** Prints `probe<TAB>stopped|through<TAB>errno` for every call. */
export function callsProgram(table: CallTable): string {
  const calls = readCalls(table).map(
    ({ probe, number, args }) => `tried('${probe}', sub { syscall(${number}${args === '' ? '' : `, ${args}`}) });`,
  );
  return `$| = 1;
my %barrier = map { $_ => 1 } (${BARRIERS.join(', ')});
our ($none, $tmp, $tmpfs, $proc, $node, $user, $s, $z, $y) =
  ('none', '/tmp', 'tmpfs', '/proc', '/tmp/node', 'user', 'x', "\\0" x 4096, "\\0" x 8);
sub tried {
  my ($probe, $call) = @_;
  my $pid = fork;
  if ($pid == 0) {
    $! = 0;
    my $answer = $call->();
    my $errno = $! + 0;
    syscall(${table.calls.get('exit_group')}, 0) if $answer == 0 && $probe eq 'namespace.clone_user' && $$ == 1;
    print "$probe\\t", ($answer == -1 && $barrier{$errno} ? 'stopped' : 'through'), "\\t$errno\\n";
    exit 0;
  }
  waitpid $pid, 0;
  print "$probe\\tstopped\\tkilled\\n" if $? & 127;
}
${calls.join('\n')}
`;
}
