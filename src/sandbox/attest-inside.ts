/**
 * Runs inside the sandbox: tries what needs no bare system call to get out, to see or to stay, harmlessly, and prints one
 * line of JSON. What it says is only a claim; where it can, the host judges by what it saw itself.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';

interface Task {
  /** A host file that must not be read, and what stands in it. */
  readonly canaryPath: string;
  readonly canary: string;
  /** Planted in the launcher's environment. */
  readonly token: string;
  readonly ports: { readonly tcp: number; readonly udp: number };
  readonly addresses: readonly string[];
  readonly abstractSocket: string;
  /** Seconds, unlike any other process's, that a process left behind wants to sleep. */
  readonly marker: string;
  readonly processes: number;
  readonly diskMiB: number;
}

type Verdict = 'stopped' | 'through';
const verdicts: Record<string, Verdict> = {};
const tell = (probe: string, through: boolean): void => {
  verdicts[probe] = through ? 'through' : 'stopped';
};

function succeeds(action: () => unknown): boolean {
  try {
    return action() !== false;
  } catch {
    return false;
  }
}

const read = (path: string): string => {
  try {
    return fs.readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
const list = (path: string): string[] => {
  try {
    return fs.readdirSync(path);
  } catch {
    return [];
  }
};
const opens = (path: string, flags: number): boolean => succeeds(() => fs.closeSync(fs.openSync(path, flags)));
const WRITE = fs.constants.O_WRONLY | fs.constants.O_NONBLOCK;

function hostFiles(task: Task, pids: readonly string[]): void {
  tell('files.host_path', read(task.canaryPath) !== '');
  tell(
    'files.through_proc_root',
    pids.some((pid) => read(`/proc/${pid}/root${task.canaryPath}`) !== ''),
  );
  tell(
    'files.through_proc_cwd',
    pids.some((pid) => read(`/proc/${pid}/cwd${task.canaryPath}`) !== ''),
  );
  tell('files.parent_of_root', read(`/../../..${task.canaryPath}`) !== '');
  tell('files.shadow', read('/etc/shadow') !== '');
  tell('files.home_of_root', list('/root').length > 0);
  tell('files.homes', list('/home').length > 0);
  tell('files.var', list('/var').length > 0);
  tell('files.run', list('/run').length > 0);
  tell(
    'files.write_usr',
    succeeds(() => fs.writeFileSync('/usr/headstart-attest', '')),
  );
  tell(
    'files.write_root',
    succeeds(() => fs.mkdirSync('/headstart-attest')),
  );
  tell(
    'files.write_etc',
    succeeds(() => fs.writeFileSync('/etc/passwd', '')),
  );
  tell(
    'files.write_node',
    succeeds(() => fs.chmodSync(process.execPath, 0o777)),
  );
  tell(
    'files.remount',
    read('/proc/self/mountinfo')
      .split('\n')
      .some((line) => / \/usr rw/.test(line)),
  );
}

function secrets(task: Task, pids: readonly string[]): void {
  const holds = (name: string): boolean => pids.some((pid) => read(`/proc/${pid}/${name}`).includes(task.token));
  tell('secret.environ_of_any', holds('environ'));
  tell(
    'secret.arguments_of_any',
    pids.some((pid) => /bwrap|--seccomp/.test(read(`/proc/${pid}/cmdline`))),
  );
  tell('secret.own_environment', JSON.stringify(process.env).includes(task.token));
  tell(
    'secret.descriptor_content',
    list('/proc/self/fd').some((name) => Number(name) > 2 && seenThrough(name, task.token)),
  );
  tell(
    'process.launcher_in_sight',
    process.pid !== 1 || pids.some((pid) => read(`/proc/${pid}/comm`).startsWith('bwrap')),
  );
  tell('process.strangers', pids.length > 2);
}

/** Only regular files are looked into: reading a socket would wait. */
function seenThrough(descriptor: string, token: string): boolean {
  return succeeds(() => {
    const number = Number(descriptor);
    if (!fs.fstatSync(number).isFile()) return false;
    const bytes = Buffer.alloc(256);
    fs.readSync(number, bytes, 0, 256, 0);
    return bytes.includes(token);
  });
}

const DEVICES = [
  'mem',
  'kmsg',
  'port',
  'sda',
  'vda',
  'fuse',
  'kvm',
  'net/tun',
  'loop0',
  'vsock',
  'vhost-vsock',
  'rtc0',
];

function devices(): void {
  tell(
    'device.host_devices',
    DEVICES.some((name) => opens(`/dev/${name}`, fs.constants.O_RDONLY)),
  );
  tell(
    'device.write_dev',
    succeeds(() => fs.writeFileSync('/dev/headstart-attest', '')),
  );
  tell('terminal.controlling', opens('/dev/tty', WRITE));
  // The session of a process that leads none of ours lies outside the namespace and shows as 0.
  tell('terminal.session', Number(read('/proc/self/stat').split(') ')[1]?.split(' ')[3]) === 0);
}

function privileges(): void {
  const status = read('/proc/self/status');
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
  tell(
    'privilege.capabilities',
    ['CapEff', 'CapPrm', 'CapInh', 'CapAmb'].some((name) => !/^0+$/.test(field(name))),
  );
  tell('privilege.bounding_set', !/^0+$/.test(field('CapBnd')));
  tell('privilege.new_privileges', field('NoNewPrivs') !== '1');
  tell('privilege.no_filter', field('Seccomp') !== '2');
  tell(
    'privilege.become_root',
    succeeds(() => process.setuid?.(0)),
  );
  tell(
    'privilege.other_groups',
    (process.getgroups?.() ?? []).some((group) => group !== 65534),
  );
}

const SETTINGS = [
  'kernel/core_pattern',
  'vm/overcommit_memory',
  'kernel/hostname',
  'kernel/modprobe',
  'vm/drop_caches',
  'net/ipv4/ip_forward',
  'fs/suid_dumpable',
];

function kernelSettings(): void {
  tell(
    'kernel.settings',
    SETTINGS.some((name) => opens(`/proc/sys/${name}`, WRITE)),
  );
  tell('kernel.sysrq', opens('/proc/sysrq-trigger', WRITE));
  tell('kernel.sysfs', list('/sys').length > 0);
  tell(
    'kernel.oom_score',
    succeeds(() => fs.writeFileSync('/proc/self/oom_score_adj', '-1000')),
  );
  tell('kernel.cgroupfs', list('/sys/fs/cgroup').length > 0);
  for (const name of [
    'cmdline',
    'config.gz',
    'kallsyms',
    'iomem',
    'ioports',
    'keys',
    'key-users',
    'kcore',
    'timer_list',
  ]) {
    tell(`kernel.tells_${name.replace(/\W/, '_').replace('-', '_')}`, read(`/proc/${name}`) !== '');
  }
}

function limits(task: Task): void {
  const table = read('/proc/self/limits');
  const hard = (name: string): string => new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, 'm').exec(table)?.[1] ?? 'unlimited';
  for (const name of ['Max core file size', 'Max locked memory'])
    tell(`limit.${name.slice(4).replaceAll(' ', '_')}`, hard(name) !== '0');
  for (const name of ['Max address space', 'Max data size', 'Max file size', 'Max cpu time', 'Max open files']) {
    tell(`limit.${name.slice(4).replaceAll(' ', '_')}`, !(Number(hard(name)) < 1_048_576 * 1_048_576));
  }
  tell('limit.processes', !(Number(hard('Max processes')) <= task.processes));
  const size = (path: string): number => {
    const stat = fs.statfsSync(path);
    return (stat.blocks * stat.bsize) / 1_048_576;
  };
  tell('limit.size_of_work', size('/work') > task.diskMiB);
  tell('limit.size_of_tmp', size('/tmp') > 64);
  tell('limit.size_of_shared_memory', size('/dev/shm') > 64);
}

/** Resolves true when a connection stands. The host counts connections on its side too. */
function connects(options: net.NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(options);
    const end = (through: boolean) => () => {
      socket.destroy();
      resolve(through);
    };
    socket.setTimeout(300, end(false));
    socket.on('connect', end(true));
    socket.on('error', end(false));
  });
}

