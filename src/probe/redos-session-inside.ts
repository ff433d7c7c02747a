/**
 * What every process of the search for slow expressions shares: it loads the package, says what it is at, and survives
 * what the package does. Runs inside the sandbox.
 */
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { enumerate, type Subject } from './enumerate-inside.ts';
import { standInForNetwork } from './network-inside.ts';
import type { PlanReach } from './plan.ts';
import { type Arrival, Arrivals } from './promised-inside.ts';
import { contextOf, type Examples } from './redos-calls-inside.ts';
import { cpuNow } from './regex-trial-inside.ts';

export interface SessionJob {
  readonly token: string;
  readonly package: string;
  readonly files: readonly string[];
  readonly examples: Examples;
  /** Keys of calls that hung or ended the process. */
  readonly leaveOut: readonly string[];
  /** CPU milliseconds; time that passes while the machine does other work does not count. */
  readonly milliseconds: number;
}

const stringify = JSON.stringify;
const write = writeSync;
const now = cpuNow;

export class Session<Job extends SessionJob> {
  readonly job: Job;
  readonly until: number;
  readonly #leaveOut: ReadonlySet<string>;
  readonly #roots = new Map<string, { value: unknown; format: 'cjs' | 'esm' } | undefined>();
  readonly #arrivals = new Arrivals();
  readonly asksNetwork = standInForNetwork();
  readonly #end: () => void;

  constructor() {
    this.job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job;
    this.until = now() + this.job.milliseconds;
    this.#leaveOut = new Set(this.job.leaveOut);
    const kill = process.kill.bind(process);
    const { pid } = process;
    this.#end = () => kill(pid, 'SIGKILL');
    const refuse = (): never => {
      throw new Error('exit asked for');
    };
    process.exit = refuse;
    process.abort = refuse;
    const swallow = (): boolean => true;
    process.stdout.write = swallow;
    process.stderr.write = swallow;
    process.on('uncaughtException', () => undefined);
    process.on('unhandledRejection', () => undefined);
    process.argv = process.argv.slice(0, 1);
  }

  say(value: unknown): void {
    write(1, `${this.job.token} ${stringify(value)}\n`);
  }

  get over(): boolean {
    return now() > this.until;
  }

  /** False for what hung before. */
  at(key: string): boolean {
    if (this.#leaveOut.has(key)) return false;
    this.say({ kind: 'at', key });
    return true;
  }

  end(): void {
    this.say({ kind: 'end' });
    this.#end();
  }

  async load(file: string): Promise<{ value: unknown; format: 'cjs' | 'esm' } | undefined> {
    if (this.#roots.has(file)) return this.#roots.get(file);
    const loaded = this.at(`load ${file}`) ? await this.#load(file) : undefined;
    this.#roots.set(file, loaded);
    return loaded;
  }

  async #load(file: string): Promise<{ value: unknown; format: 'cjs' | 'esm' } | undefined> {
    const require = createRequire(join(process.cwd(), 'target.cjs'));
    const wanted = file === '' ? this.job.package : `./node_modules/${this.job.package}/${file}`;
    try {
      return { value: require(wanted) as unknown, format: 'cjs' };
    } catch (error) {
      try {
        const url = file === '' ? this.job.package : pathToFileURL(join(process.cwd(), wanted)).href;
        return { value: (await import(url)) as unknown, format: 'esm' };
      } catch {
        this.say({ kind: 'not-loaded', file, reason: String(error).slice(0, 200) });
        return undefined;
      }
    }
  }

  /** Undefined where the file does not load, or a promise on the way brings nothing. */
  async arrive(file: string, reach: readonly PlanReach[]): Promise<Arrival | undefined> {
    const loaded = await this.load(file);
    return loaded && (await this.#arrivals.reach({ value: loaded.value, owner: undefined }, reach, contextOf('x')));
  }

  /** Functions of one file, those with many of the wanted expressions in their own text first. */
  async subjects(file: string, functions: number): Promise<readonly Subject[]> {
    const loaded = await this.load(file);
    if (!loaded) return [];
    const limits = { functions, depth: 3, milliseconds: 3000 };
    const hooks = { before: (key: string) => this.at(key), now };
    const found = await enumerate({ file, format: loaded.format, value: loaded.value }, limits, hooks, contextOf('x'));
    // What begins with an underscore is no interface: nobody hands it a stranger's text.
    return found.filter(({ reach }) => !reach.some((step) => step.kind === 'get' && step.name.startsWith('_')));
  }
}

/** Lets promises and short timers of the target run. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
