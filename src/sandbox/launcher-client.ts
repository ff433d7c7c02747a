/**
 * The process that starts runs for us (`launch-script.ts`): copying ourselves for each would cost more than the run. It
 * has our rights and nothing of what is secret to us, and dies with us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { launcherProgram } from './launch-script.ts';
import type { NumberOf } from './syscall-table.ts';

export const PERL = '/usr/bin/perl';
const SIGNAL_BITS = 0o177;
const STATUS_SHIFT = 8;

export interface LaunchOrder {
  /** The uid to become; undefined when this process already is an unprivileged one. */
  readonly hostUid: number | undefined;
  readonly stage: string;
  readonly staged: readonly { readonly how: string; readonly path: string }[];
  /** Files of control groups to enter by. */
  readonly groups: readonly string[];
  /** Our own descriptors, by the number they get there. They may be closed when the run is ready. */
  readonly descriptors: ReadonlyMap<number, number>;
  /** What is above is closed. */
  readonly top: number;
  readonly keepsDescriptors: boolean;
  readonly keepsEnvironment: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly program: readonly string[];
}

/** Our ends, in the order in which the launcher tells them. */
interface Pipes {
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly info: Socket;
  readonly ready: Socket;
  readonly leave: Socket;
}

export interface Started extends Pipes {
  /** Of bubblewrap. */
  readonly pid: number;
  /** The exit status, null after a death by signal; both streams may still hold something. */
  readonly ended: Promise<number | null>;
  kill(): void;
}

export interface Launcher {
  start(order: LaunchOrder): Promise<Started>;
  /** Runs must have ended. */
  close(): Promise<void>;
}

interface Pending {
  started(pid: number, descriptors: readonly number[]): void;
  failed(reason: string): void;
  ended(status: number | null): void;
}

/** A pipe opened here is ours alone: that we never wait at it does not change how the other side sees it. */
function openPipes(launcher: number, descriptors: readonly number[]): Pipes {
  const open = (index: number, flags: number): number =>
    openSync(`/proc/${launcher}/fd/${descriptors[index]}`, flags | constants.O_NONBLOCK);
  const write = (index: number): Socket =>
    new Socket({ fd: open(index, constants.O_WRONLY), readable: false, writable: true });
  const read = (index: number): Socket =>
    new Socket({ fd: open(index, constants.O_RDONLY), readable: true, writable: false });
  return { stdin: write(0), stdout: read(1), stderr: read(2), info: read(3), ready: read(4), leave: write(5) };
}

function toMessage(kind: 'start' | 'opened' | 'kill', id: number, fields: readonly string[] = []): Buffer {
  const body = Buffer.from([kind, String(id), ...fields].join('\0'));
  return Buffer.concat([Buffer.from(`${body.length}\n`), body]);
}

function fieldsOf(order: LaunchOrder): string[] {
  const { hostUid, stage, staged, groups, descriptors, top, environment, program } = order;
  const flag = (on: boolean): string => (on ? '1' : '0');
  const planted = Object.entries(environment);
  return [
    ...[hostUid === undefined ? '-' : String(hostUid), stage, String(top)],
    ...[flag(order.keepsDescriptors), flag(order.keepsEnvironment)],
    ...[String(staged.length), ...staged.flatMap(({ how, path }) => [how, path])],
    ...[String(groups.length), ...groups],
    ...[String(planted.length), ...planted.flat()],
    String(descriptors.size),
    ...[...descriptors].flatMap(([target, own]) => [String(target), `/proc/${process.pid}/fd/${own}`]),
    ...program,
  ];
}

/** One launcher process and the runs it was asked for. */
function startLauncher(call: NumberOf) {
  const child = spawn(PERL, ['-e', launcherProgram(call), '--', String(process.pid)], {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const pending = new Map<number, Pending>();
  const { stdin, stdout } = child as ChildProcess & { stdin: Socket; stdout: Socket };
  let isAlive = true;
  let last = 0;
  // It keeps us alive only while something is asked of it.
  const rest = (): void => {
    for (const handle of [child, stdin, stdout]) handle.unref();
  };
  const work = (): void => {
    for (const handle of [child, stdin, stdout]) handle.ref();
  };
  rest();
  const forget = (id: number): void => {
    pending.delete(id);
    if (pending.size === 0) rest();
  };
  const hear = (line: string): void => {
    const [kind, word, ...facts] = line.split(' ');
    const id = Number(word);
    const asked = pending.get(id);
    if (kind === 'started') asked?.started(Number(facts[0]), facts.slice(1).map(Number));
    if (kind === 'failed') asked?.failed(facts.join(' '));
    if (kind === 'ended') {
      const status = Number(facts[0]);
      asked?.ended((status & SIGNAL_BITS) === 0 ? status >> STATUS_SHIFT : null);
    }
    if (kind !== 'started') forget(id);
  };
  let text = '';
  stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    lines.forEach(hear);
  });
  stdin.on('error', () => undefined);
  child.on('error', () => undefined);
  const gone = once(child, 'close').catch(() => undefined);
  void gone.then(() => {
    isAlive = false;
    for (const asked of pending.values()) {
      asked.failed('the launcher ended');
      asked.ended(null);
    }
    pending.clear();
  });
  const say = (...message: Parameters<typeof toMessage>): void => void (isAlive && stdin.write(toMessage(...message)));

  function start(order: LaunchOrder): Promise<Started> {
    const id = ++last;
    work();
    return new Promise((resolve, reject) => {
      let end: (status: number | null) => void = () => undefined;
      const ended = new Promise<number | null>((settle) => {
        end = settle;
      });
      pending.set(id, {
        started(pid, descriptors) {
          try {
            resolve({ pid, ...openPipes(child.pid ?? 0, descriptors), ended, kill: () => say('kill', id) });
          } catch (cause) {
            say('kill', id);
            reject(new Error('a sandbox was launched and could not be reached', { cause }));
          }
          say('opened', id);
        },
        failed: (reason) => reject(new Error(`a sandbox could not be launched: ${reason}`)),
        ended: end,
      });
      say('start', id, fieldsOf(order));
    });
  }

  return {
    start,
    isAlive: () => isAlive,
    async close(): Promise<void> {
      stdin.end();
      work();
      await gone;
    },
  };
}

/** Starts its process when it is first needed, and again should that one have ended. */
export function createLauncher(call: NumberOf): Launcher {
  let current: ReturnType<typeof startLauncher> | undefined;
  return {
    start(order) {
      if (!current?.isAlive()) current = startLauncher(call);
      return current.start(order);
    },
    async close() {
      await current?.close();
      current = undefined;
    },
  };
}
