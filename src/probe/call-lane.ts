/**
 * The lane of the three classes that a call with the right arguments shows: prototype pollution, command injection and
 * code injection. One group of one sandbox run; the search itself is `search-inside.ts`.
 */
import type { Json } from '../lib/canonical-json.ts';
import type { ProgramJob } from './cli-inside.ts';
import {
  type Lane,
  type LaneCandidate,
  type LaneGroup,
  type LaneOutput,
  type LaneReading,
  type LaneTarget,
  readLaneLines,
} from './lane.ts';
import { isProbePlan } from './plan-shape.ts';
import { entryText } from './render.ts';

export type CallFlaw = 'prototype-pollution' | 'command-injection' | 'code-injection';

export interface CallLaneLimits {
  readonly functionMilliseconds: number;
  readonly totalMilliseconds: number;
  /** For calls that grow by what they open, where nothing else found anything. */
  readonly guidedMilliseconds: number;
  /** Where no source names what the class needs, a quick look only. */
  readonly quickMilliseconds: number;
  /** Functions enumerated per file. */
  readonly functions: number;
  readonly hangMilliseconds: number;
  readonly restarts: number;
  /** CPU time for all command-line programs together, and for one run of one of them. */
  readonly programsMilliseconds: number;
  readonly programRunMilliseconds: number;
  /** Runs with harmless markers, for each program. */
  readonly programExplorations: number;
}

export const CALL_LANE_LIMITS: CallLaneLimits = {
  functionMilliseconds: 400,
  totalMilliseconds: 4000,
  guidedMilliseconds: 1200,
  quickMilliseconds: 1000,
  functions: 150,
  hangMilliseconds: 1500,
  restarts: 7,
  programsMilliseconds: 4000,
  programRunMilliseconds: 700,
  programExplorations: 40,
};

const JOB_FILE = 'probe/job.json';
const PROGRAM_JOB_FILE = 'probe/program-job.json';

const SEEN: Record<CallFlaw, string> = {
  'prototype-pollution': 'a fresh key was written to Object.prototype',
  'command-injection': 'a command created a file of fresh name',
  'code-injection': 'evaluated text assigned a fresh global',
};

export function createCallLane(flaw: CallFlaw, limits: CallLaneLimits = CALL_LANE_LIMITS): Lane {
  return {
    flaw,
    prepare: (target) => [group(flaw, limits, target), ...programGroup(flaw, limits, target)],
    read: (target, _round, outputs) => Promise.resolve(reading(flaw, target, outputs)),
  };
}

function isLikely(flaw: CallFlaw, target: LaneTarget): boolean {
  if (flaw === 'command-injection') return target.hints?.startsPrograms ?? true;
  return flaw !== 'code-injection' || (target.hints?.evaluates ?? true);
}

/** What the canaries of this run begin with. */
function prefixOf({ token }: LaneTarget): string {
  const letters = token.replace(/[^a-z0-9]/gi, '').slice(0, 8);
  return `hs${letters.toLowerCase()}q`;
}

/** The command-line programs, where the package has any and the class could show in them. */
function programGroup(flaw: CallFlaw, limits: CallLaneLimits, target: LaneTarget): LaneGroup[] {
  const { programs = [], options = [] } = target.hints ?? {};
  if (programs.length === 0 || !isLikely(flaw, target)) return [];
  const job = {
    package: target.name,
    flaw,
    programs,
    options,
    prefix: `${prefixOf(target)}p`,
    token: target.token,
    totalMilliseconds: limits.programsMilliseconds,
    runMilliseconds: limits.programRunMilliseconds,
    explorations: limits.programExplorations,
  } satisfies ProgramJob;
  const cpuSeconds = Math.ceil(limits.programsMilliseconds / 1000) + 8;
  return [
    {
      name: `${flaw} in programs`,
      command: ['node', 'probe/cli-inside.ts', PROGRAM_JOB_FILE],
      files: [{ path: PROGRAM_JOB_FILE, content: JSON.stringify(job) }],
      limits: { seconds: cpuSeconds * 4, cpuSeconds, memoryMiB: 768, pids: 128 },
    },
  ];
}

function group(flaw: CallFlaw, limits: CallLaneLimits, target: LaneTarget): LaneGroup {
  const totalMilliseconds = isLikely(flaw, target) ? limits.totalMilliseconds : limits.quickMilliseconds;
  const guidedMilliseconds = isLikely(flaw, target) ? limits.guidedMilliseconds : 0;
  const job: Json = {
    package: target.name,
    flaw,
    files: target.hints?.files ?? [''],
    leaveOut: [],
    resume: {},
    order: 'usual',
    prefix: prefixOf(target),
    examples: (target.hints?.examples ?? {}) as unknown as Json,
    signatures: (target.hints?.signatures ?? {}) as unknown as Json,
    token: target.token,
    seed: target.seed,
    ...limits,
    totalMilliseconds,
    guidedMilliseconds,
  };
  return {
    name: flaw,
    command: ['node', 'probe/driver-inside.ts', JOB_FILE],
    files: [{ path: JOB_FILE, content: JSON.stringify(job) }],
    limits: {
      seconds: Math.ceil(((totalMilliseconds + guidedMilliseconds) * 4.5) / 1000) + 8,
      cpuSeconds: Math.ceil(((totalMilliseconds + guidedMilliseconds) * 3) / 1000) + 8,
      memoryMiB: 768,
      pids: 320,
    },
  };
}

interface Line {
  readonly kind?: unknown;
  readonly plan?: unknown;
  readonly frames?: unknown;
  readonly whole?: unknown;
  readonly what?: unknown;
  readonly file?: unknown;
  readonly reason?: unknown;
  readonly cut?: unknown;
}

function reading(flaw: CallFlaw, target: LaneTarget, outputs: readonly LaneOutput[]): LaneReading {
  const candidates: LaneCandidate[] = [];
  const uncovered: string[] = [];
  for (const output of outputs) {
    const lines = readLaneLines(output.stdout, target.token) as readonly Line[];
    for (const line of lines) {
      const candidate = line.kind === 'hit' ? candidateOf(flaw, target, line) : undefined;
      if (candidate) candidates.push(candidate);
      if (line.kind === 'skipped') uncovered.push(`${flaw}: ${text(line.what)}: ${text(line.reason)}`);
      if (line.kind === 'not-loaded')
        uncovered.push(`${flaw}: ${text(line.file) || 'main module'}: ${text(line.reason)}`);
      if (line.kind === 'tried' && typeof line.cut === 'number' && line.cut > 0)
        uncovered.push(`${flaw}: ${line.cut} functions were not tried to the end: time limit`);
    }
    if (!lines.some((line) => line.kind === 'done'))
      uncovered.push(`${flaw}: the search ended before its end; what it had found by then counts`);
  }
  return { candidates, next: [], uncovered };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : '';
}

function candidateOf(flaw: CallFlaw, target: LaneTarget, line: Line): LaneCandidate | undefined {
  const { plan } = line;
  // The plan comes from beside hostile code: only its shape is checked here, and the run of it decides.
  if (!isProbePlan(plan) || plan.flaw !== flaw || line.whole === true) return undefined;
  try {
    const [frame = ''] = Array.isArray(line.frames)
      ? (line.frames as unknown[]).filter((each) => typeof each === 'string')
      : [];
    const place = /^(.{1,300}):(\d{1,8})$/.exec(String(frame));
    return {
      flaw,
      entry: entryText(plan, target.name).slice(0, 400),
      sink: place ? { file: String(place[1]), line: Number(place[2]) } : null,
      oracle: SEEN[flaw],
      plan,
    };
  } catch {
    return undefined;
  }
}
