/**
 * The world as a server under test sees it: whatever it listens on becomes a free port on loopback and is remembered,
 * it cannot end the process or start another one, its console is silent, and every path it reads that holds the
 * watched text is noted with the stack. Runs inside the sandbox, before the target is loaded.
 */
import childProcess from 'node:child_process';
import cluster from 'node:cluster';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import process from 'node:process';
import { PassThrough } from 'node:stream';
import { standInForNetwork } from './network-inside.ts';

const { apply } = Reflect;
const { defineProperty, getOwnPropertyDescriptors, defineProperties, setPrototypeOf, getPrototypeOf } = Object;
const writeOut = fs.writeSync;
const stringify = JSON.stringify;

export interface WatchedRead {
  readonly operation: string;
  readonly path: string;
  /** Frames below `node_modules`, nearest first, `name/file.js:line`. */
  readonly frames: readonly string[];
}

export interface World {
  /** Everything that listens, in the order in which it was told to. */
  readonly servers: net.Server[];
  readonly reads: WatchedRead[];
  /** Paths that hold this text are noted. */
  watched: string;
  /** Called where an error of the target went uncaught: what it was about to answer will not come. */
  onCrash: () => void;
  /** Whether the target asked for the network interfaces. */
  readonly asksNetwork: () => boolean;
  say(value: unknown): void;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** Stack frames that lie in packages, as paths below `node_modules`. */
function packageFrames(stack: string): string[] {
  const frames: string[] = [];
  for (const line of stack.split('\n')) {
    const match = /\/node_modules\/(.+?):(\d+):\d+\)?$/.exec(line);
    if (match) frames.push(`${match[1]}:${match[2]}`);
  }
  return frames.slice(0, 32);
}

function wrap(owner: object, name: string, make: (original: AnyFunction) => AnyFunction): void {
  const original = (owner as Record<string, unknown>)[name];
  if (typeof original !== 'function') return;
  const made = make(original as AnyFunction);
  setPrototypeOf(made, getPrototypeOf(original) as object);
  const { length, name: named, prototype, ...rest } = getOwnPropertyDescriptors(original);
  if (prototype?.value) (made as { prototype?: unknown }).prototype = prototype.value;
  defineProperties(made, { ...rest, length, name: named });
  defineProperty(owner, name, { value: made, writable: true, configurable: true, enumerable: true });
}

const READERS = ['readFile', 'readFileSync', 'createReadStream', 'open', 'openSync', 'copyFile', 'copyFileSync'];
const LOOKERS = ['stat', 'statSync', 'lstat', 'lstatSync', 'exists', 'existsSync', 'access', 'accessSync'];

function pathText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  return value instanceof URL ? value.pathname : '';
}

function watchFiles(world: World): void {
  const note = (operation: string, path: string): void => {
    if (world.watched === '' || world.reads.length >= 2000 || !path.includes(world.watched)) return;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 60;
    const stack = String(new Error().stack);
    Error.stackTraceLimit = limit;
    world.reads.push({ operation, path, frames: packageFrames(stack) });
  };
  const watch = (owner: object, name: string): void =>
    wrap(
      owner,
      name,
      (original) =>
        function watching(this: unknown, ...args: unknown[]) {
          note(name, pathText(args[0]));
          return new.target
            ? Reflect.construct(original, args, new.target === (watching as unknown) ? original : new.target)
            : apply(original, this, args);
        },
    );
  for (const name of [...READERS, ...LOOKERS, 'ReadStream', 'realpath', 'realpathSync']) watch(fs, name);
  for (const name of ['readFile', 'open', 'stat', 'lstat', 'access', 'realpath']) watch(fs.promises, name);
}

/** True for an operation that gives contents rather than facts about a file. */
export const isReading = (operation: string): boolean => READERS.includes(operation) || operation === 'ReadStream';

function recordListening(world: World): void {
  const original = net.Server.prototype.listen as unknown as AnyFunction;
  net.Server.prototype.listen = function listen(this: net.Server, ...args: unknown[]) {
    const callback = args.find((arg) => typeof arg === 'function');
    world.servers.push(this);
    // Told twice to listen (a retry on the next port): already there.
    if (this.listening) return this;
    // `exclusive`: this process looks like a worker of a cluster, and there is no primary to ask.
    const where = { port: 0, host: '127.0.0.1', exclusive: true };
    return apply(original, this, callback ? [where, callback] : [where]) as net.Server;
  } as typeof net.Server.prototype.listen;
}

/** A process that was never started: it says nothing and is never heard of again. */
function idleProcess(): EventEmitter {
  const made = new EventEmitter();
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  Object.assign(made, streams, {
    pid: 4_000_000,
    connected: false,
    kill: () => true,
    unref: () => made,
    ref: () => made,
    send: () => false,
    disconnect: () => undefined,
  });
  return made;
}

function standStill(): void {
  for (const name of ['spawn', 'fork', 'exec', 'execFile']) wrap(childProcess, name, () => () => idleProcess());
  for (const name of ['execSync', 'execFileSync']) wrap(childProcess, name, () => () => Buffer.alloc(0));
  const nothing = { pid: 0, status: 0, signal: null, output: [null, '', ''], stdout: '', stderr: '' };
  wrap(childProcess, 'spawnSync', () => () => ({ ...nothing }));
  Object.assign(cluster, { isMaster: false, isPrimary: false, isWorker: true });
  const exit = (): never => {
    throw new Error('exit asked for');
  };
  for (const name of ['exit', 'reallyExit', 'abort', 'kill']) wrap(process, name, () => exit);
}

function silence(world: World): void {
  const swallow = (_chunk: unknown, ...rest: unknown[]): boolean => {
    const done = rest.find((arg) => typeof arg === 'function');
    if (done) setImmediate(done as () => void);
    return true;
  };
  wrap(process.stdout, 'write', () => swallow as AnyFunction);
  wrap(process.stderr, 'write', () => swallow as AnyFunction);
  process.on('uncaughtException', () => world.onCrash());
  process.on('unhandledRejection', () => world.onCrash());
}

/** Ends this process from our own code, past the replaced `exit`. */
export function createEnd(): () => void {
  const kill = process.kill.bind(process);
  const { pid } = process;
  return () => kill(pid, 'SIGKILL');
}

export function openWorld(token: string): World {
  const world: World = {
    servers: [],
    reads: [],
    watched: '',
    onCrash: () => undefined,
    asksNetwork: standInForNetwork(),
    say: (value) => writeOut(1, `${token} ${stringify(value)}\n`),
  };
  recordListening(world);
  watchFiles(world);
  standStill();
  silence(world);
  syncBuiltinESMExports();
  return world;
}
