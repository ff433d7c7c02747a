/**
 * The search for regular expressions that an input makes slow, in two rounds.
 *
 *   reach ──▶ expressions, and calls that bring a text to them ──▶ attacks (here, outside) ──▶ attack ──▶ growth
 */
import {
  type Lane,
  type LaneCandidate,
  type LaneGroup,
  type LaneOutput,
  type LaneTarget,
  readLaneLines,
} from './lane.ts';
import type { ProbePlan } from './plan.ts';
import type { AttackLine } from './redos-attack-inside.ts';
import type { Call } from './redos-calls-inside.ts';
import type { RedosJob, RedosLine } from './redos-inside.ts';
import type { MeasureLine } from './redos-measure-inside.ts';
import { analyse, canGrow, proposeAttacks, type RegexAttack } from './regex-attacks.ts';
import { entryText } from './render.ts';
import { positionOf } from './traversal-lane.ts';

export interface RedosLaneLimits {
  readonly reachMilliseconds: number;
  readonly attackMilliseconds: number;
  readonly hangMilliseconds: number;
  readonly restarts: number;
  /** Files of the package that are loaded. */
  readonly files: number;
  /** Expressions that are attacked, those that a text reaches first. */
  readonly expressions: number;
  /** Milliseconds for `recheck`, for one expression and for all. */
  readonly analyseMilliseconds: number;
  readonly analyseTotalMilliseconds: number;
  readonly findings: number;
}

export const REDOS_LANE_LIMITS: RedosLaneLimits = {
  reachMilliseconds: 6000,
  attackMilliseconds: 14_000,
  hangMilliseconds: 2500,
  restarts: 5,
  files: 5,
  expressions: 250,
  analyseMilliseconds: 700,
  analyseTotalMilliseconds: 4000,
  findings: 6,
};

/** What stands in for the pump in the harmless input; some expressions repeat over one of them. */
const CONTROLS = ['x', '0', '_', '~', 'xy0'];

const JOB_FILE = 'redos-job.json';

function group(target: LaneTarget, limits: RedosLaneLimits, part: Pick<RedosJob, 'round' | 'expressions'>): LaneGroup {
  const milliseconds = part.round === 'reach' ? limits.reachMilliseconds : limits.attackMilliseconds;
  const job: RedosJob = {
    token: target.token,
    package: target.name,
    files: (target.hints?.files ?? ['']).slice(0, limits.files),
    examples: target.hints?.examples ?? {},
    leaveOut: [],
    milliseconds,
    hangMilliseconds: limits.hangMilliseconds,
    restarts: limits.restarts,
    controls: CONTROLS,
    findings: limits.findings,
    ...part,
  };
  const cpuSeconds = Math.ceil(milliseconds / 1000) + 15;
  return {
    name: `${part.round} expressions`,
    command: ['node', 'probe/redos-inside.ts', JOB_FILE],
    files: [{ path: JOB_FILE, content: JSON.stringify(job) }],
    limits: { seconds: cpuSeconds * 3, cpuSeconds, memoryMiB: 1024, pids: 64 },
  };
}

const isLine = (value: unknown): value is RedosLine =>
  typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';

interface Known {
  readonly source: string;
  readonly flags: string;
  readonly calls: Call[];
}

/** How far a call is from `f(text)`. */
function roundabout(call: Call): number {
  const made = call.reach.filter((step) => step.kind !== 'get').length;
  const odd = call.args.filter((arg) => arg.kind !== 'payload' && arg.kind !== 'json').length;
  return call.after.length * 4 + made * 3 + odd * 2 + call.args.length + call.reach.length;
}

