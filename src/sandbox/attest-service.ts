/**
 * The attestation: everything known to get out of a sandbox like this is tried from inside this very one, harmlessly.
 * Where the host can see for itself (a connection, a surviving process, a namespace, what was collected), that decides;
 * otherwise the word of the program inside does.
 */
import { createSocket } from 'node:dgram';
import { closeSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result } from '../lib/result.ts';
import { type AbuseParts, tryAbuse } from './attest-abuse-service.ts';
import { callsProgram } from './attest-calls.ts';
import type { Layer } from './layers.ts';
import { openMemoryFile } from './memory-file-client.ts';
import type { SandboxProfile, SandboxRefusal, SandboxRun } from './run.ts';

export interface Attestation {
  readonly profile: SandboxProfile;
  readonly layers: readonly Layer[];
  readonly probes: number;
  readonly stopped: number;
  /** Names of the probes that got through, or that did not answer. */
  readonly failed: readonly string[];
}

export interface AttestParts extends AbuseParts {
  readonly layers: readonly Layer[];
  readonly random: RandomBytes;
}

const PROCESSES = 32;
const DISK_MIB = 16;
const SLACK = 16;
const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
/** Fewer answers than this mean that the program inside was cut short. */
const LEAST_ANSWERS = 100;

/** What the host lays out to be found, and what it then saw. */
interface Bait {
  readonly directory: string;
  readonly canary: string;
  readonly token: string;
  readonly descriptor: number;
  readonly marker: string;
  readonly tcp: number;
  readonly udp: number;
  readonly abstractSocket: string;
  readonly seen: Record<'connections' | 'abstract' | 'datagrams', number>;
  close(): Promise<void>;
}

