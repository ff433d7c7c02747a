/** Starts what a bench of gateways needs, each as a process of its own, and tells the CPU time each has used. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface Peer {
  readonly name: string;
  /** Without a slash at the end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Processes whose CPU time counts as its own. */
  readonly pids: () => readonly number[];
  readonly stop: () => Promise<void>;
}

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..', '..');
/** As the product is started by its launcher. */
const { NODE_FLAGS } = createRequire(import.meta.url)('../../launch.cjs') as { readonly NODE_FLAGS: readonly string[] };
const START_LIMIT_MS = 60_000;
/** As facts found it: the only combination of these that can stream. */
const PORTKEY = { '@portkey-ai/gateway': '1.15.2' };
const PORTKEY_PINS = { '@hono/node-server': '1.13.8', hono: '4.9.10' };

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Nanoseconds of CPU, all threads. Threads that have ended meanwhile are not counted; none of these ends threads. */
export function cpuNanos(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
      }
    } catch {
      // It has ended.
    }
  }
  return sum;
}

export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

/** Settles with the first match on its standard output. */
async function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${pattern} within the limit: ${text}`)), START_LIMIT_MS);
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = pattern.exec(text);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
}

async function untilListening(port: number): Promise<void> {
  const until = Date.now() + START_LIMIT_MS;
  while (Date.now() < until) {
    if (spawnSync('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`]).status === 0) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`nothing listens on port ${port}`);
}

export async function startUpstream(folder: string): Promise<Peer> {
  const program = join(folder, 'upstream');
  execFileSync('gcc', ['-O2', '-D_GNU_SOURCE', '-o', program, join(HERE, 'upstream.c')]);
  const port = await freePort();
  const child = spawn(program, [String(port)], { stdio: 'ignore' });
  await untilListening(port);
  return toPeer('direct', `http://127.0.0.1:${port}`, child);
}

export async function startNode(name: string, file: string, ...options: readonly string[]): Promise<Peer> {
  const child = spawn(process.execPath, [join(HERE, file), ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  return toPeer(name, await firstLine(child, /http:\/\/[\d.]+:\d+/), child);
}

export async function startNginx(folder: string, upstream: string): Promise<Peer> {
  const port = await freePort();
  const home = join(folder, 'nginx');
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/f;
  uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s; client_body_buffer_size 64k; keepalive_requests 1000000;
  upstream model { server ${new URL(upstream).host}; keepalive 256; keepalive_requests 1000000; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://model; proxy_http_version 1.1;
    proxy_set_header connection ""; proxy_buffering off; } }
}
`,
  );
  const child = spawn('nginx', ['-c', join(home, 'nginx.conf'), '-p', home], { stdio: 'ignore' });
  await untilListening(port);
  return { ...toPeer('nginx', `http://127.0.0.1:${port}`, child), pids: () => childrenOf(child.pid ?? 0) };
}

export async function startPortkey(folder: string, upstream: string): Promise<Peer> {
  const home = join(folder, 'portkey');
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ private: true, dependencies: { ...PORTKEY, ...PORTKEY_PINS }, overrides: PORTKEY_PINS }),
  );
  if (!existsSync(join(home, 'node_modules'))) {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: home, stdio: 'ignore' });
  }
  const port = await freePort();
  const server = join(home, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  const child = spawn(process.execPath, [server, '--headless', `--port=${port}`], { cwd: home, stdio: 'ignore' });
  await untilListening(port);
  const headers = { 'x-portkey-provider': 'anthropic', 'x-portkey-custom-host': `${upstream}/v1` };
  return { ...toPeer('Portkey 1.15.2', `http://127.0.0.1:${port}`, child), headers };
}

export interface Gate extends Peer {
  readonly key: string;
  /** The database server's processes. */
  readonly databasePids: () => readonly number[];
  readonly home: string;
}

/** The whole product as a partner meets it: key, grant, credit, scope, stops, durable journal, receipts. */
export async function startGate(name: string, home: string, upstream: string, extra: readonly string[]): Promise<Gate> {
  const env = {
    ...process.env,
    HEADSTART_HOME: home,
    HEADSTART_NO_APT: '1',
    BENCH_KEY: 'provider',
    NODE_NO_WARNINGS: '1',
  };
  const main = join(ROOT, 'src', 'main.ts');
  const run = (...args: readonly string[]): string =>
    execFileSync(process.execPath, [main, ...args, '--json'], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const prices = join(home, '..', 'prices.json');
  writeFileSync(
    prices,
    JSON.stringify({
      input: 10_000_000,
      output: 50_000_000,
      cacheWrite5m: 12_500_000,
      cacheWrite1h: 20_000_000,
      cacheRead: 1_000_000,
    }),
  );
  run('org', 'add', 'Bench', '--country', 'US');
  run('org', 'approve', 'Bench', '--yes');
  run('person', 'add', 'Bench', 'bench@bench.example', '--country', 'US');
  run(
    'model',
    'add',
    'bench-model',
    '--protocol',
    'anthropic',
    '--url',
    upstream,
    '--key-env',
    'BENCH_KEY',
    '--prices',
    prices,
  );
  run('scope', 'add', 'Bench', '--target', 'pkg:npm/left-pad');
  run('credit', 'grant', 'Bench', '90000000');
  const { key } = JSON.parse(
    run('key', 'create', '--org', 'Bench', '--person', 'bench@bench.example', '--model', 'bench-model'),
  );
  const child = spawn(process.execPath, [...NODE_FLAGS, main, 'serve', '--role', 'gateway', '--port', '0', ...extra], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { gateway } = JSON.parse(await firstLine(child, /\{.*\}/));
  const postmaster = () =>
    Number(readFileSync(join(home, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  return {
    ...toPeer(name, gateway, child),
    headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
    key,
    home,
    databasePids: () => [postmaster(), ...childrenOf(postmaster())],
  };
}

function toPeer(name: string, url: string, child: ChildProcess): Peer {
  return { name, url, headers: {}, pids: () => [child.pid ?? 0], stop: () => stopChild(child) };
}
