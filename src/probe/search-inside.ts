/**
 * Searches one class of flaw in one package. One process; what it finds goes out line by line, so that a target that
 * exits, hangs or crashes costs one function. Started by `driver-inside.ts`, which lists what to leave out.
 *
 *   in   environment HEADSTART_JOB: a JSON text, see SearchJob
 *   out  descriptor 3: one JSON object a line, see SearchMessage
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type { FlawClass } from '../formats/flaw-class.ts';
import { describe, enumerate, type Subject } from './enumerate-inside.ts';
import { hintedAttempts, hintsFor } from './hinted-inside.ts';
import { type Effect, filesIn, type StartedCommand, trapProperty, watchCommands } from './oracles-inside.ts';
import type { PlanValue, ProbePlan } from './plan.ts';
import { type Attempt, generalAttempts } from './shapes-inside.ts';
import { callValue, constructValue, fillText, type ValueContext, walkReach } from './values-inside.ts';

export interface SearchJob {
  readonly package: string;
  readonly flaw: FlawClass;
  /** Ways to load it, in order: files relative to the package, empty for its main module. */
  readonly files: readonly string[];
  /** Keys not to call again: they hung or ended the process. */
  readonly leaveOut: readonly string[];
  /** Canaries begin with this. */
  readonly prefix: string;
  /** Argument lists found in documentation and tests, by function name. */
  readonly examples: Readonly<Record<string, readonly (readonly PlanValue[])[]>>;
  readonly functionMilliseconds: number;
  readonly totalMilliseconds: number;
  readonly functions: number;
}

export type SearchMessage =
  | { readonly kind: 'at'; readonly key: string }
  | { readonly kind: 'loaded'; readonly file: string; readonly functions: number }
  | { readonly kind: 'not-loaded'; readonly file: string; readonly reason: string }
  | { readonly kind: 'tried'; readonly functions: number; readonly calls: number; readonly cut: number }
  | {
      readonly kind: 'hit';
      readonly plan: ProbePlan;
      readonly entry: string;
      readonly frames: readonly string[];
      readonly whole: boolean;
    }
  | { readonly kind: 'end' };

const now = performance.now.bind(performance);
const stringify = JSON.stringify;
const write = writeSync;
const later = setTimeout;

const say = (message: SearchMessage): void => {
  write(3, `${stringify(message)}\n`);
};

interface Pending {
  readonly subject: Subject;
  readonly attempt: Attempt;
  readonly context: ValueContext;
}

class Search {
  readonly #job: SearchJob;
  readonly #leaveOut: ReadonlySet<string>;
  readonly #roots = new Map<string, unknown>();
  readonly #pending = new Map<string, Pending>();
  readonly #sinks = new Set<string>();
  readonly #started: StartedCommand[] = [];
  readonly #hitFunctions = new Set<Subject>();
  readonly #trap: ReturnType<typeof trapProperty> | undefined;
  readonly #programs: () => readonly string[];
  #count = 0;
  #calls = 0;
  #tried = 0;
  #cut = 0;

