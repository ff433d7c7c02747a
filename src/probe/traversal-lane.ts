/**
 * The search for path traversal in servers: one group, which starts what the package offers and asks it for a canary
 * file from outside of what it serves.
 */
import { type Lane, type LaneCandidate, type LaneOutput, type LaneTarget, readLaneLines } from './lane.ts';
import type { ProbePlan } from './plan.ts';
import { CLIMBS, ENDINGS, PREFIXES, QUERIES } from './traversal-climb.ts';
import { describeStart } from './traversal-entry.ts';
import type { TraversalJob, TraversalLine } from './traversal-inside.ts';

const SECONDS = 75;

function jobFor(target: LaneTarget): TraversalJob {
  return {
    token: target.token,
    package: target.name,
    texts: { climbs: CLIMBS, prefixes: PREFIXES, queries: QUERIES, endings: ENDINGS },
    listenMilliseconds: 2000,
    attackMilliseconds: 10_000,
    exploreMilliseconds: 18_000,
    totalMilliseconds: (SECONDS - 5) * 1000,
  };
}

/** The plan of a find: how it was started, with the request that showed the flaw. Hostile input. */
function planOf(line: Extract<TraversalLine, { kind: 'found' }>): ProbePlan {
  const { start, hit } = line;
  const { drive } = start;
  const request = { requestTarget: hit.requestTarget, control: hit.control };
  const directory = start.directory ? { directory: start.directory } : {};
  const base = {
    flaw: 'path-traversal' as const,
    file: start.file,
    format: start.format,
    reach: start.reach,
    ...directory,
    ...(hit.loopback === true ? { loopback: true } : {}),
  };
  if (drive.kind !== 'http' && drive.kind !== 'handler' && drive.kind !== 'bin')
    throw new TypeError('a traversal plan drives a server');
  return { ...base, drive: { ...drive, ...request }, payload: hit.payload };
}

/** `name/lib/server.js:12` as a position. */
export function positionOf(frame: string | undefined): { file: string; line: number } | null {
  const match = /^([^:]{1,300}):(\d{1,7})$/.exec(frame ?? '');
  return match?.[1] && match[2] ? { file: match[1], line: Number(match[2]) } : null;
}

function candidateOf(target: LaneTarget, line: Extract<TraversalLine, { kind: 'found' }>): LaneCandidate {
  const plan = planOf(line);
  return {
    flaw: 'path-traversal',
    entry: describeStart(target.name, plan),
    sink: positionOf(line.hit.frames[0]),
    oracle: `a file of random content outside the served directory came back for a request with a climb (${line.hit.climb}), and not without it`,
    plan,
  };
}

const isLine = (value: unknown): value is TraversalLine =>
  typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';

export const traversalLane: Lane = {
  flaw: 'path-traversal',
  prepare: (target) => [
    {
      name: 'servers',
      command: ['node', 'probe/traversal-inside.ts', 'traversal-job.json'],
      files: [{ path: 'traversal-job.json', content: JSON.stringify(jobFor(target)) }],
      limits: { seconds: SECONDS, cpuSeconds: SECONDS, memoryMiB: 1024, pids: 320 },
    },
  ],
  read: async (target, _round, outputs: readonly LaneOutput[]) => {
    const candidates: LaneCandidate[] = [];
    const uncovered: string[] = [];
    for (const output of outputs) {
      const lines = readLaneLines(output.stdout, target.token).filter(isLine);
      for (const line of lines) {
        if (line.kind === 'found') candidates.push(candidateOf(target, line));
        if (line.kind === 'skipped' && line.what !== 'all') uncovered.push(`${line.what}: ${line.reason}`);
      }
      if (!lines.some((line) => line.kind === 'end')) uncovered.push(`${output.group}: ended before its last attempt`);
    }
    return { candidates, next: [], uncovered };
  },
};
