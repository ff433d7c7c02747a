/**
 * The system call filter, compiled to classic BPF (8 bytes an instruction) for `bwrap --seccomp`. Pure.
 * Order: foreign architecture → kill; x32 and unknown numbers → ENOSYS; calls whose arguments decide; calls refused
 * by name → EPERM; the rest is allowed.
 */
import { type CallTable, type NumberOf, numberOfIn } from './syscall-table.ts';

/** Refused whatever the arguments are, where the machine has them. */
export const DENIED_CALLS: readonly string[] = `
  mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr statmount listmount
  unshare setns ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease
  add_key request_key keyctl bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
  init_module finit_module delete_module create_module query_module get_kernel_syms
  kexec_load kexec_file_load reboot settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname
  shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl
  mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
  name_to_handle_at open_by_handle_at mknod mknodat fanotify_init fanotify_mark
  mbind set_mempolicy get_mempolicy migrate_pages move_pages set_mempolicy_home_node
  memfd_secret swapon swapoff quotactl quotactl_fd acct syslog iopl ioperm modify_ldt vhangup
  uselib ustat sysfs _sysctl nfsservctl getpmsg putpmsg afs_syscall tuxcall security vserver lookup_dcookie
  epoll_ctl_old epoll_wait_old remap_file_pages ioprio_set sched_setattr sched_setscheduler
  lsm_get_self_attr lsm_set_self_attr lsm_list_modules landlock_create_ruleset landlock_add_rule landlock_restrict_self`
  .trim()
  .split(/\s+/);

const EPERM = 1;
const ENOSYS = 38;
const EPROTONOSUPPORT = 93;
const EAFNOSUPPORT = 97;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const refuseWith = (errno: number): number => 0x00050000 | errno;

/** Offsets into `struct seccomp_data`; of each 64-bit argument the low half decides for every call looked into here. */
const AT_NUMBER = 0;
const AT_ARCHITECTURE = 4;
const atArgument = (index: number): number => 16 + 8 * index;

const X32_BIT = 0x40000000;
/** Every CLONE_NEW* flag `clone` can carry. */
const NEW_NAMESPACES = 0x7e020000;
const [AF_INET, AF_INET6, SOCK_STREAM, SOCK_DGRAM] = [2, 10, 1, 2];
const [IPPROTO_TCP, IPPROTO_UDP] = [6, 17];
const [TIOCSTI, TIOCLINUX] = [0x5412, 0x541c];
const PR_SET_PDEATHSIG = 1;
const SOCK_TYPE_MASK = 0xf;
const [PERSONALITY_DEFAULT, PERSONALITY_QUERY] = [0, 0xffffffff];

interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly k: number;
}

const load = (offset: number): Instruction => ({ code: 0x20, whenTrue: 0, whenFalse: 0, k: offset });
const and = (mask: number): Instruction => ({ code: 0x54, whenTrue: 0, whenFalse: 0, k: mask });
const answer = (action: number): Instruction => ({ code: 0x06, whenTrue: 0, whenFalse: 0, k: action });
const jump = (code: number) => (k: number, whenTrue: number, whenFalse: number) => ({ code, whenTrue, whenFalse, k });
const ifEqual = jump(0x15);
const ifGreater = jump(0x25);
const ifAtLeast = jump(0x35);

/** Runs `body` (which must answer on every path) when the number loaded is `number`; the number stays loaded after. */
function onCall(number: number, body: readonly Instruction[]): Instruction[] {
  return [ifEqual(number, 0, body.length), ...body];
}

/** Only the listed values pass; the value is loaded already. Falls through when it is one of them. */
function onlyValues(values: readonly number[], errno: number): Instruction[] {
  return [...values.map((value, index) => ifEqual(value, values.length - index, 0)), answer(refuseWith(errno))];
}

function argumentRules(numberOf: NumberOf): Instruction[] {
  const refusing = (values: readonly number[]): Instruction[] => [
    ...values.map((value, index) => ifEqual(value, values.length - index, 0)),
    answer(ALLOW),
    answer(refuseWith(EPERM)),
  ];
  return [
    // The flags of clone3 lie behind a pointer and cannot be read here; libc falls back to clone.
    ...onCall(numberOf('clone3'), [answer(refuseWith(ENOSYS))]),
    ...onCall(numberOf('clone'), [
      load(atArgument(0)),
      and(NEW_NAMESPACES),
      ifEqual(0, 1, 0),
      answer(refuseWith(EPERM)),
      answer(ALLOW),
    ]),
    // Families by name: AF_VSOCK belongs to no network namespace, and protocols such as SCTP would load kernel modules.
    ...onCall(numberOf('socket'), [
      load(atArgument(0)),
      ...onlyValues([AF_INET, AF_INET6], EAFNOSUPPORT),
      load(atArgument(1)),
      and(SOCK_TYPE_MASK),
      ...onlyValues([SOCK_STREAM, SOCK_DGRAM], EPERM),
      load(atArgument(2)),
      ...onlyValues([0, IPPROTO_TCP, IPPROTO_UDP], EPROTONOSUPPORT),
      answer(ALLOW),
    ]),
    // TIOCSTI types into the terminal of whoever started us (class of CVE-2017-5226).
    ...onCall(numberOf('ioctl'), [load(atArgument(1)), ...refusing([TIOCSTI, TIOCLINUX])]),
    ...onCall(numberOf('personality'), [
      load(atArgument(0)),
      ...onlyValues([PERSONALITY_DEFAULT, PERSONALITY_QUERY], EPERM),
      answer(ALLOW),
    ]),
    // Otherwise a command could cancel "die with the launcher" and outlive it.
    ...onCall(numberOf('prctl'), [load(atArgument(0)), ...refusing([PR_SET_PDEATHSIG])]),
  ];
}

/** Ascending numbers as inclusive ranges. */
function toRanges(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, whenTrue, whenFalse, k }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(whenTrue, index * 8 + 2);
    bytes.writeUInt8(whenFalse, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}

export function compileFilter(table: CallTable): Buffer {
  const last = Math.max(...table.calls.values());
  const denied = toRanges(DENIED_CALLS.flatMap((name) => table.calls.get(name) ?? []));
  return encode([
    load(AT_ARCHITECTURE),
    ifEqual(table.auditArchitecture, 1, 0),
    answer(KILL_PROCESS),
    load(AT_NUMBER),
    // On x86-64 only, but a number as high exists nowhere.
    ifAtLeast(X32_BIT, 1, 0),
    ifGreater(last, 0, 1),
    answer(refuseWith(ENOSYS)),
    ...argumentRules(numberOfIn(table)),
    ...denied.flatMap(([from, to]) =>
      from === to
        ? [ifEqual(from, 0, 1), answer(refuseWith(EPERM))]
        : [ifAtLeast(from, 0, 2), ifGreater(to, 1, 0), answer(refuseWith(EPERM))],
    ),
    answer(ALLOW),
  ]);
}
