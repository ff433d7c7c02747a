/**
 * Makes ordinary calls inside the sandbox and prints what each did, so that two versions can be compared. Runs beside
 * hostile code; nothing it prints is trusted.
 *
 *   node benign-inside.ts <job file>       prints lines `<token> <json>`
 */
import childProcess from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import process from 'node:process';
import type { PlanReach, PlanValue } from '../probe/index.ts';
import type { BenignCall } from './benign.ts';
import { image, TEXT } from './image-inside.ts';
import {
  rememberServer,
  rememberStanding,
  waitFor,
  waitForPeer,
  waitUntilListening,
  within,
} from './waiting-inside.ts';

interface Job {
  readonly token: string;
  readonly name: string;
  /** Of the file whose exports are listed. */
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  /** To the attacked function. */
  readonly reach: readonly PlanReach[];
  readonly calls: readonly BenignCall[];
}

type Callable = (...args: unknown[]) => unknown;

const CANARY = 'benignkey';
const SETTLE_MS = 400;
const CALLBACK_MS = 250;
const LISTEN_MS = 1_000;
const ANSWER_MS = 1_000;
const FULL_PIPE_MS = 5;
/** What there is to serve, and where servers that are told nothing look for it. */
const PAGES = { 'index.html': '<p>index</p>', 'a.txt': 'a', 'b/c.txt': 'c' };
const SERVED = ['.', 'public', 'static', 'www', 'dist'];
const { apply, construct } = Reflect;
const { stringify, parse } = JSON;

const job = parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job;
const print = (value: unknown) => writeAll(`\n${job.token} ${stringify(value)}\n`);
const started: string[] = [];
const ports: number[] = [];
const exit = process.exit.bind(process);
/** A reader on a busy machine may be behind: then the pipe is full for a while, and a write says so instead of waiting. */
function writeAll(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
}

/** Every program "runs" and succeeds without output; only what was asked for counts, however it was quoted. */
function recordPrograms(): void {
  const holder = childProcess as unknown as Record<string, Callable>;
  // `exec` calls `execFile` by its public name: what is started inside a start is the same program.
  let isInside = false;
  for (const name of ['exec', 'execSync', 'execFile', 'execFileSync', 'spawn', 'spawnSync']) {
    const original = holder[name] as Callable;
    holder[name] = function (this: unknown, ...args: unknown[]) {
      if (isInside) return apply(original, this, args);
      const words = [String(args[0]), ...(Array.isArray(args[1]) ? args[1].map(String) : [])];
      if (started.length < 20) started.push(plainCommand(words.join(' ')));
      const rest = args.slice(1).filter((arg) => !Array.isArray(arg));
      isInside = true;
      try {
        return apply(
          original,
          this,
          name.startsWith('exec') && !name.includes('File') ? ['true', ...rest] : ['true', [], ...rest],
        );
      } finally {
        isInside = false;
      }
    };
  }
  syncBuiltinESMExports();
}

