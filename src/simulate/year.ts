/**
 * One simulated year, event by event: found → verified → waits → sent → mended → landed → public, while others find the same,
 * secrets leak and deadlines pass. Once a day the policy says what each project is sent. Same world, same policy: same year.
 */
import type { ProjectQueue, SentReport, Waiting } from '../pacing/index.ts';
import { createEventHeap } from './event-heap.ts';
import { type Abilities, createMaintainers } from './maintainers.ts';
import type { World } from './world.ts';

/** The ids to send to one project today. */
export type Choose = (queue: ProjectQueue, today: number) => readonly string[];

export const DEADLINE_DAYS = 90;
/** So long every report is watched, and so long sending goes on after the last find. */
export const WATCHED_DAYS = 180;
const EXTENSION_DAYS = 14;
/** Under attack the public is told after so many days. */
const EXPLOITED_DAYS = 7;

type PublicBy = 'fix' | 'deadline' | 'leak' | 'others' | 'attack';

/** Days are Infinity for what did not happen while it was watched. */
export interface FlawFate {
  knownDay: number;
  isKnownByPublication: boolean;
  firstSentDay: number;
  readyDay: number;
  fixedDay: number;
  publicDay: number;
  publicBy: PublicBy | null;
  attackedDay: number;
}

export interface FindingFate {
  sentDay: number;
  /** Fixed or public before its turn came: nothing was sent. */
  isMoot: boolean;
}

export interface Year {
  readonly flaws: readonly FlawFate[];
  readonly findings: readonly FindingFate[];
  /** Reports sent while the project already had as many open as its maintainers declared. */
  readonly sentAboveDeclared: number;
  /** Last day on which reports are sent. */
  readonly lastSendDay: number;
}

type EventKind = 'verified' | 'ready' | 'month' | 'deadline' | 'extended' | 'leak' | 'others' | 'attack' | 'warned';
type Report = { -readonly [Key in keyof SentReport]: SentReport[Key] };

interface Queue extends ProjectQueue {
  readonly sent: Report[];
  waiting: Waiting[];
}

interface State {
  readonly world: World;
  readonly maintainers: ReturnType<typeof createMaintainers>;
  readonly heap: ReturnType<typeof createEventHeap<EventKind>>;
  /** By project, in the order in which they were first found in. */
  readonly queues: Map<number, Queue>;
  readonly flaws: FlawFate[];
  readonly findings: FindingFate[];
  readonly reports: Map<number, Report>;
  readonly findingsSent: Map<number, number[]>;
  readonly numberOf: ReadonlyMap<string, number>;
  /** Projects of whose flaws one was published or attacked since their queue was looked through. */
  readonly changed: Set<number>;
}

export function runYear(world: World, choose: Choose, abilities: Abilities): Year {
  const state = start(world, abilities);
  const { heap, queues, flaws, findings } = state;
  const lastSendDay = world.days + WATCHED_DAYS;
  let sentAboveDeclared = 0;
  for (let today = 0; today <= lastSendDay + WATCHED_DAYS; today++) {
    for (let event = heap.take(today); event; event = heap.take(today))
      handle(state, event.kind, event.index, event.day);
    if (today > lastSendDay) continue;
    for (const [project, queue] of queues) {
      if (queue.waiting.length === 0) continue;
      if (state.changed.delete(project)) refresh(state, queue);
      const { mostOpen } = queue.wishes;
      for (const id of choose(queue, today)) {
        const open = queue.sent.filter(({ endedDay }) => endedDay === null).length;
        if (mostOpen !== null && open >= mostOpen) sentAboveDeclared += 1;
        send(state, queue, id, today);
      }
    }
  }
  return { flaws, findings, sentAboveDeclared, lastSendDay };
}

function start(world: World, abilities: Abilities): State {
  const never = Number.POSITIVE_INFINITY;
  const state: State = {
    world,
    maintainers: createMaintainers(world.projects, abilities),
    heap: createEventHeap<EventKind>(),
    queues: new Map(),
    flaws: world.flaws.map(() => ({
      knownDay: never,
      isKnownByPublication: false,
      firstSentDay: never,
      readyDay: never,
      fixedDay: never,
      publicDay: never,
      publicBy: null,
      attackedDay: never,
    })),
    findings: world.findings.map(() => ({ sentDay: never, isMoot: false })),
    reports: new Map(),
    findingsSent: new Map(),
    numberOf: new Map(world.findings.map(({ id }, index) => [id, index])),
    changed: new Set(),
  };
  for (const [index, { verifiedDay }] of world.findings.entries()) state.heap.add(verifiedDay, 'verified', index);
  for (const [index, { isTrue, rediscoveredDay, attackedDay }] of world.flaws.entries()) {
    if (!isTrue) continue;
    state.heap.add(rediscoveredDay, 'others', index);
    state.heap.add(attackedDay, 'attack', index);
  }
  return state;
}

function handle(state: State, kind: EventKind, index: number, day: number): void {
  switch (kind) {
    case 'verified':
      enqueue(state, index);
      break;
    case 'ready':
      finish(state, index, day);
      break;
    case 'month':
      land(state, index, day);
      break;
    case 'deadline':
    case 'extended':
      passDeadline(state, kind, index, day);
      break;
    case 'attack':
      meetAttack(state, index, day);
      break;
    case 'leak':
    case 'others':
      publish(state, index, day, kind);
      break;
    case 'warned':
      publish(state, index, day, 'attack');
  }
}