/** Expressions by source and flags, those that a text reaches first, whole texts before parts of them. */
function knownExpressions(lines: readonly RedosLine[]): Known[] {
  const known = new Map<string, Known>();
  const reaches = lines.filter((line) => line.kind === 'reach');
  const rank = ({ whole, call }: (typeof reaches)[number]): number => (whole ? 0 : 3) + roundabout(call);
  const ordered = [...reaches].sort((left, right) => rank(left) - rank(right));
  const take = (source: string, flags: string): Known => {
    const key = `${source}/${flags}`;
    const one = known.get(key) ?? { source, flags, calls: [] };
    known.set(key, one);
    return one;
  };
  for (const { source, flags, call } of ordered) if (canGrow(source)) take(source, flags).calls.push(call);
  for (const line of lines) if (line.kind === 'text' && canGrow(line.source)) take(line.source, line.flags);
  return [...known.values()];
}

async function withAttacks(known: readonly Known[], limits: RedosLaneLimits): Promise<RedosJob['expressions']> {
  let left = limits.analyseTotalMilliseconds;
  const expressions: RedosJob['expressions'][number][] = [];
  for (const { source, flags, calls } of known.slice(0, limits.expressions)) {
    const attacks: RegexAttack[] = proposeAttacks(source, flags);
    if (calls.length > 0 && left > 0 && /[*+}].*[*+}]/.test(source)) {
      const from = performance.now();
      const found = await analyse(source, flags, Math.min(left, limits.analyseMilliseconds));
      left = found === 'unanswered' ? 0 : left - (performance.now() - from);
      if (found !== 'unanswered' && found.attack) attacks.unshift(found.attack);
    }
    expressions.push({ source, flags, calls: calls.slice(0, 10), attacks });
  }
  return expressions;
}

function planOf(lead: AttackLine, measured: MeasureLine): ProbePlan {
  const { call, attack } = lead;
  return {
    flaw: 'redos',
    file: call.file,
    format: call.format,
    reach: call.reach,
    drive: { kind: call.kind, args: call.args, after: call.after },
    payload: `${attack.prefix}{{repeat}}${attack.suffix}`,
    pump: attack.pump,
    controlPump: measured.controlPump,
    growth: attack.growth,
    expression: { source: lead.source, flags: lead.flags },
    ...(measured.loopback ? { loopback: true } : {}),
  };
}

const rounded = (values: readonly number[]): string => values.map((value) => Math.round(value)).join('/');

function candidateOf(target: LaneTarget, lead: AttackLine, measured: MeasureLine): LaneCandidate {
  const plan = planOf(lead, measured);
  const how =
    plan.growth === 'exponential' ? 'faster than any power' : `with the power ${measured.exponent.toFixed(1)}`;
  return {
    flaw: 'redos',
    entry: entryText(plan, target.name),
    sink: positionOf(lead.frames[0]),
    oracle: `CPU time grows ${how} of the input: ${rounded(measured.cpuMs)} ms for ${measured.sizes.join('/')} characters, ${rounded(measured.controlMs)} ms for a harmless input of the last size`,
    plan,
  };
}

export function createRedosLane(limits: RedosLaneLimits = REDOS_LANE_LIMITS): Lane {
  return {
    flaw: 'redos',
    prepare: (target) => [group(target, limits, { round: 'reach', expressions: [] })],
    read: async (target, round, outputs: readonly LaneOutput[]) => {
      const lines = outputs.flatMap(({ stdout }) => readLaneLines(stdout, target.token).filter(isLine));
      const uncovered = lines.flatMap((line) => {
        if (line.kind === 'skipped') return [`${line.what}: ${line.reason}`];
        return line.kind === 'not-loaded' ? [`${line.file || 'main module'}: ${line.reason}`] : [];
      });
      if (round === 0) {
        const expressions = await withAttacks(knownExpressions(lines), limits);
        const next = expressions.length > 0 ? [group(target, limits, { round: 'attack', expressions })] : [];
        return { candidates: [], next, uncovered };
      }
      const found = lines.filter((line) => line.kind === 'found');
      return {
        candidates: found.map(({ lead, measured }) => candidateOf(target, lead, measured)),
        next: [],
        uncovered,
      };
    },
  };
}

export const redosLane: Lane = createRedosLane();
