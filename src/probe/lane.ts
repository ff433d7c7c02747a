/**
 * One engine of the search, for one class of flaw, in the form in which the finder runs all of them.
 *
 *   prepare ──▶ groups ──▶ (each group: one sandbox run) ──▶ read ──▶ candidates, and perhaps groups of a next round
 *
 * A lane does no I/O: the finder writes the probe's `*-inside.ts` files into `probe/` of the working directory, mounts
 * the package at `node_modules`, runs each group's command there and hands back its standard output. What comes back
 * was printed beside hostile code: a lane reads only lines that bear the run's own token, and trusts none of them.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { PlanValue, ProbePlan } from './plan.ts';

export interface LaneTarget {
  readonly name: string;
  readonly version: string;
  /** Random text of this run; lines of a group's output count only where they begin with it. */
  readonly token: string;
  /** Draws what is tried beyond the fixed core of calls. */
  readonly seed: number;
  /** What the package's own text tells, read outside; every part of it is hostile. */
  readonly hints?: PackageHints;
}

export interface PackageHints {
  /** Files that can be loaded, relative to the package, most promising first; empty text for its main module. */
  readonly files: readonly string[];
  /** Argument lists from documentation and tests, by the name of the function called. */
  readonly examples: Readonly<Record<string, readonly (readonly PlanValue[])[]>>;
  /** Argument lists made from declared types, by the name of the function; `main` for the module itself. */
  readonly signatures: Readonly<Record<string, readonly (readonly PlanValue[])[]>>;
  /** Command-line entry points, relative to the package. */
  readonly programs: readonly { readonly file: string; readonly format: 'cjs' | 'esm' }[];
  /** Names of properties of the objects that its declarations of types take for options. */
  readonly options: readonly string[];
  /** Whether any file of the package or its dependencies names a way to start programs. */
  readonly startsPrograms: boolean;
  /** Whether any of them names a way to evaluate text. */
  readonly evaluates: boolean;
}

export interface LaneGroup {
  readonly name: string;
  /** Run in the working directory: `node`, `probe/<file>-inside.ts`, arguments. */
  readonly command: readonly string[];
  readonly files: readonly { readonly path: string; readonly content: string }[];
  readonly limits: {
    readonly seconds: number;
    readonly cpuSeconds: number;
    readonly memoryMiB: number;
    readonly pids: number;
  };
}

export interface LaneOutput {
  readonly group: string;
  readonly stdout: string;
}

export interface LaneCandidate {
  readonly flaw: FlawClass;
  /** How the flaw is reached, readable: `require('name').set(object, path, value)`. */
  readonly entry: string;
  /** Path below `node_modules` and 1-based line, where a stack or a hook showed it. */
  readonly sink: { readonly file: string; readonly line: number } | null;
  readonly oracle: string;
  readonly plan: ProbePlan;
}

export interface LaneReading {
  readonly candidates: readonly LaneCandidate[];
  /** Groups of a further round, empty when the lane is done. A lane ends after at most three rounds. */
  readonly next: readonly LaneGroup[];
  /** Parts of the package that the lane could not drive, each with its reason. */
  readonly uncovered: readonly string[];
}

export interface Lane {
  readonly flaw: FlawClass;
  prepare(target: LaneTarget): readonly LaneGroup[];
  read(target: LaneTarget, round: number, outputs: readonly LaneOutput[]): Promise<LaneReading>;
}

/** The JSON values that a group printed as `<token> <json>` lines. Hostile input; lines that do not parse are dropped. */
export function readLaneLines(stdout: string, token: string): readonly unknown[] {
  const values: unknown[] = [];
  for (const line of stdout.split('\n')) {
    if (!line.startsWith(`${token} `)) continue;
    try {
      values.push(JSON.parse(line.slice(token.length + 1)));
    } catch {
      // A line cut off by a limit, or written by the package itself.
    }
  }
  return values;
}
