/**
 * Drives the command-line programs of one package. First with harmless markers, one per word, to learn which words come
 * to a shell or are evaluated; then only those words carry payloads. For pollution no marker shows the way: many words
 * carry a payload at once, each with its own canary, and the one that tells is tried alone.
 *
 *   node cli-inside.mjs <job file>      prints lines `<token> <json>`, as driver-inside.ts does
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { FlawClass } from '../formats/flaw-class.ts';
import { argumentLists, MARKERS, type Word } from './cli-lists-inside.ts';
import { alone, pollutingTrials, type Trial } from './cli-pollution-inside.ts';
import type { ProgramLine, ProgramRun } from './cli-run-inside.ts';
import { type ProgramWords, textsOf, wordsIn } from './cli-words-inside.ts';
import type { PlanValue, ProbePlan } from './plan.ts';
import { CODE_PAYLOADS, COMMAND_PAYLOADS } from './shapes-inside.ts';

export interface ProgramJob {
  readonly package: string;
  readonly flaw: FlawClass;
  /** Entry points, relative to the package. */
  readonly programs: readonly { readonly file: string; readonly format: 'cjs' | 'esm' }[];
  /** Names of options from the package's declarations of types. */
  readonly options: readonly string[];
  readonly prefix: string;
  readonly token: string;
  readonly totalMilliseconds: number;
  /** A run is ended after this much CPU time, or four times as long on the clock. */
  readonly runMilliseconds: number;
  /** Runs with markers, for each program. */
  readonly explorations: number;
}

const [, , jobFile = ''] = process.argv;
const job = JSON.parse(readFileSync(jobFile, 'utf8')) as ProgramJob;
const runFile = fileURLToPath(import.meta.url).replace('cli-inside', 'cli-run-inside');
const packageDirectory = join(process.cwd(), 'node_modules', job.package);
const standIns = join(process.cwd(), 'stand-ins');
const isCommand = job.flaw === 'command-injection';
const payloads = isCommand ? COMMAND_PAYLOADS : CODE_PAYLOADS.slice(0, 26);
const LINE_CHARACTERS = 100_000;
const WALL_PER_CPU = 4;
const TICK_MILLISECONDS = 10;
const APPEARS_MILLISECONDS = 120;
const SINKS = 4;
/** A program that was ended so often for not ending by itself waits or serves, and is not started for more words. */
const STAYS = 3;
/** Options that are there to run or evaluate what they are given: that they do so is no flaw. */
const BY_CONTRACT = /^--?(?:e|p|c|eval|evaluate|print|exec|execute|command|cmd|code|script|run|shell)$/;

const say = (value: unknown): void => {
  writeSync(1, `${job.token} ${JSON.stringify(value)}\n`);
};

let spent = 0;
let runs = 0;
let serial = 0;
let stayed = 0;
const nextCanary = (): string => `${job.prefix}${(serial++).toString(36)}z`;
const isOver = (): boolean => spent > job.totalMilliseconds;

function cpuOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MILLISECONDS;
  } catch {
    return 0;
  }
}

function runProgram(part: Omit<ProgramRun, 'standIns'>): Promise<readonly ProgramLine[]> {
  runs++;
  const environment = { ...process.env, HEADSTART_JOB: JSON.stringify({ ...part, standIns }) };
  return new Promise((resolve) => {
    const lines: ProgramLine[] = [];
    const child = spawn(process.execPath, ['--no-warnings', runFile], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: environment,
      detached: true,
    });
    const started = Date.now();
    let cpu = 0;
    let rest = '';
    (child.stdio[3] as NodeJS.ReadableStream).on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = (parts.pop() ?? '').slice(-LINE_CHARACTERS);
      for (const line of parts) if (lines.length < 400) lines.push(readLine(line));
    });
    const end = (): void => {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    };
    const watch = setInterval(() => {
      cpu = Math.max(cpu, cpuOf(child.pid));
      if (cpu <= job.runMilliseconds && Date.now() - started <= job.runMilliseconds * WALL_PER_CPU) return;
      stayed++;
      clearInterval(watch);
      end();
    }, 20);
    const finish = (): void => {
      clearInterval(watch);
      end();
      spent += Math.max(cpu, 20);
      resolve(lines);
    };
    child.on('error', finish);
    child.on('exit', () => setTimeout(finish, 5));
  });
}