function sendDatagram(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.on('error', () => resolve(false));
    // On the namespace's own loopback a datagram always leaves; the host says whether one arrived.
    socket.send('attest', port, address, (error) => {
      socket.close();
      resolve(error === null && !address.startsWith('127.'));
    });
  });
}

async function network(task: Task): Promise<void> {
  tell('network.host_loopback', await connects({ host: '127.0.0.1', port: task.ports.tcp }));
  tell('network.host_loopback_6', await connects({ host: '::1', port: task.ports.tcp }));
  const own = await Promise.all(task.addresses.map((host) => connects({ host, port: task.ports.tcp })));
  tell('network.host_address', own.includes(true));
  tell('network.outward', await connects({ host: '192.0.2.1', port: 80 }));
  tell('network.metadata', await connects({ host: '169.254.169.254', port: 80 }));
  tell('network.outward_6', await connects({ host: '2001:db8::1', port: 80 }));
  tell('network.abstract_socket', await connects({ path: task.abstractSocket }));
  tell('network.host_datagram', await sendDatagram(task.ports.udp, '127.0.0.1'));
  tell('network.outward_datagram', await sendDatagram(53, '192.0.2.1'));
  const links = read('/proc/net/dev')
    .split('\n')
    .slice(2)
    .filter((line) => line.trim() !== '');
  tell(
    'network.links',
    links.some((line) => !line.trim().startsWith('lo:')),
  );
  tell('network.routes', read('/proc/net/route').trim().split('\n').length > 1);
}

/** Where the run begins, and all that it may write to. */
const WORK = process.cwd();

/** Left behind for the collector, and a process that wants to outlive the run. */
function leaveBehind(task: Task): void {
  fs.symlinkSync(task.canaryPath, `${WORK}/link`);
  fs.symlinkSync('/', `${WORK}/root`);
  fs.writeFileSync(`${WORK}/setuid`, 'x', { mode: 0o4755 });
  fs.chmodSync(`${WORK}/setuid`, 0o4755);
  spawnSync('/usr/bin/mkfifo', [`${WORK}/fifo`]);
  fs.writeFileSync(`${WORK}/sparse`, '');
  succeeds(() => fs.truncateSync(`${WORK}/sparse`, 512 * 1_048_576));
  spawnSync('/bin/sh', ['-c', `(setsid sleep ${task.marker} </dev/null >/dev/null 2>&1 &)`]);
}

const task = JSON.parse(fs.readFileSync(`${WORK}/task.json`, 'utf8')) as Task;
const pids = list('/proc').filter((name) => /^\d+$/.test(name));
hostFiles(task, pids);
secrets(task, pids);
devices();
privileges();
kernelSettings();
limits(task);
tell('host.name', os.hostname() !== 'localhost');
const calls = spawnSync('/usr/bin/perl', [`${WORK}/calls.pl`], { encoding: 'latin1' }).stdout;
for (const line of calls.trim().split('\n')) {
  const [probe = '', verdict] = line.split('\t');
  tell(`call.${probe}`, verdict !== 'stopped');
}
await network(task);
leaveBehind(task);
const namespaces = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'].map((name) => [
  name,
  fs.readlinkSync(`/proc/self/ns/${name}`),
]);
process.stdout.write(`${JSON.stringify({ verdicts, namespaces })}\n`);
process.exit(0);
