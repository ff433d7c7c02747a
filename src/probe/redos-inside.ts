/**
 * Runs one round of the search for slow regular expressions: starts its processes, ends what hangs, goes on without it.
 *
 *   node redos-inside.mjs <job file>     prints `<token> <json>` lines, see RedosLine
 *
 *   reach    what the package's text contains, and what a marker reaches
 *   attack   which attacks reach a slow expression, and how the time of the whole call grows
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { AttackJob, AttackLine } from './redos-attack-inside.ts';
import type { MeasureJob, MeasureLine } from './redos-measure-inside.ts';
import type { ReachLine } from './redos-reach-inside.ts';
import type { SessionJob } from './redos-session-inside.ts';
import { scanExpressions } from './regex-scan-inside.ts';

export interface RedosJob extends SessionJob {
  readonly round: 'reach' | 'attack';
  readonly expressions: AttackJob['expressions'];
  readonly controls: readonly string[];
  readonly hangMilliseconds: number;
  readonly restarts: number;
  /** Findings after which the round ends. */
  readonly findings: number;
}

export type RedosLine =
  | {
      readonly kind: 'text';
      readonly source: string;
      readonly flags: string;
      readonly file: string;
      readonly line: number;
    }
  | ReachLine
  | { readonly kind: 'found'; readonly lead: AttackLine; readonly measured: MeasureLine }
  | { readonly kind: 'flat'; readonly lead: AttackLine; readonly measured: MeasureLine | null }
  | { readonly kind: 'grown'; readonly source: string; readonly flags: string; readonly pump: string }
  | { readonly kind: 'skipped'; readonly what: string; readonly reason: string }
  | { readonly kind: 'not-loaded'; readonly file: string; readonly reason: string }
  | { readonly kind: 'end' };

type ChildLine = { readonly kind: 'at'; readonly key: string } | AttackLine | MeasureLine | RedosLine;

const [, , jobFile = ''] = process.argv;
const job = JSON.parse(readFileSync(jobFile, 'utf8')) as RedosJob;
const work = process.cwd();
/** The time on the clock is a last resort: children count their own CPU time. */
const until = Date.now() + job.milliseconds * 3;
const FILES = 400;
const FILE_CHARACTERS = 600_000;
const TEXTS = 1500;
const LINES = 4000;
/** Unit of `/proc/<pid>/stat`. */
const TICK_MILLISECONDS = 10;
let serial = 0;

const say = (line: RedosLine): void => {
  process.stdout.write(`${job.token} ${JSON.stringify(line)}\n`);
};

const isLine = (value: unknown): value is ChildLine =>
  typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';

function readLine(text: string): ChildLine | undefined {
  if (!text.startsWith(`${job.token} `)) return undefined;
  try {
    const value = JSON.parse(text.slice(job.token.length + 1)) as unknown;
    return isLine(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

interface Ran {
  readonly ended: boolean;
  readonly lastKey: string;
}

/** CPU milliseconds of a process so far; 0 where nothing tells. */
function cpuOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MILLISECONDS;
  } catch {
    return 0;
  }
}

/** One process; ended when it says nothing for too long. */
function runOnce(part: string, childJob: SessionJob, seen: (line: ChildLine) => void): Promise<Ran> {
  const path = join(work, `redos-${serial++}.json`);
  writeFileSync(path, JSON.stringify(childJob));
  const file = fileURLToPath(new URL(`redos-${part}-inside${extname(import.meta.url)}`, import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--no-warnings', file, path], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, HOME: work, TMPDIR: '/tmp' },
    });
    let lastSeen = Date.now();
    let lastCpu = 0;
    let lastKey = '';
    let ended = false;
    let rest = '';
    let count = 0;
    const watch = setInterval(() => {
      const isSlow = part === 'measure' || lastKey.startsWith('load ');
      const patience = isSlow ? job.hangMilliseconds * 3 : job.hangMilliseconds;
      const isLate = Date.now() > until + 1000;
      const spent = cpuOf(child.pid) - lastCpu;
      if (isLate || spent > patience || Date.now() - lastSeen > patience * 4) child.kill('SIGKILL');
    }, 100);
    child.stdout.on('data', (chunk: Buffer) => {
      lastSeen = Date.now();
      lastCpu = cpuOf(child.pid);
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = (parts.pop() ?? '').slice(-200_000);
      for (const text of parts) {
        const line = readLine(text);
        if (line?.kind === 'at') lastKey = line.key;
        else if (line?.kind === 'end') ended = true;
        else if (line && count++ < LINES) seen(line);
      }
    });
    child.on('close', () => {
      clearInterval(watch);
      resolve({ ended, lastKey });
    });
  });
}

