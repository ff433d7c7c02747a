/**
 * Streams as they come in life: many at once, each slow. 40 events at 25 ms apart on each of 200 connections; what one
 * stream costs the gate beside a bare proxy, in slices of random order. Needs gcc and wrk (Debian packages).
 * `./headstart bench gateway-paced [--seconds N] [--slices N] [--report]`
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { cpuNanos, type Peer, startGate, startNode } from './gateway-peers/peers.ts';
import { openReport, quantile } from './report/dated.ts';

const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    slices: { type: 'string', default: '5' },
    report: { type: 'boolean', default: false },
  },
});
const CONNECTIONS = 200;
/** What the provider takes for 40 events at 25 ms. */
const STREAM_MS = 975;
const WARM_SECONDS = 8;

const body = JSON.stringify({
  model: 'bench-model',
  max_tokens: 256,
  stream: true,
  messages: [{ role: 'user', content: 'Hello' }],
});

interface Slice {
  readonly microsPerStream: number;
  readonly p50Ms: number;
  readonly streams: number;
  readonly failures: number;
}

async function measure(folder: string, peer: Peer, seconds: number): Promise<Slice> {
  const file = join(folder, `${peer.name.replaceAll(' ', '-')}.lua`);
  const headers = Object.entries({ 'content-type': 'application/json', ...peer.headers });
  writeFileSync(
    file,
    `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
${headers.map(([name, value]) => `wrk.headers["${name}"] = "${value}"`).join('\n')}
done = function(summary, latency, requests)
  io.write(string.format("@ %d %d %f\\n", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000))
end
`,
  );
  const before = cpuNanos(peer.pids());
  const load = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '20s', '-s', file];
  const { stdout } = await run('wrk', [...load, `${peer.url}/v1/messages`]);
  await new Promise((done) => setTimeout(done, 1_500));
  const [, streams, failures, p50] = /@ (\d+) (\d+) ([\d.]+)/.exec(stdout) ?? [];
  const micros = (cpuNanos(peer.pids()) - before) / 1e3;
  // Those that were cut off when time was up cost something, too: half of the connections' worth.
  const count = Number(streams) + CONNECTIONS / 2;
  return { microsPerStream: micros / count, p50Ms: Number(p50), streams: Number(streams), failures: Number(failures) };
}

const report = openReport('gateway-paced', 'Paced streams through the gate', values.report);
const folder = mkdtempSync(join(tmpdir(), 'headstart-bench-paced-'));
const started: Peer[] = [];
const end = async (): Promise<void> => {
  for (const each of started.reverse()) await each.stop();
  rmSync(folder, { recursive: true, force: true });
};
try {
  const provider = await startNode('provider', 'paced.ts');
  started.push(provider);
  const peers = [
    await startNode('bare Node proxy', 'bare.ts', provider.url),
    await startGate('Headstart', join(folder, 'home'), provider.url, []),
  ];
  started.push(...peers);
  const slices = new Map<Peer, Slice[]>(peers.map((peer) => [peer, []]));
  for (const peer of peers) await measure(folder, peer, WARM_SECONDS);
  for (let round = 0; round < Number(values.slices); round += 1) {
    for (const peer of round % 2 === 0 ? peers : peers.toReversed()) {
      slices.get(peer)?.push(await measure(folder, peer, Number(values.seconds)));
    }
  }
  const half = (peer: Peer, key: keyof Slice): number =>
    quantile(
      slices
        .get(peer)
        ?.map((slice) => slice[key])
        .toSorted((one, other) => one - other) ?? [],
      0.5,
    );
  const total = (peer: Peer, key: keyof Slice): number =>
    (slices.get(peer) ?? []).reduce((sum, slice) => sum + slice[key], 0);
  const [bare] = peers;
  const rows = peers.map((peer) => {
    const cpu = half(peer, 'microsPerStream');
    const ratio = bare ? cpu / half(bare, 'microsPerStream') : Number.NaN;
    const late = half(peer, 'p50Ms') - STREAM_MS;
    return `| ${peer.name} | ${cpu.toFixed(0)} | ${ratio.toFixed(2)} | ${late.toFixed(1)} | ${total(peer, 'streams')} | ${total(peer, 'failures')} |`;
  });
  const failures = peers.reduce((sum, peer) => sum + total(peer, 'failures'), 0);
  await end();
  report.end(
    [
      report.conditions(''),
      '',
      `${CONNECTIONS} connections, streams of 40 events 25 ms apart (${STREAM_MS} ms at least); medians of ${values.slices} slices of ${values.seconds} s.`,
      '',
      '| | CPU µs a stream | to the bare proxy | ms a stream takes beyond its pace, p50 | streams | failed |',
      '|---|---|---|---|---|---|',
      ...rows,
    ],
    failures === 0,
  );
} catch (error) {
  await end();
  throw error;
}
