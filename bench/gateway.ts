/**
 * What a call through the gate costs beside a bare proxy, nginx and another gateway, all in one run and in slices of
 * random order, so that a busy machine is busy for each of them. The measure is CPU time of the proxy's own process for a
 * call: it does not depend on who else is running. Needs gcc, wrk and nginx (Debian packages); Portkey comes from npm.
 *
 *   ./headstart bench gateway [--seconds N] [--slices N] [--without portkey,nginx] [--report]
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import {
  cpuNanos,
  type Gate,
  type Peer,
  startGate,
  startNginx,
  startNode,
  startPortkey,
  startUpstream,
} from './gateway-peers/peers.ts';

const run = promisify(execFile);
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    slices: { type: 'string', default: '7' },
    without: { type: 'string', default: '' },
    report: { type: 'boolean', default: false },
  },
});
const SECONDS = Number(options.seconds);
const SLICES = Number(options.slices);
const WARM_SECONDS = 6;
const WITHOUT = new Set(options.without.split(','));

const CASES = [
  { name: 'JSON', streamed: false, connections: 64 },
  { name: 'stream', streamed: true, connections: 64 },
  { name: 'JSON, one connection', streamed: false, connections: 1 },
] as const;
type Case = (typeof CASES)[number];

interface Slice {
  readonly requests: number;
  readonly microsPerCall: number;
  readonly databaseMicrosPerCall: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

/** About 1.9 KB, as an agent's first turn. */
function body(streamed: boolean): string {
  const code = 'function join(root, name) { return fs.readFileSync(root + "/" + name); }\n'.repeat(22);
  return JSON.stringify({
    model: 'bench-model',
    max_tokens: 256,
    ...(streamed && { stream: true }),
    messages: [{ role: 'user', content: `Which input of this code reaches the file system unchecked?\n${code}` }],
  });
}

function script(folder: string, peer: Peer, { streamed, name }: Case): string {
  const file = join(folder, `${peer.name}-${name}.lua`.replace(/[^\w.-]/g, '_'));
  const headers = { 'content-type': 'application/json', ...peer.headers };
  writeFileSync(
    file,
    `wrk.method = "POST"
wrk.body = ${JSON.stringify(body(streamed))}
${Object.entries(headers)
  .map(([key, value]) => `wrk.headers["${key}"] = "${value}"`)
  .join('\n')}
done = function(summary, latency, requests)
  io.write(string.format("@ %d %d %f %f\\n", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
`,
  );
  return file;
}

async function measure(
  folder: string,
  peer: Peer,
  it: Case,
  gates: readonly Gate[],
  seconds = SECONDS,
): Promise<Slice> {
  const file = script(folder, peer, it);
  const own = peer.pids();
  const database = gates.find(({ name }) => name === peer.name)?.databasePids() ?? [];
  const before = [cpuNanos(own), cpuNanos(database)] as const;
  const load = ['-t1', `-c${it.connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', file];
  const { stdout } = await run('wrk', [...load, `${peer.url}/v1/messages`]);
  // Postings and receipts of this slice are written a moment later.
  await new Promise((done) => setTimeout(done, 400));
  const used = [cpuNanos(own) - before[0], cpuNanos(database) - before[1]] as const;
  const [, requests, failures, p50, p99] = /@ (\d+) (\d+) ([\d.]+) ([\d.]+)/.exec(stdout) ?? [];
  const count = Number(requests);
  return {
    requests: count,
    microsPerCall: used[0] / 1e3 / count,
    databaseMicrosPerCall: used[1] / 1e3 / count,
    p50Ms: Number(p50),
    p99Ms: Number(p99),
    failures: Number(failures),
  };
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor((numbers.length - 1) / 2)] ?? Number.NaN;

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([left], [right]) => left - right)
    .map(([, item]) => item);
}

function table(name: string, peers: readonly Peer[], slices: ReadonlyMap<string, readonly Slice[]>): string[] {
  const of = (peer: string) => slices.get(`${peer} ${name}`) ?? [];
  const bare = median(of('bare Node proxy').map(({ microsPerCall }) => microsPerCall));
  const rows = peers.map((peer) => {
    const list = of(peer.name);
    const pick = (key: keyof Slice) => median(list.map((slice) => slice[key]));
    const total = list.reduce((sum, { requests }) => sum + requests, 0);
    const failed = list.reduce((sum, { failures }) => sum + failures, 0);
    const cpu = pick('microsPerCall');
    const database = pick('databaseMicrosPerCall');
    return `| ${peer.name} | ${cpu.toFixed(0)} | ${(cpu / bare).toFixed(2)} | ${database > 0 ? database.toFixed(0) : ''} | ${pick('p50Ms').toFixed(2)} | ${pick('p99Ms').toFixed(1)} | ${total} | ${failed} |`;
  });
  return [
    `## ${name}`,
    '',
    '| | CPU µs a call | to the bare proxy | database CPU µs a call | p50 ms | p99 ms | calls | failed |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

const folder = mkdtempSync(join(tmpdir(), 'headstart-bench-gateway-'));
const memory = mkdtempSync('/dev/shm/headstart-bench-gateway-');
const peers: Peer[] = [];
try {
  const upstream = await startUpstream(folder);
  peers.push(upstream, await startNode('bare Node proxy', 'bare.ts', upstream.url));
  if (!WITHOUT.has('nginx')) peers.push(await startNginx(folder, upstream.url));
  const gates = [
    await startGate('Headstart', join(folder, 'home'), upstream.url, []),
    await startGate('Headstart, its data in memory', join(memory, 'home'), upstream.url, []),
  ];
  peers.push(...gates);
  if (!WITHOUT.has('portkey')) peers.push(await startPortkey(folder, upstream.url));
  const slices = new Map<string, Slice[]>();
  const plan = CASES.flatMap((it) => peers.map((peer) => [peer, it] as const));
  // Until the code of every peer is compiled for what it does.
  for (const [peer, it] of plan) await measure(folder, peer, it, gates, WARM_SECONDS);
  for (let round = 0; round < SLICES; round += 1) {
    for (const [peer, it] of shuffle(plan)) {
      const key = `${peer.name} ${it.name}`;
      slices.set(key, [...(slices.get(key) ?? []), await measure(folder, peer, it, gates)]);
    }
    process.stderr.write(`round ${round + 1} of ${SLICES}\n`);
  }
  const day = new Date().toISOString().slice(0, 10);
  const report = [
    `# A call through the gate, ${day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), load ${loadavg()
      .map((value) => value.toFixed(1))
      .join(' / ')}.`,
    `Upstream in C, load by wrk, request 1.9 KB, answer 0.5 KB or a stream of 64 events; ${SLICES} slices of ${SECONDS} s each, in random order,`,
    'medians. CPU is that of the proxy process alone, all its threads; the database of the gate is shown apart. The gate',
    'checks key, person, grant, stops, scope and rates, reserves, writes its record to the disk before the upstream is called,',
    'settles, signs receipts. The same with its data in memory shows what durability costs: there a write is a copy. Times',
    'swing with the machine; the CPU column says more.',
    '',
    ...CASES.flatMap(({ name }) => table(name, peers, slices)),
  ].join('\n');
  process.stdout.write(report);
  if (options.report) {
    const reports = join(import.meta.dirname, 'reports');
    mkdirSync(reports, { recursive: true });
    writeFileSync(join(reports, `${day}-gateway.md`), report);
  }
} finally {
  for (const peer of peers.reverse()) await peer.stop();
  for (const each of [folder, memory]) rmSync(each, { recursive: true, force: true });
}