/** The program and its words, without what only a shell or a careful caller needs: quotes, redirections, `--`. */
function plainCommand(text: string): string {
  return text
    .replace(/^(?:\/(?:usr\/)?bin\/)?(?:ba|da)?sh -c /, '')
    .replace(/["'\\]/g, '')
    .replace(/\d?>{1,2}\s?(?:&\d|[^\s;|&]+)/g, ' ')
    .replace(/\s--(?=\s|$)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Whatever is asked for, servers listen on a free port of loopback. */
function recordServers(): void {
  const prototype = net.Server.prototype as unknown as Record<string, Callable>;
  const original = prototype.listen as Callable;
  prototype.listen = function (this: net.Server, ...args: unknown[]) {
    const callback = args.find((arg) => typeof arg === 'function');
    this.once('listening', () => {
      if ('connectionsCheckingInterval' in this) rememberServer();
      const address = this.address();
      if (address !== null && typeof address === 'object') ports.push(address.port);
    });
    return apply(original, this, [0, '127.0.0.1', ...(callback ? [callback] : [])]);
  };
}

type Calls = unknown[][];

const fill = (text: string, payload: string) =>
  text.split('{{payload}}').join(payload).split('{{canary}}').join(CANARY);

function build(value: PlanValue, payload: string, calls: Calls): unknown {
  const inner = (one: PlanValue) => build(one, payload, calls);
  switch (value.kind) {
    case 'json':
      return structuredClone(value.value);
    case 'undefined':
      return undefined;
    case 'payload':
      return fill('{{payload}}', payload);
    case 'text':
      return fill(value.text, payload);
    case 'parse':
      return parse(
        value.text === '{{payload}}' ? fill(payload, payload) : fill(value.text, stringify(payload).slice(1, -1)),
      );
    case 'array':
      return value.items.map(inner);
    case 'object':
      return Object.fromEntries(value.members.map(([name, member]) => [fill(name, payload), inner(member)]));
    case 'buffer':
      return Buffer.from(String(inner(value.of)));
    case 'callback':
      return (...args: unknown[]) => {
        if (calls.length < 8) calls.push(args);
      };
    case 'returns':
      return () => inner(value.value);
    case 'named-function':
      return Object.defineProperty(() => undefined, 'name', { value: fill(value.text, payload) });
    case 'root':
      return process.cwd();
    case 'port':
      return 0;
    case 'any-property':
      return anyProperty(() => inner(value.value), value.deep === true, 12);
  }
}

const PLAIN = new Set([
  'then',
  'toJSON',
  'inspect',
  'constructor',
  'hasOwnProperty',
  'length',
  'prototype',
  '__proto__',
]);

function anyProperty(make: () => unknown, deep: boolean, budget: number): object {
  return new Proxy({} as Record<string, unknown>, {
    get(target, name) {
      if (name === Symbol.toPrimitive) return deep ? () => String(make()) : undefined;
      if (typeof name === 'symbol' || PLAIN.has(name)) return Reflect.get(target, name);
      if (name === 'toString' || name === 'valueOf') return () => String(make());
      if (!(name in target)) target[name] = deep && budget > 0 ? anyProperty(make, deep, budget - 1) : make();
      return target[name];
    },
  });
}

interface At {
  readonly value: unknown;
  readonly owner: unknown;
}

async function walk(start: At, steps: readonly PlanReach[], payload: string, calls: Calls): Promise<At> {
  let at = start;
  const take = (name: string): At => ({ value: (at.value as Record<string, unknown>)[name], owner: at.value });
  const built = (args: readonly PlanValue[]) => args.map((arg) => build(arg, payload, calls));
  for (const step of steps) {
    if (step.kind === 'get') at = take(step.name);
    else if (step.kind === 'tap') apply(take(step.name).value as Callable, at.value, built(step.args));
    else if (step.kind === 'call')
      at = { value: apply(at.value as Callable, at.owner, built(step.args)), owner: undefined };
    else if (step.kind === 'construct') {
      at = { value: construct(at.value as new () => unknown, built(step.args)), owner: undefined };
    } else at = { value: await within(at.value, SETTLE_MS), owner: undefined };
  }
  return at;
}

const require = createRequire(`${process.cwd()}/x.cjs`);

async function load(file: string, format: 'cjs' | 'esm'): Promise<unknown> {
  const path = file === '' ? job.name : `${process.cwd()}/node_modules/${job.name}/${file}`;
  if (format === 'cjs') return require(path);
  return await import(file === '' ? import.meta.resolve(path) : `file://${path}`);
}

async function perform(call: BenignCall): Promise<unknown> {
  started.length = 0;
  ports.length = 0;
  const calls: Calls = [];
  const { drive, payload } = call;
  const args = 'args' in drive ? drive.args.map((value) => build(value, payload, calls)) : [];
  const outcome = async (): Promise<unknown> => {
    const root = {
      value:
        drive.kind === 'bin' || (drive.kind === 'http' && drive.start === 'load')
          ? undefined
          : await load(call.file, call.format),
      owner: undefined,
    };
    const at = await walk(root, call.reach, payload, calls);
    if (drive.kind === 'http') return await overHttp(drive, at, args);
    if (drive.kind === 'handler') return await throughHandler(drive, at, args);
    if (drive.kind === 'bin') return await throughProgram(drive, args);
    const value =
      drive.kind === 'construct'
        ? construct(at.value as new () => unknown, args)
        : apply(at.value as Callable, at.owner, args);
    const end = await walk({ value, owner: undefined }, drive.after, payload, calls);
    return await within(end.value, SETTLE_MS);
  };
  const given = stringify(image(args));
  let result: unknown;
  try {
    result = { value: image(await outcome()) };
  } catch (error) {
    // What an error says is nobody's contract.
    result = { threw: error instanceof Error ? error.name : '' };
  }
  const waits = call.isEntry && JSON.stringify(drive).includes('"callback"');
  if (waits) await waitFor(() => calls.length > 0, CALLBACK_MS);
  const after = image(args);
  return { result, args: after, isChanged: stringify(after) !== given, calls: image(calls), started: [...started] };
}

/** A program is started once, in this process, and then asked again and again. */
let programPorts: readonly number[] = [];

async function throughProgram(drive: BenignCall['drive'] & { kind: 'bin' }, args: unknown[]): Promise<unknown> {
  if (drive.requestTarget === undefined) throw new Error('no server');
  if (programPorts.length === 0) {
    process.argv = [process.argv[0] ?? 'node', drive.bin, ...args.map(String)];
    Object.assign(process.env, drive.environment);
    await load(drive.bin, 'cjs');
  } else ports.push(...programPorts);
  const answer = await request(drive.requestTarget);
  programPorts = [...ports];
  return answer;
}

async function throughHandler(
  drive: BenignCall['drive'] & { kind: 'handler' },
  at: At,
  args: unknown[],
): Promise<unknown> {
  const handler = drive.shape === 'self' ? at.value : apply(at.value as Callable, at.owner, args);
  http.createServer(handler as http.RequestListener).listen(0);
  return await request(drive.requestTarget);
}

async function overHttp(drive: BenignCall['drive'] & { kind: 'http' }, at: At, args: unknown[]): Promise<unknown> {
  if (drive.start === 'load') await load('', 'cjs');
  else if (drive.start === 'construct') construct(at.value as new () => unknown, args);
  else apply(at.value as Callable, at.owner, args);
  return await request(drive.requestTarget);
}

/** Of everything that listens: which server comes first means nothing. */
async function request(target: string): Promise<unknown> {
  await waitFor(() => ports.length > 0, LISTEN_MS);
  await waitUntilListening(LISTEN_MS);
  if (ports.length === 0) throw new Error('nothing listens');
  const answers = await Promise.all(ports.map((port) => ask(port, target)));
  return answers.length === 1 ? answers[0] : ['servers', ...answers];
}

async function ask(port: number, target: string): Promise<unknown> {
  return await new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    const done = () => {
      const status = /^HTTP\S* (\d+)/.exec(text)?.[1] ?? '';
      // A refusal is a refusal, however it is worded.
      if (/^[45]/.test(status)) resolve(['400']);
      else resolve([status, text.split('\r\n\r\n').slice(1).join('').slice(0, TEXT)]);
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
    });
    socket.on('error', done).on('close', done);
    void waitForPeer(() => socket.destroyed, ANSWER_MS).then(() => socket.destroy());
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  });
}

interface Listed {
  readonly path: string[];
  readonly type: string;
  readonly isAttacked: boolean;
}

function listExports(value: unknown, attacked: unknown): Listed[] {
  const found: Listed[] = [];
  const seen = new Set<unknown>();
  const visit = (one: unknown, path: string[]): void => {
    if (found.length >= 400 || path.length > 2) return;
    const isFunction = typeof one === 'function';
    const isAttacked = isFunction && one === attacked;
    if (path.length > 0 || isFunction) found.push({ path, type: typeof one, isAttacked });
    if (one === null || (typeof one !== 'object' && !isFunction) || seen.has(one)) return;
    seen.add(one);
    for (const name of Object.keys(one).sort()) {
      if (path.length === 0 || !Array.isArray(one)) visit(Reflect.get(one, name), [...path, name]);
    }
  };
  visit(value, []);
  return found;
}

/** Undefined where it is no plain member of the module. */
function attackedIn(value: unknown): unknown {
  let at = value;
  for (const step of job.reach) {
    if (step.kind !== 'get') return undefined;
    at = (at as Record<string, unknown> | null | undefined)?.[step.name];
  }
  return at;
}

for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, () => {});
process.exit = ((code?: number) => {
  throw new Error(`exit ${String(code)}`);
}) as typeof process.exit;
for (const root of SERVED) {
  mkdirSync(`${root}/b`, { recursive: true });
  for (const [path, content] of Object.entries(PAGES)) writeFileSync(`${root}/${path}`, content);
}
recordPrograms();
recordServers();
rememberStanding();
try {
  const value = await load(job.file, job.format);
  print({ kind: 'exports', entries: listExports(value, attackedIn(value)) });
} catch {
  print({ kind: 'exports', entries: null });
}
for (const call of job.calls) {
  print({ kind: 'at', id: call.id });
  print({ kind: 'did', id: call.id, outcome: await perform(call) });
}
print({ kind: 'done' });
exit(0);
