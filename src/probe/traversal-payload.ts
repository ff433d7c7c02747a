/** Other spellings of a climb, and simpler ways to start the same server. */
import type { PlanValue, ProbePlan } from './plan.ts';
import { CLIMBS } from './traversal-climb.ts';

const endingOf = (payload: string): string => /\{\{canary\}\}(\.\w+)?$/.exec(payload)?.[1] ?? '';

const STEPS = ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '..\\', '..%5c', '.%2e/', '%2e./', '....//', '..././', '..//'];
const STARTS = ['/', '//', '/./', '/x/../', '/public/../', '/index.html/../', '/%2e/'];
const DEPTHS = [12, 9, 16, 24];

/** Climbs in other encodings, depths and beginnings, the plan's own ending kept. */
export function traversalPayloads(payload: string): readonly string[] {
  const ending = endingOf(payload);
  const lead = payload.startsWith('/') ? '' : '/';
  const spelled = CLIMBS.map((climb) => climb.payload);
  const own = STEPS.find((step) => payload.includes(step.repeat(3))) ?? '../';
  const deep = DEPTHS.flatMap((depth) => [own, ...STEPS.slice(0, 4)].map((step) => `/${step.repeat(depth)}{{canary}}`));
  const begun = STARTS.map((start) => `${start}${own.repeat(12)}{{canary}}`);
  const mixed = STEPS.map((step) => `/${(own + step).repeat(6)}{{canary}}`);
  return [...begun, ...deep, ...mixed, ...spelled].map((text) => (lead ? text.replace(/^\/+/, '') : text) + ending);
}

function lessOf(value: PlanValue): PlanValue[] {
  if (value.kind !== 'object') return [];
  const dropped = value.members.map(
    (_, at): PlanValue => ({ ...value, members: value.members.filter((__, other) => other !== at) }),
  );
  const halves = value.members.length > 3 ? [value.members.slice(0, value.members.length >> 1)] : [];
  return [...halves.map((members): PlanValue => ({ ...value, members })), ...dropped];
}

/** Plans one step simpler: fewer arguments, fewer options, from the usual directory. */
export function simplerStarts(plan: ProbePlan): readonly ProbePlan[] {
  const { drive } = plan;
  const made: ProbePlan[] = [];
  if (plan.directory) {
    const { directory: _, ...without } = plan;
    made.push(without);
  }
  if (drive.kind !== 'http' && drive.kind !== 'handler' && drive.kind !== 'bin') return made;
  if (drive.args.length > 0) made.push({ ...plan, drive: { ...drive, args: drive.args.slice(0, -1) } });
  for (const [at, arg] of drive.args.entries())
    for (const less of lessOf(arg))
      made.push({ ...plan, drive: { ...drive, args: drive.args.map((old, other) => (other === at ? less : old)) } });
  return made;
}