async function runAll(part: string, childJob: SessionJob, seen: (line: ChildLine) => void): Promise<void> {
  const leaveOut: string[] = [];
  let spent = 0;
  for (let start = 0; start <= job.restarts; start++) {
    const milliseconds = childJob.milliseconds - spent;
    if (Date.now() > until || milliseconds < 200)
      return say({ kind: 'skipped', what: part, reason: 'time limit of the round' });
    const from = Date.now();
    const { ended, lastKey } = await runOnce(part, { ...childJob, leaveOut, milliseconds }, seen);
    if (ended) return;
    spent += (Date.now() - from) / 2;
    say({ kind: 'skipped', what: lastKey.slice(0, 200), reason: 'hung or ended the process' });
    if (lastKey === '' || leaveOut.includes(lastKey)) return;
    leaveOut.push(lastKey);
  }
}

function scripts(directory: string, depth: number, into: string[]): string[] {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (into.length >= FILES || /^(?:node_modules|tests?|spec|examples?|docs?|benchmarks?|\.)/.test(entry.name))
      continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory() && depth < 6) scripts(path, depth + 1, into);
    else if (entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name) && !/\.d\.[cm]?ts$/.test(entry.name)) into.push(path);
  }
  return into;
}

/** The literals of the package's own files. */
function readTexts(): void {
  const root = join(work, 'node_modules', job.package);
  const seen = new Set<string>();
  for (const path of scripts(root, 0, [])) {
    if (statSync(path).size > FILE_CHARACTERS * 4) continue;
    const text = readFileSync(path, 'utf8').slice(0, FILE_CHARACTERS);
    for (const { source, flags, line } of scanExpressions(text, TEXTS)) {
      const key = `${source}/${flags}`;
      if (seen.has(key) || seen.size >= TEXTS) continue;
      seen.add(key);
      say({ kind: 'text', source, flags, file: path.slice(join(work, 'node_modules').length + 1), line });
    }
  }
}

async function measure(lead: AttackLine): Promise<boolean> {
  const { call, attack } = lead;
  const { token, examples, controls } = job;
  const childJob: MeasureJob = {
    token,
    package: job.package,
    examples,
    files: [call.file],
    leaveOut: [],
    milliseconds: 8000,
    call,
    attack,
    controls,
  };
  let measured: MeasureLine | null = null;
  await runOnce('measure', childJob, (line) => {
    if (line.kind === 'measured') measured = line;
  });
  const result = measured as MeasureLine | null;
  if (!result?.grows) {
    say({ kind: 'flat', lead, measured: result });
    return false;
  }
  say({ kind: 'found', lead, measured: result });
  return true;
}

async function attack(): Promise<void> {
  const leads: AttackLine[] = [];
  const childJob: AttackJob = { ...job, milliseconds: job.milliseconds * 0.5 };
  await runAll('attack', childJob, (line) => {
    if (line.kind === 'lead') leads.push(line);
    if (line.kind === 'grown') say(line);
  });
  const shown = new Map<string, number>();
  for (const lead of leads) {
    if (Date.now() > until || shown.size >= job.findings) break;
    const key = `${lead.source}/${lead.flags}`;
    if (shown.has(key)) continue;
    if (await measure(lead)) shown.set(key, 1);
  }
}

if (job.round === 'reach') {
  readTexts();
  await runAll('reach', job, (line) => {
    if (line.kind === 'reach' || line.kind === 'not-loaded') say(line);
  });
} else await attack();
say({ kind: 'end' });
