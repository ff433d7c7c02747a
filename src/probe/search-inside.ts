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
import { BlockCoverage } from './coverage-inside.ts';
import { describe, enumerate, type Subject } from './enumerate-inside.ts';
import { guide } from './guided-inside.ts';
import { attemptsFromReads, hintedAttempts, hintsFor, pairedAttempts } from './hinted-inside.ts';
import { keepIntrinsics } from './intrinsics-inside.ts';
import { byPromise, isEmitter, noteSeen, TRIGGERS } from './judgement-inside.ts';
import { standInForOldHelpers } from './legacy-inside.ts';
import { standInForNetwork } from './network-inside.ts';
import { type Effect, filesIn, type StartedCommand, trapProperty, watchCommands } from './oracles-inside.ts';
import type { PlanReach, PlanValue, ProbePlan } from './plan.ts';
import { type Arrival, Arrivals, isNativePromise, isPromise } from './promised-inside.ts';
import { neutralise } from './quiet-inside.ts';
import { drawFrom, drawOrder } from './random-inside.ts';
import type { SearchJob, SearchMessage } from './search-job-inside.ts';
import { type Attempt, generalAttempts } from './shapes-inside.ts';
import { emitterAttempts, streamAttempts } from './stream-shapes-inside.ts';
import { callValue, constructValue, fillText, type ValueContext, walkReach } from './values-inside.ts';

const wallNow = performance.now.bind(performance);
const cpuUsage = process.cpuUsage.bind(process);
/** CPU milliseconds of this process: what a loaded machine does not stretch. */
const cpuNow = (): number => {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
};
const stringify = JSON.stringify;
const write = writeSync;
const later = setTimeout;
const soon = setImmediate;
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    soon(resolve);
  });

const say = (message: SearchMessage): void => {
  write(3, `${stringify(message)}\n`);
};

/** Every function gets a first chance before any gets all of its attempts. */
const PASSES = [
  { share: 0.25, attempts: 160 },
  { share: 1, attempts: 900 },
  { share: 1, attempts: Number.POSITIVE_INFINITY },
] as const;
/** Attempts at one function whose order no seed changes. */
const CORE = 1060;
const BATCH = 40;
const AFTER_A_HIT_MILLISECONDS = 2000;
/** Commands started before they are waited for. */
const COMMANDS_AT_ONCE = 16;
const COMMANDS_KEPT = 20_000;
/** Commands that calls of one function may start while they grow. */
const COMMANDS_GUIDED = 80;
/** Commands that may run in a search for another class. */
const COMMANDS_BESIDES = 12;

interface Pending {
  readonly subject: Subject;
  readonly attempt: Attempt;
  readonly context: ValueContext;
  /** What was done with the result beyond what the attempt says. */
  after: readonly PlanReach[];
}

/** The attempts at one function and how far they got. */
interface Course {
  readonly subject: Subject;
  readonly key: string;
  readonly attempts: Attempt[];
  at: number;
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
  readonly #now: () => number;
  readonly #restore: () => void;
  readonly #arrivals = new Arrivals();
  readonly #coverage: BlockCoverage | undefined;
  readonly #isLegacy = standInForOldHelpers();
  readonly #asksNetwork = standInForNetwork();
  #until = 0;
  #startedAtLook = 0;
  #besides = 0;
  #count = 0;
  #calls = 0;
  #tried = 0;
  #cut = 0;

  constructor(job: SearchJob) {
    this.#job = job;
    this.#leaveOut = new Set(job.leaveOut);
    // Commands spend their time in other processes.
    this.#now = job.flaw === 'command-injection' && job.order !== 'guided' ? wallNow : cpuNow;
    this.#programs = watchCommands(join(process.cwd(), 'stand-ins'), (command) => {
      if (job.flaw === 'command-injection') {
        if (this.#started.length < COMMANDS_KEPT) this.#started.push(command);
        return;
      }
      // Where commands are not what is looked for, a few may run, so that the target goes on; then they only cost time.
      if (++this.#besides > COMMANDS_BESIDES) throw new Error('no more commands here');
    });
    const onEffect = (effect: Effect): void => this.#report(effect);
    if (job.flaw === 'prototype-pollution') this.#trap = trapProperty(Object.prototype, onEffect);
    if (job.flaw === 'code-injection') this.#trap = trapProperty(globalThis, onEffect);
    this.#restore = keepIntrinsics();
    if (job.order === 'guided') this.#coverage = new BlockCoverage();
  }

