/**
 * Runs many reproducers inside one sandbox, each in a process group and a working directory of its own, and prints how
 * each ended. Runs beside hostile code; nothing it prints is trusted more than the reproducers themselves.
 *
 *   node attack-inside.ts <job file>       prints lines `<token> <json>`
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

interface Attack {
  /** Also the name of its working directory, where the script lies. */
  readonly canary: string;
  readonly file: string;
}

interface Job {
  readonly token: string;
  readonly attacks: readonly Attack[];
  /** What follows the canary on each command line. */
  readonly words: readonly string[];
  /** Side by side. */
  readonly atOnce: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const KEPT_CHARACTERS = 65_536;
const DRAIN_MS = 500;
const FULL_PIPE_MS = 5;
const FLOOD_CHARACTERS = 4 * 1024 * 1024;

const [, , jobFile = ''] = process.argv;
const job = JSON.parse(readFileSync(jobFile, 'utf8')) as Job;
rmSync(jobFile);

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

function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended.
  }
}

function perform({ canary, file }: Attack): Promise<object> {
  const directory = join(process.cwd(), canary);
  mkdirSync(directory, { recursive: true });
  renameSync(join(process.cwd(), `${canary}.${file}`), join(directory, file));
  symlinkSync(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'));
  return new Promise((resolve) => {
    const child = spawn(
      'sh',
      ['-c', 'ulimit -t "$1"; shift; exec "$@"', 'sh', `${job.cpuSeconds}`, 'node', file, canary, ...job.words],
      {
        cwd: directory,
        env: { ...process.env, HOME: directory, PWD: directory },
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      },
    );
    let stdout = '';
    let heard = 0;
    let end = 'exited';
    const stop = (why: string): void => {
      end = why;
      kill(child.pid);
    };
    const timers = [setTimeout(() => stop('time'), job.seconds * 1_000)];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-KEPT_CHARACTERS);
      heard += text.length;
      if (heard > FLOOD_CHARACTERS) stop('output');
    });
    const settle = (signal: string | null): void => {
      for (const timer of timers) clearTimeout(timer);
      // Whatever it left running in the background must not outlive it.
      kill(child.pid);
      resolve({ canary, end: end === 'exited' && signal !== null ? 'signal' : end, stdout });
    };
    child.on('error', () => settle('none'));
    child.on('close', (_code, signal) => settle(signal));
    child.on('exit', (_code, signal) => {
      kill(child.pid);
      // Somebody who left the group may hold the other end of the pipe for ever.
      timers.push(setTimeout(settle, DRAIN_MS, signal));
    });
  });
}

let next = 0;
async function worker(): Promise<void> {
  for (let at = next++; at < job.attacks.length; at = next++) {
    const ended = await perform(job.attacks[at] as Attack);
    writeAll(`\n${job.token} ${JSON.stringify(ended)}\n`);
  }
}
await Promise.all(Array.from({ length: job.atOnce }, worker));
process.exit(0);