function listen(server: net.Server, where: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

async function layBait(random: RandomBytes): Promise<Bait> {
  const hex = (): string => Buffer.from(random(16)).toString('hex');
  const [canary, token, abstractSocket] = [hex(), hex(), `\0headstart-attest-${hex()}`];
  const seen = { connections: 0, abstract: 0, datagrams: 0 };
  const tcp = net.createServer((socket) => {
    seen.connections += 1;
    socket.destroy();
  });
  const unix = net.createServer((socket) => {
    seen.abstract += 1;
    socket.destroy();
  });
  const udp = createSocket('udp4', () => {
    seen.datagrams += 1;
  });
  await listen(tcp, { port: 0, host: '0.0.0.0' });
  await listen(unix, { path: abstractSocket });
  await new Promise<void>((resolve) => udp.bind(0, '0.0.0.0', resolve));
  const directory = mkdtempSync(join(tmpdir(), 'headstart-attest-'));
  writeFileSync(join(directory, 'canary'), canary);
  const address = tcp.address();
  return {
    directory,
    canary,
    token,
    abstractSocket,
    descriptor: openMemoryFile(token),
    marker: `9${Buffer.from(random(4)).readUInt32LE()}`,
    tcp: typeof address === 'object' && address ? address.port : 0,
    udp: udp.address().port,
    seen,
    async close() {
      udp.close();
      await Promise.all([tcp, unix].map((server) => new Promise((resolve) => server.close(resolve))));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Verdicts = Map<string, boolean>;

/** The first process as the host's /proc shows it, before any foreign code runs. `true` is stopped. */
function observe(init: number, profile: SandboxProfile, token: string, verdicts: Verdicts): void {
  const status = readFileSync(`/proc/${init}/status`, 'utf8');
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
  for (const name of NAMESPACES) {
    const apart = readlinkSync(`/proc/${init}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`);
    verdicts.set(`host.own_${name}_namespace`, apart);
  }
  verdicts.set(
    'host.uid_is_not_root',
    field('Uid')
      .split('\t')
      .every((uid) => Number(uid) > 0),
  );
  verdicts.set(
    'host.no_groups',
    field('Groups')
      .split(' ')
      .every((group) => group === '' || group !== '0'),
  );
  verdicts.set('host.filter_is_on', field('Seccomp') === '2');
  verdicts.set('host.no_new_privileges', field('NoNewPrivs') === '1');
  verdicts.set('host.no_capabilities', /^0+$/.test(field('CapEff')) && /^0+$/.test(field('CapBnd')));
  verdicts.set('host.environment_is_clean', !readFileSync(`/proc/${init}/environ`, 'latin1').includes(token));
  if (profile === 'full') {
    verdicts.set('host.in_cgroup', readFileSync(`/proc/${init}/cgroup`, 'utf8').includes('/headstart-'));
  }
}

const isMarked = (pid: string, marker: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(marker);
  } catch {
    return false;
  }
};

/** What the host saw of the run when it was over; overrules what was said inside. */
function judge(run: SandboxRun, bait: Bait, verdicts: Verdicts): void {
  const { seen } = bait;
  const through = (probe: string, happened: boolean): void => {
    verdicts.set(probe, !happened && verdicts.get(probe) !== false);
  };
  through('network.host_loopback', seen.connections > 0);
  through('network.host_datagram', seen.datagrams > 0);
  through('network.abstract_socket', seen.abstract > 0);
  const outputs = [...run.outputs.values()];
  through(
    'output.canary_came_back',
    outputs.some((content) => content.includes(bait.canary)),
  );
  through('output.link', run.outputs.has('link') || [...run.outputs.keys()].some((path) => path.startsWith('root')));
  through('output.pipe', run.outputs.has('fifo'));
  through(
    'output.sparse',
    outputs.some((content) => content.length > DISK_MIB * 1_048_576),
  );
  through('output.token', run.stdout.includes(bait.token) || outputs.some((content) => content.includes(bait.token)));
  const left = readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && isMarked(pid, bait.marker));
  through('process.outlives_the_run', left);
}

function readAnswers(run: SandboxRun, verdicts: Verdicts): void {
  let answers: unknown;
  try {
    answers = JSON.parse(run.stdout.toString('utf8')).verdicts;
  } catch {
    answers = {};
  }
  const entries = Object.entries(answers as Record<string, unknown>);
  for (const [probe, verdict] of entries) verdicts.set(probe, verdict === 'stopped');
  verdicts.set('attestation.complete', run.exitCode === 0 && entries.length >= LEAST_ANSWERS);
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
}

async function tryFromInside(
  parts: AttestParts,
  bait: Bait,
  verdicts: Verdicts,
): Promise<Result<void, SandboxRefusal>> {
  const task = {
    canaryPath: join(bait.directory, 'canary'),
    canary: bait.canary,
    token: bait.token,
    ports: { tcp: bait.tcp, udp: bait.udp },
    addresses: ownAddresses(),
    abstractSocket: bait.abstractSocket,
    marker: bait.marker,
    processes: PROCESSES + SLACK,
    diskMiB: DISK_MIB,
  };
  const program = readFileSync(new URL('./attest-inside.ts', import.meta.url));
  const run = await parts.run(
    {
      command: ['node', '/work/attest.mts'],
      files: [
        { path: 'attest.mts', content: program },
        { path: 'calls.pl', content: callsProgram(parts.table) },
        { path: 'task.json', content: JSON.stringify(task) },
      ],
      limits: { pids: PROCESSES, diskMiB: DISK_MIB, seconds: 20 },
      collect: true,
    },
    {
      environment: { HEADSTART_PLANTED: bait.token },
      descriptor: bait.descriptor,
      observe: (init) => observe(init, parts.profile, bait.token, verdicts),
    },
  );
  if (!run.ok) return run;
  // The task itself names the token and the canary; what comes back of it proves nothing.
  const outputs = new Map([...run.value.outputs].filter(([path]) => path !== 'task.json'));
  readAnswers(run.value, verdicts);
  judge({ ...run.value, outputs }, bait, verdicts);
  return ok(undefined);
}

/** About two seconds on two processors. A refusal means that the sandbox did not start at all. */
export async function attest(parts: AttestParts): Promise<Result<Attestation, SandboxRefusal>> {
  const verdicts: Verdicts = new Map();
  const bait = await layBait(parts.random);
  try {
    const inside = await tryFromInside(parts, bait, verdicts);
    if (!inside.ok) return inside;
    for (const [probe, stopped] of await tryAbuse(parts)) verdicts.set(probe, stopped);
  } finally {
    closeSync(bait.descriptor);
    await bait.close();
  }
  const failed = [...verdicts].filter(([, stopped]) => !stopped).map(([probe]) => probe);
  return ok({
    profile: parts.profile,
    layers: parts.layers,
    probes: verdicts.size,
    stopped: verdicts.size - failed.length,
    failed: failed.sort(),
  });
}