  constructor(job: SearchJob) {
    this.#job = job;
    this.#leaveOut = new Set(job.leaveOut);
    const onEffect = (effect: Effect): void => this.#report(effect);
    if (job.flaw === 'prototype-pollution') this.#trap = trapProperty(Object.prototype, onEffect);
    if (job.flaw === 'code-injection') this.#trap = trapProperty(globalThis, onEffect);
    this.#programs = watchCommands(join(process.cwd(), 'stand-ins'), (command) => {
      if (this.#started.length < 20_000) this.#started.push(command);
    });
  }

  #context(payload: string, canary: string): ValueContext {
    return { payload: fillText(payload, { payload: '', canary }), canary, seen: new Set(), called: [] };
  }

  readonly #before = (key: string): boolean => {
    if (this.#leaveOut.has(key)) return false;
    say({ kind: 'at', key });
    return true;
  };

  async #load(file: string): Promise<{ value: unknown; format: 'cjs' | 'esm' } | undefined> {
    const key = `load ${file}`;
    if (!this.#before(key)) return undefined;
    const require = createRequire(join(process.cwd(), 'target.cjs'));
    const wanted = file === '' ? this.#job.package : `./node_modules/${this.#job.package}/${file}`;
    try {
      return { value: require(wanted) as unknown, format: 'cjs' };
    } catch (error) {
      try {
        const url = file === '' ? this.#job.package : pathToFileURL(join(process.cwd(), wanted)).href;
        return { value: (await import(url)) as unknown, format: 'esm' };
      } catch {
        say({ kind: 'not-loaded', file, reason: String(error).slice(0, 200) });
        return undefined;
      }
    }
  }

  async run(): Promise<void> {
    const until = now() + this.#job.totalMilliseconds;
    for (const file of this.#job.files) {
      if (now() > until || this.#sinks.size >= 6) break;
      const loaded = await this.#load(file);
      if (!loaded) continue;
      this.#roots.set(file, loaded.value);
      const subjects = enumerate(
        { file, format: loaded.format, value: loaded.value },
        { functions: this.#job.functions, depth: 3, milliseconds: 1500 },
        { before: this.#before, now },
        this.#context('x', 'x'),
      );
      say({ kind: 'loaded', file, functions: subjects.length });
      for (const subject of subjects) {
        if (now() > until) {
          this.#cut++;
          continue;
        }
        await this.#drive(subject);
      }
    }
    if (this.#pending.size > 0) await this.#settle(this.#job.flaw === 'command-injection' ? 900 : 300);
    say({ kind: 'tried', functions: this.#tried, calls: this.#calls, cut: this.#cut });
  }

  async #drive(subject: Subject): Promise<void> {
    const key = `call ${subject.file} ${describe(subject.reach)}${subject.constructs ? ' new' : ''}`;
    if (!this.#before(key)) return;
    this.#tried++;
    const hints = hintsFor(subject, this.#job.examples);
    const attempts = [...hintedAttempts(this.#job.flaw, hints), ...generalAttempts(this.#job.flaw)];
    const until = now() + this.#job.functionMilliseconds;
    const startedBefore = this.#started.length;
    let inBatch = 0;
    for (const attempt of attempts) {
      if (this.#hitFunctions.has(subject)) break;
      if (now() > until) {
        this.#cut++;
        break;
      }
      this.#attempt(subject, attempt);
      if (++inBatch % 60 === 0) await this.#look(startedBefore);
    }
    await this.#look(startedBefore);
  }

  #attempt(subject: Subject, attempt: Attempt): void {
    const canary = `${this.#job.prefix}${(this.#count++).toString(36)}z`;
    const context = this.#context(attempt.payload, canary);
    this.#pending.set(canary, { subject, attempt, context });
    this.#trap?.arm(canary);
    this.#calls++;
    try {
      const root = { value: this.#roots.get(subject.file), owner: undefined };
      const at = walkReach(root, subject.reach, context);
      const result = subject.constructs
        ? constructValue(at, attempt.args, context)
        : callValue(at, attempt.args, context);
      this.#follow(result, attempt, context);
    } catch {
      // The target may refuse; only the oracle decides.
    }
  }

  #follow(result: unknown, attempt: Attempt, context: ValueContext): void {
    if (result === null || (typeof result !== 'object' && typeof result !== 'function')) return;
    if (typeof (result as { catch?: unknown }).catch === 'function')
      (result as Promise<unknown>).catch(() => undefined);
    if (attempt.after && typeof result === 'function')
      walkReach({ value: result, owner: undefined }, attempt.after, context);
  }

  /** Lets what was started come to its effect, then forgets the attempts so far. */
  async #look(startedBefore: number): Promise<void> {
    const shells = this.#started.slice(startedBefore).some((command) => command.text.includes(this.#job.prefix));
    await this.#settle(shells ? 60 : 0);
    if (!shells && this.#job.flaw === 'command-injection') this.#pending.clear();
    if (this.#pending.size > 400) this.#pending.clear();
    this.#trap?.disarm();
  }

  async #settle(milliseconds: number): Promise<void> {
    await new Promise((resolve) => {
      later(resolve, milliseconds);
    });
    if (this.#job.flaw !== 'command-injection') return;
    const directories = new Set(['.', ...this.#started.slice(-200).map((command) => command.directory)]);
    for (const name of filesIn(directories)) {
      const pending = name.startsWith(this.#job.prefix) ? this.#pending.get(name) : undefined;
      if (!pending) continue;
      const starts = this.#started.filter((command) => command.text.includes(name));
      const whole = starts.every((command) => command.text.trim() === pending.context.payload.trim());
      const start = starts.find((command) => command.frames.length > 0);
      this.#report({ canary: name, frames: start?.frames ?? [], whole });
    }
  }

  #report(effect: Effect): void {
    const pending = this.#pending.get(effect.canary);
    if (!pending || effect.frames.length === 0) return;
    const { subject, attempt, context } = pending;
    this.#hitFunctions.add(subject);
    this.#pending.delete(effect.canary);
    const sink = `${effect.frames[0]} ${effect.whole === true}`;
    if (this.#sinks.has(sink)) return;
    this.#sinks.add(sink);
    const args = noteSeen(attempt.args, [...context.seen]);
    const plan: ProbePlan = {
      flaw: this.#job.flaw,
      file: subject.file,
      format: subject.format,
      reach: subject.reach,
      drive: { kind: subject.constructs ? 'construct' : 'call', args, after: attempt.after ?? [] },
      payload: attempt.payload,
      ...(this.#programs().length > 0 ? { programs: this.#programs() } : {}),
    };
    say({ kind: 'hit', plan, entry: describe(subject.reach), frames: effect.frames, whole: effect.whole === true });
  }
}

/** Writes the names that were read into every any-property value. */
function noteSeen(values: readonly PlanValue[], seen: readonly string[]): readonly PlanValue[] {
  return values.map((value) => (value.kind === 'any-property' ? { ...value, seen } : value));
}

function neutralise(): void {
  const silent = () => undefined;
  for (const name of ['log', 'error', 'warn', 'info', 'debug', 'trace', 'dir', 'table'] as const)
    console[name] = silent;
  process.stdout.write = () => true;
  process.stderr.write = () => true;
  const refuseExit = (): never => {
    throw new Error('the target asked to exit');
  };
  process.exit = refuseExit;
  process.abort = refuseExit;
  (process as { reallyExit?: unknown }).reallyExit = refuseExit;
  process.on('uncaughtException', silent);
  process.on('unhandledRejection', silent);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, silent);
}

const leave = (process as unknown as { reallyExit: (status: number) => never }).reallyExit;
const job = JSON.parse(process.env.HEADSTART_JOB ?? '{}') as SearchJob;
delete process.env.HEADSTART_JOB;
neutralise();
await new Search(job).run();
say({ kind: 'end' });
leave.call(process, 0);