  #context(payload: string, canary: string): ValueContext {
    return { payload: fillText(payload, { payload: '', canary }), canary, seen: new Set(), called: [] };
  }

  readonly #before = (key: string, attempt = 0): boolean => {
    if (this.#leaveOut.has(key)) return false;
    say({ kind: 'at', key, attempt });
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
    this.#until = this.#now() + this.#job.totalMilliseconds;
    for (const file of this.#job.files) {
      if (this.#now() > this.#until || this.#sinks.size >= 6) break;
      const loaded = await this.#load(file);
      if (!loaded) continue;
      this.#restore();
      this.#roots.set(file, loaded.value);
      const subjects = await enumerate(
        { file, format: loaded.format, value: loaded.value },
        { functions: this.#job.functions, depth: 3, milliseconds: 1500 },
        { before: this.#before, now: this.#now, after: this.#restore },
        this.#context('x', 'x'),
      );
      if (subjects.some((subject) => subject.alternates)) say({ kind: 'has-alternates' });
      say({ kind: 'loaded', file, functions: subjects.length });
      const courses = byPromise(subjects, this.#job.flaw).map((subject) => this.#course(subject, subjects));
      if (this.#coverage) {
        for (const course of courses) await this.#guide(course, this.#coverage);
        continue;
      }
      for (const pass of PASSES)
        for (const course of courses) {
          if (this.#now() > this.#until) break;
          await this.#drive(course, this.#job.functionMilliseconds * pass.share, pass.attempts);
        }
      this.#cut += courses.filter((course) => course.at < course.attempts.length).length;
    }
    if (this.#pending.size > 0) await this.#settle(this.#job.flaw === 'command-injection' ? 900 : 300);
    say({ kind: 'tried', functions: this.#tried, calls: this.#calls, cut: this.#cut });
  }

  #course(subject: Subject, all: readonly Subject[]): Course {
    this.#tried++;
    const { flaw, examples, signatures } = this.#job;
    const usual = subject.stream
      ? streamAttempts(flaw)
      : subject.events
        ? emitterAttempts(flaw, subject)
        : [...hintedAttempts(flaw, hintsFor(subject, examples, signatures)), ...generalAttempts(flaw)];
    const otherWays = (subject.alternates ?? []).flatMap((reach) => usual.map((attempt) => ({ ...attempt, reach })));
    const attempts =
      this.#job.order === 'alternates' ? otherWays : [...usual, ...pairedAttempts(flaw, subject, all), ...otherWays];
    const key = `call ${subject.file} ${describe(subject.reach)}${subject.constructs ? ' new' : ''}`;
    const drawn = drawOrder(attempts, CORE, drawFrom(this.#job.seed, key));
    return { subject, key, attempts: drawn, at: this.#job.resume[key] ?? 0 };
  }

  async #drive(course: Course, milliseconds: number, most: number): Promise<void> {
    if (course.at >= course.attempts.length || !this.#before(course.key, course.at)) return;
    const until = this.#now() + milliseconds;
    const last = Math.min(course.attempts.length, course.at + most);
    const startedBefore = this.#started.length;
    if (course.at === 0) await this.#learn(course);
    while (course.at < Math.min(last, course.attempts.length) && this.#now() < until) {
      if (this.#hitFunctions.has(course.subject)) {
        course.at = course.attempts.length;
        break;
      }
      const attempt = course.attempts[course.at++];
      if (!attempt) break;
      const way = this.#arrive(course.subject, attempt.reach);
      // Only what was promised is waited for: between other calls the target gets no turn.
      const from: Arrival | undefined = isNativePromise(way) ? await way : way;
      if (from) this.#attempt(course.subject, attempt, from);
      const isBusy = this.#started.length - this.#startedAtLook >= COMMANDS_AT_ONCE;
      if (course.at % BATCH !== 0 && !isBusy) continue;
      this.#before(course.key, course.at);
      await this.#look(startedBefore);
    }
    await this.#look(startedBefore);
  }

  async #guide({ subject, key }: Course, coverage: BlockCoverage): Promise<void> {
    if (subject.stream || subject.events || this.#job.resume[key] !== undefined || !this.#before(key)) return;
    const { flaw, seed, examples, signatures, totalMilliseconds } = this.#job;
    const until = Math.min(this.#until, this.#now() + totalMilliseconds / 2);
    const startedBefore = this.#started.length;
    let calls = 0;
    await guide(flaw, hintsFor(subject, examples, signatures), coverage, drawFrom(seed, key), {
      isOver: () =>
        this.#now() > until ||
        this.#hitFunctions.has(subject) ||
        this.#started.length - startedBefore > COMMANDS_GUIDED,
      call: async (attempt) => {
        const missed = new Set<string>();
        const from = await this.#arrive(subject);
        if (from) this.#attempt(subject, attempt, from, missed);
        await turn();
        this.#restore();
        if (++calls % BATCH === 0) {
          this.#before(key, calls);
          await this.#look(startedBefore);
        }
        return [...missed];
      },
    });
    await this.#look(startedBefore);
  }

  /** Calls the function once with an object that notes what is read from it, and adds attempts with those names. */
  async #learn(course: Course): Promise<void> {
    const { subject } = course;
    if (this.#job.flaw !== 'prototype-pollution') return;
    const context = this.#context('x', 'x');
    const probe: PlanValue = { kind: 'any-property', value: { kind: 'json', value: 'x' } };
    try {
      const from = await this.#arrive(subject);
      if (!from) return;
      const at = walkReach(from.at, from.rest, context);
      const args = [probe, probe];
      const result = subject.constructs ? constructValue(at, args, context) : callValue(at, args, context);
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // Refused; what was read until then is learnt all the same.
    }
    course.attempts.push(...attemptsFromReads([...context.seen]));
  }

  #arrive(subject: Subject, reach = subject.reach): Arrival | Promise<Arrival | undefined> {
    const root = { value: this.#roots.get(subject.file), owner: undefined };
    return this.#arrivals.reach(root, reach, this.#context('x', 'x'));
  }

  #attempt(subject: Subject, attempt: Attempt, from: Arrival, missed?: Set<string>): void {
    const canary = `${this.#job.prefix}${(this.#count++).toString(36)}z`;
    const context = { ...this.#context(attempt.payload, canary), ...(missed ? { missed } : {}) };
    const pending: Pending = { subject, attempt, context, after: attempt.after ?? [] };
    this.#pending.set(canary, pending);
    this.#trap?.arm(canary);
    this.#calls++;
    try {
      const at = walkReach(from.at, from.rest, context);
      const result = subject.constructs
        ? constructValue(at, attempt.args, context)
        : callValue(at, attempt.args, context);
      this.#follow(result, pending);
    } catch {
      // The target may refuse; only the oracle decides.
    }
  }

  /** `through`: what the result came through. */
  #follow(result: unknown, pending: Pending, through: readonly PlanReach[] = []): void {
    if (result === null || (typeof result !== 'object' && typeof result !== 'function')) return;
    if (isPromise(result) && through.length === 0)
      result.then((came) => this.#follow(came, pending, [{ kind: 'await' }])).catch(() => undefined);
    const { attempt, context } = pending;
    if (attempt.after && typeof result === 'function') {
      pending.after = [...through, ...attempt.after];
      walkReach({ value: result, owner: undefined }, attempt.after, context);
    }
    // A function that came back may be the second half of the call: `set(path, value)(object)`.
    if (this.#job.flaw === 'prototype-pollution' && typeof result === 'function' && !attempt.after) {
      const step: PlanReach = { kind: 'call', args: [{ kind: 'json', value: {} }] };
      pending.after = [...through, step];
      walkReach({ value: result, owner: undefined }, [step], context);
    }
    if (typeof result !== 'object' || isNativePromise(result) || isEmitter(result)) return;
    const trigger = TRIGGERS.find((name) => typeof (result as Record<string, unknown>)[name] === 'function');
    if (!trigger) return;
    const steps: PlanReach[] = [
      { kind: 'get', name: trigger },
      { kind: 'call', args: [CALLBACK, CALLBACK] },
    ];
    pending.after = [...through, ...steps];
    walkReach({ value: result, owner: undefined }, steps, context);
  }

  /** Lets what was started come to its effect, then forgets the attempts so far. */
  async #look(startedBefore: number): Promise<void> {
    this.#restore();
    this.#arrivals.forget();
    this.#startedAtLook = this.#started.length;
    const shells = this.#started.length > startedBefore;
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
    // In the order of the attempts, so that timing does not choose which of them is told.
    const order = (name: string): number => Number.parseInt(name.slice(this.#job.prefix.length, -1), 36);
    const created = [...filesIn(directories)].filter((name) => name.startsWith(this.#job.prefix));
    for (const name of created.toSorted((left, right) => order(left) - order(right))) {
      const pending = this.#pending.get(name);
      if (!pending) continue;
      const bearing = this.#started.filter((command) => command.text.includes(name));
      const starts = bearing.length > 0 ? bearing : this.#started.slice(-1);
      const whole =
        bearing.length > 0 && bearing.every((command) => command.text.trim() === pending.context.payload.trim());
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
    // One was found: a while for others, no more.
    if (effect.whole !== true) this.#until = Math.min(this.#until, this.#now() + AFTER_A_HIT_MILLISECONDS);
    const args = noteSeen(attempt.args, [...context.seen]);
    const plan: ProbePlan = {
      flaw: this.#job.flaw,
      file: subject.file,
      format: subject.format,
      reach: attempt.reach ?? subject.reach,
      drive: { kind: subject.constructs ? 'construct' : 'call', args, after: pending.after },
      payload: attempt.payload,
      ...(this.#isLegacy() ? { legacy: true } : {}),
      ...(this.#asksNetwork() ? { loopback: true } : {}),
      ...(this.#programs().length > 0 ? { programs: this.#programs() } : {}),
    };
    say({ kind: 'hit', plan, entry: describe(subject.reach), frames: effect.frames, whole: effect.whole === true });
  }
}

const CALLBACK: PlanValue = { kind: 'callback' };

const leave = (process as unknown as { reallyExit: (status: number) => never }).reallyExit;
const job = JSON.parse(process.env.HEADSTART_JOB ?? '{}') as SearchJob;
delete process.env.HEADSTART_JOB;
// Nothing that tells a target where it is.
process.argv = process.argv.slice(0, 1);
neutralise();
await new Search(job).run();
say({ kind: 'end' });
leave.call(process, 0);