function meetAttack({ world, flaws, heap, changed }: State, index: number, day: number): void {
  const fate = get(flaws, index);
  if (fate.fixedDay <= day) return;
  fate.attackedDay = day;
  changed.add(get(world.flaws, index).project);
  heap.add(day + EXPLOITED_DAYS, 'warned', index);
}

function enqueue({ world, flaws, findings, queues }: State, index: number): void {
  const { id, flaw, ratedOutcome, isChained, foundDay } = get(world.findings, index);
  const { project } = get(world.flaws, flaw);
  const { publicDay, attackedDay } = get(flaws, flaw);
  if (publicDay < Number.POSITIVE_INFINITY) {
    get(findings, index).isMoot = true;
    return;
  }
  const { name, mostOpen, dependents } = get(world.projects, project);
  const wishes = { channel: 'private', optedOutBy: null, mostOpen, mostPerWeek: null, askedRate: 1 } as const;
  const queue = queues.get(project) ?? { project: name, wishes, sent: [], waiting: [] };
  queues.set(project, queue);
  const common = { id, dependents, isChained, foundDay, relation: null };
  queue.waiting.push({ ...common, outcome: ratedOutcome, isExploited: attackedDay < Number.POSITIVE_INFINITY });
}

/** What is public needs no report any more; of what is attacked the queue is told. */
function refresh({ world, flaws, findings, numberOf }: State, queue: Queue): void {
  queue.waiting = queue.waiting.flatMap((each) => {
    const index = numberOf.get(each.id) ?? -1;
    const { publicDay, attackedDay } = get(flaws, get(world.findings, index).flaw);
    if (publicDay < Number.POSITIVE_INFINITY) {
      get(findings, index).isMoot = true;
      return [];
    }
    return [attackedDay < Number.POSITIVE_INFINITY ? { ...each, isExploited: true } : each];
  });
}

function send(state: State, queue: Queue, id: string, day: number): void {
  const { world, heap, flaws, findings, reports, findingsSent, numberOf } = state;
  const index = numberOf.get(id) ?? -1;
  const { flaw, ratedOutcome } = get(world.findings, index);
  const isSevere = ratedOutcome === 'out-of-cycle' || ratedOutcome === 'immediate';
  const report: Report = { sentDay: day, endedDay: null, end: null, isSevere };
  get(findings, index).sentDay = day;
  queue.waiting = queue.waiting.filter((each) => each.id !== id);
  queue.sent.push(report);
  reports.set(index, report);
  findingsSent.set(flaw, [...(findingsSent.get(flaw) ?? []), index]);
  get(flaws, flaw).firstSentDay = Math.min(get(flaws, flaw).firstSentDay, day);
  takeUp(state, flaw, day);
  const { isTrue, leakAfterDays } = get(world.flaws, flaw);
  if (isTrue) heap.add(day + leakAfterDays, 'leak', flaw);
  heap.add(day + DEADLINE_DAYS, 'deadline', index);
}

function takeUp({ world, flaws, maintainers, heap }: State, index: number, day: number): void {
  const fate = get(flaws, index);
  if (fate.knownDay < Number.POSITIVE_INFINITY) return;
  fate.knownDay = day;
  fate.readyDay = day + maintainers.take(get(world.flaws, index));
  heap.add(fate.readyDay, 'ready', index);
}

function finish(state: State, index: number, day: number): void {
  const flaw = get(state.world.flaws, index);
  if (flaw.isTrue) {
    state.maintainers.finish(flaw, index);
    land(state, flaw.project, day);
  } else {
    state.maintainers.dismiss(flaw);
    endReports(state, index, day, 'answered');
  }
}

function land(state: State, project: number, day: number): void {
  const { fixed, nextDay } = state.maintainers.land(project, day);
  for (const index of fixed) {
    get(state.flaws, index).fixedDay = day;
    publish(state, index, day, 'fix');
    endReports(state, index, day, 'fixed');
  }
  if (nextDay !== null) state.heap.add(nextDay, 'month', project);
}

/** Once extended where a fix is in sight, then public. */
function passDeadline(state: State, kind: 'deadline' | 'extended', index: number, day: number): void {
  const report = state.reports.get(index);
  if (!report || report.endedDay !== null) return;
  const { flaw } = get(state.world.findings, index);
  const isInSight = get(state.flaws, flaw).readyDay <= day + EXTENSION_DAYS;
  if (kind === 'deadline' && isInSight) {
    state.heap.add(day + EXTENSION_DAYS, 'extended', index);
    return;
  }
  report.endedDay = day;
  report.end = 'missed';
  if (get(state.world.flaws, flaw).isTrue) publish(state, flaw, day, 'deadline');
}

function publish(state: State, index: number, day: number, by: PublicBy): void {
  const fate = get(state.flaws, index);
  if (fate.publicDay < Number.POSITIVE_INFINITY) return;
  fate.publicDay = day;
  fate.publicBy = by;
  state.changed.add(get(state.world.flaws, index).project);
  fate.isKnownByPublication = fate.knownDay === Number.POSITIVE_INFINITY;
  takeUp(state, index, day);
}

function endReports({ reports, findingsSent }: State, flaw: number, day: number, end: 'fixed' | 'answered'): void {
  for (const index of findingsSent.get(flaw) ?? []) {
    const report = reports.get(index);
    if (report?.endedDay !== null) continue;
    report.endedDay = day;
    report.end = end;
  }
}

function get<T>(from: readonly T[], index: number): T {
  const found = from[index];
  if (found === undefined) throw new RangeError(`there is nothing at ${index}`);
  return found;
}
