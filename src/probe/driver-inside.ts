/**
 * Watches over one search in one sandbox: starts it, ends it when a call hangs, starts it again without the call that
 * hung or ended the process, and prints what was found as it comes. The target may kill this process too; then what was
 * printed so far is what there is.
 *
 *   node driver-inside.mjs <job file>      prints lines `<token> <json>`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { SearchJob } from './search-job-inside.ts';

interface DriverJob extends SearchJob {
  /** A call that takes longer is ended, milliseconds. */
  readonly hangMilliseconds: number;
  readonly restarts: number;
  /** CPU time for calls that grow by what they open; 0: none. */
  readonly guidedMilliseconds: number;
  /** Before every line of the answer. */
  readonly token: string;
}

const [, , jobFile = ''] = process.argv;
const job = JSON.parse(readFileSync(jobFile, 'utf8')) as DriverJob;
const searchFile = fileURLToPath(import.meta.url).replace('driver-inside', 'search-inside');
const LINE_LIMIT = 100_000;
const LINES = 5000;

let lines = 0;
const keep = (line: string): void => {
  if (lines++ < LINES && line.length < LINE_LIMIT) writeSync(1, `${job.token} ${line}\n`);
};

/** Clock ticks a second as the kernel tells CPU times; 100 on every Linux Node runs on. */
const TICKS = 100;
const WALL_PER_CPU = 4;

/** CPU milliseconds a process has used, or 0 where it cannot be read. */
function cpuOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
  } catch {
    return 0;
  }
}

interface Round {
  readonly ended: boolean;
  readonly lastKey: string;
  readonly lastAttempt: number;
}

/** What earlier rounds taught: what to leave out, and where to go on. */
interface Lessons {
  readonly leaveOut: string[];
  readonly resume: Record<string, number>;
}

/** Attempts between two signs of life of the search. */
const BATCH = 40;

function readSign(line: string): [string, number] {
  try {
    const sign = JSON.parse(line) as { key?: unknown; attempt?: unknown };
    return [String(sign.key), Number(sign.attempt) || 0];
  } catch {
    return ['', 0];
  }
}

function endGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

let hits = 0;
let hasAlternates = false;

function oneRound(order: SearchJob['order'], lessons: Lessons, totalMilliseconds: number): Promise<Round> {
  return new Promise((resolve) => {
    const environment = {
      ...process.env,
      HEADSTART_JOB: JSON.stringify({ ...job, token: '', order, ...lessons, totalMilliseconds }),
    };
    const child = spawn(process.execPath, ['--no-warnings', searchFile], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: environment,
      detached: true,
    });
    let ended = false;
    let lastKey = '';
    let lastAttempt = 0;
    let rest = '';
    let lastSeen = Date.now();
    let lastCpu = 0;
    const channel = child.stdio[3] as NodeJS.ReadableStream;
    channel.on('data', (chunk: Buffer) => {
      lastSeen = Date.now();
      lastCpu = cpuOf(child.pid);
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = (parts.pop() ?? '').slice(-LINE_LIMIT);
      for (const line of parts) {
        if (line.startsWith('{"kind":"at"')) [lastKey, lastAttempt] = readSign(line);
        else if (line === '{"kind":"end"}') ended = true;
        else {
          if (line.startsWith('{"kind":"hit"')) hits++;
          if (line.startsWith('{"kind":"has-alternates"')) hasAlternates = true;
          keep(line);
        }
      }
    });
    const watch = setInterval(() => {
      const limit = lastKey.startsWith('load') ? job.hangMilliseconds * 4 : job.hangMilliseconds;
      // Busy for too long, or waiting for much longer: a loaded machine is no hang.
      if (cpuOf(child.pid) - lastCpu > limit || Date.now() - lastSeen > limit * WALL_PER_CPU) endGroup(child);
    }, 100);
    const finish = (): void => {
      clearInterval(watch);
      endGroup(child);
      resolve({ ended, lastKey, lastAttempt });
    };
    child.on('error', finish);
    child.on('exit', () => setTimeout(finish, 10));
  });
}

async function inOrder(order: SearchJob['order'], milliseconds: number): Promise<void> {
  const until = Date.now() + milliseconds * (job.flaw === 'command-injection' ? 1.5 : 3);
  const lessons: Lessons = { leaveOut: [...job.leaveOut], resume: {} };
  for (let round = 0; round <= job.restarts; round++) {
    const left = until - Date.now();
    if (left < 200) {
      keep(JSON.stringify({ kind: 'skipped', what: 'rest', reason: 'time limit of the group' }));
      return;
    }
    const { ended, lastKey, lastAttempt } = await oneRound(order, lessons, Math.min(left, milliseconds));
    if (ended) return;
    keep(JSON.stringify({ kind: 'skipped', what: lastKey, reason: 'hung or ended the process' }));
    if (lastKey === '' || lessons.leaveOut.includes(lastKey)) return;
    // Once, the call is taken up again behind the attempts that did it.
    if (lastKey.startsWith('call') && lessons.resume[lastKey] === undefined)
      lessons.resume[lastKey] = lastAttempt + BATCH;
    else lessons.leaveOut.push(lastKey);
  }
}

await inOrder('usual', job.totalMilliseconds);
// Calls with odd arguments may have left the package's own state broken: other ways to make objects start afresh.
if (hits === 0 && hasAlternates && job.flaw === 'command-injection')
  await inOrder('alternates', job.totalMilliseconds / 2);
// What no fixed shape reached may open step by step.
if (hits === 0 && job.guidedMilliseconds > 0) await inOrder('guided', job.guidedMilliseconds);
keep(JSON.stringify({ kind: 'done' }));
process.exit(0);