function readLine(line: string): ProgramLine {
  try {
    return JSON.parse(line) as ProgramLine;
  } catch {
    return { kind: 'printed', text: '' };
  }
}

type Program = ProgramJob['programs'][number];

/** A word that reached a shell or an evaluation, in the list of words it stood in. */
interface Spot {
  readonly list: readonly Word[];
  readonly at: number;
  /** What stood before it. */
  readonly before: string;
  readonly place: string;
}

class Search {
  readonly #program: Program;
  readonly #file: string;
  readonly #places = new Set<string>();
  #hits = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#file = join(packageDirectory, program.file);
  }

  get #base() {
    const traps = { holder: 'globals', canaries: [] } as const;
    return { file: this.#file, format: this.#program.format, traps, marker: '', listens: false };
  }

  async run(): Promise<void> {
    const words = await this.#words();
    if (job.flaw === 'prototype-pollution') return this.#pollute(pollutingTrials(words).slice(0, job.explorations));
    for (const list of argumentLists(words).slice(0, job.explorations)) {
      if (isOver() || this.#hits >= SINKS) return;
      for (const spot of await this.#explore(list)) if (!isOver()) await this.#attack(spot);
    }
  }

  async #pollute(trials: readonly Trial[]): Promise<void> {
    stayed = 0;
    for (const trial of trials) {
      if (isOver() || this.#hits >= SINKS) return;
      if (stayed >= STAYS) {
        say({ kind: 'skipped', what: this.#program.file, reason: 'it does not end by itself' });
        return;
      }
      const found = await this.#try(trial);
      for (const at of found.reached.keys()) if (!isOver()) await this.#tryAlone(alone(trial, at));
    }
  }

  /** Which words came to the prototype, and through which lines of the target. */
  async #try({ list, payloads }: Trial) {
    const canaries = new Map([...payloads.keys()].map((at) => [at, nextCanary()]));
    const words = list.map((word, at) => {
      const filled = payloads.get(at)?.replaceAll('{{canary}}', canaries.get(at) ?? '');
      return filled === undefined ? word.plain : word.text.replace(word.marker, () => filled);
    });
    const traps = { holder: 'prototype', canaries: [...canaries.values()] } as const;
    const lines = await runProgram({ ...this.#base, words, traps });
    const reached = new Map<number, readonly string[]>();
    for (const [at, canary] of canaries) {
      const frames = effectOf(lines, canary);
      if (frames) reached.set(at, frames);
    }
    return { lines, reached };
  }

  async #tryAlone(trial: Trial): Promise<void> {
    const { lines, reached } = await this.#try(trial);
    for (const [at, frames] of reached) {
      const place = frames[0] ?? '';
      if (this.#places.has(place)) continue;
      this.#places.add(place);
      this.#report({ list: trial.list, at }, trial.payloads.get(at) ?? '', frames, lines);
    }
  }

  async #words(): Promise<ProgramWords> {
    const lines = await runProgram({ ...this.#base, words: ['--help'], listens: true });
    const printed = lines.flatMap((line) => (line.kind === 'printed' ? [line.text] : []));
    return wordsIn([...printed, ...textsOf(packageDirectory, this.#program.file)], job.options);
  }

  async #explore(list: readonly Word[]): Promise<readonly Spot[]> {
    const words = list.map((word) => word.text);
    const lines = await runProgram({ ...this.#base, words, marker: isCommand ? '' : MARKERS });
    const spots: Spot[] = [];
    for (const line of lines) {
      const isTelling = isCommand ? line.kind === 'command' && line.shell : line.kind === 'evaluated';
      if (!isTelling || (line.kind !== 'command' && line.kind !== 'evaluated')) continue;
      list.forEach((word, at) => {
        const found = word.marker === '' ? -1 : line.text.indexOf(word.marker);
        // A command that is the word alone is what the program is for.
        if (found < 0 || BY_CONTRACT.test(word.option) || (isCommand && line.text.trim() === word.marker)) return;
        const place = line.kind === 'command' ? `${line.frames[0]} ${word.option || at}` : `${word.option || at}`;
        if (this.#places.has(place)) return;
        this.#places.add(place);
        spots.push({ list, at, before: line.text.slice(Math.max(0, found - 40), found), place });
      });
    }
    return spots;
  }

  async #attack(spot: Spot): Promise<void> {
    for (const payload of byQuote(payloads, spot.before)) {
      if (isOver()) return;
      const canary = nextCanary();
      const filled = payload.replaceAll('{{canary}}', canary);
      const words = spot.list.map((word, at) =>
        at === spot.at ? word.text.replace(word.marker, () => filled) : word.plain,
      );
      const traps = { holder: 'globals', canaries: isCommand ? [] : [canary] } as const;
      const lines = await runProgram({ ...this.#base, words, traps });
      const frames = isCommand ? await this.#commandEffect(lines, canary, filled) : effectOf(lines, canary);
      if (!frames) continue;
      this.#report(spot, payload, frames, lines);
      return;
    }
  }

  /** The frames of who started the command that made the file. */
  async #commandEffect(
    lines: readonly ProgramLine[],
    canary: string,
    filled: string,
  ): Promise<readonly string[] | undefined> {
    const bearing = lines.filter((line) => line.kind === 'command').filter(({ text }) => text.includes(canary));
    const first = bearing.find(({ frames }) => frames.length > 0);
    if (!first || bearing.every(({ text }) => text.trim() === filled.trim())) return undefined;
    const places = [...new Set(['.', ...bearing.map(({ directory }) => directory)])].map((place) =>
      join(place, canary),
    );
    for (const until = Date.now() + APPEARS_MILLISECONDS; ; ) {
      const made = places.find((path) => existsSync(path));
      if (made) {
        rmSync(made, { force: true });
        return first.frames;
      }
      if (Date.now() > until) return undefined;
      await new Promise((resolve) => {
        setTimeout(resolve, 15);
      });
    }
  }

  #report(
    spot: Pick<Spot, 'list' | 'at'>,
    payload: string,
    frames: readonly string[],
    lines: readonly ProgramLine[],
  ): void {
    this.#hits++;
    const world = lines.find((line) => line.kind === 'world');
    const programs = world?.kind === 'world' ? world.programs.slice(0, 20) : [];
    const args = spot.list.map((word, at): PlanValue => {
      if (at !== spot.at) return { kind: 'json', value: word.plain };
      const text = word.text.replace(word.marker, '{{payload}}');
      return text === '{{payload}}' ? { kind: 'payload' } : { kind: 'text', text };
    });
    const plan: ProbePlan = {
      flaw: job.flaw,
      file: this.#program.file,
      format: this.#program.format,
      reach: [],
      drive: { kind: 'bin', bin: this.#program.file, args },
      payload,
      ...(world?.kind === 'world' && world.legacy ? { legacy: true } : {}),
      ...(world?.kind === 'world' && world.loopback ? { loopback: true } : {}),
      ...(programs.length > 0 ? { programs } : {}),
    };
    say({ kind: 'hit', plan, frames, whole: false });
  }
}

/** The frames of who wrote under this name. */
function effectOf(lines: readonly ProgramLine[], canary: string): readonly string[] | undefined {
  const effects = lines.filter((line) => line.kind === 'effect');
  return effects.find((effect) => effect.canary === canary && effect.frames.length > 0)?.frames;
}

/** Payloads that close the quote the word stands in come first. */
function byQuote(all: readonly string[], before: string): readonly string[] {
  const opened = ["'", '"', '`'].find((quote) => (before.split('\n').at(-1)?.split(quote).length ?? 1) % 2 === 0);
  if (!opened) return all;
  return [...all.filter((payload) => payload.startsWith(opened)), ...all.filter((one) => !one.startsWith(opened))];
}

for (const program of job.programs) {
  if (isOver()) say({ kind: 'skipped', what: program.file, reason: 'time limit of the command-line programs' });
  else await new Search(program).run();
}
say({ kind: 'tried', functions: job.programs.length, calls: runs, cut: 0 });
say({ kind: 'done' });
process.exit(0);
