/**
 * Whose turn it is. For each project the bundles in order of harm, as many as its allowance takes; between projects, where
 * the installation itself can send only so many, each further report to one project counts for less.
 *
 * The simulator calls `nextReports`; what people see (`planQueue`) is made of the same calls.
 */
import { type Allowance, allowanceOf, isWorthSending, type PacingRules, type Wishes } from './allowance.ts';
import { type Bundle, bundleWaiting } from './bundle.ts';
import type { SentReport } from './capacity.ts';
import { explain, type Place } from './explain.ts';
import type { Waiting } from './harm.ts';

export interface ProjectQueue {
  readonly project: string;
  readonly wishes: Wishes;
  readonly sent: readonly SentReport[];
  readonly waiting: readonly Waiting[];
}

export interface Position {
  readonly id: string;
  readonly project: string;
  /** 1 is next, over all projects. */
  readonly position: number;
  readonly mayGo: boolean;
  /** The first of the related findings that leave together; null where it goes alone. */
  readonly relatedTo: string | null;
  readonly because: readonly string[];
}

interface Chosen {
  readonly allowance: Allowance;
  /** All that wait, in order. */
  readonly bundles: readonly Bundle[];
  /** Those that may go today, cut to what was declared. */
  readonly next: readonly Bundle[];
}

/** What may be sent to one project today. */
export function nextReports(queue: ProjectQueue, today: number, rules: PacingRules): Chosen {
  const allowance = allowanceOf(queue.sent, queue.wishes, today, rules);
  // The simulator asks daily for every project: where nothing may go, nothing is ranked.
  const mayAny = allowance.declaredFree > 0 && (allowance.learntFree > 0 || queue.waiting.some(isExploited));
  if (!mayAny) return { allowance, bundles: [], next: [] };
  const bundles = bundleWaiting(queue.waiting, today);
  return { allowance, bundles, next: take(bundles, allowance, today) };
}

const isExploited = (waiting: Waiting): boolean => waiting.isExploited;

function take(bundles: readonly Bundle[], allowance: Allowance, today: number): readonly Bundle[] {
  const { learntFree, declaredFree } = allowance;
  const next: Bundle[] = [];
  let series = learntFree;
  let reports = declaredFree;
  for (const bundle of bundles) {
    if (reports <= 0) break;
    if (!bundle.isExploited && (series <= 0 || !isFair(bundle, allowance, today, next.length))) continue;
    const members = bundle.members.slice(0, reports);
    next.push({ ...bundle, members });
    series -= 1;
    reports -= members.length;
  }
  return next;
}

/** What goes only because it waited long goes alone. */
function isFair({ members }: Bundle, allowance: Allowance, today: number, going: number): boolean {
  const [first] = members;
  return first !== undefined && isWorthSending(first.waiting, { ...allowance, open: allowance.open + going }, today);
}

export interface QueueRules extends PacingRules {
  /** Reports that this installation sends in a day. Null: no limit of its own. */
  readonly mostPerDay: number | null;
}

/** Everything that waits, each with its place and why. */
export function planQueue(queues: readonly ProjectQueue[], today: number, rules: QueueRules): readonly Position[] {
  const places = queues.flatMap((queue) => placesOf(queue, today, rules)).sort(byFairness);
  let left = rules.mostPerDay ?? Number.POSITIVE_INFINITY;
  return places.map((place, index) => {
    const hasTurn = place.mayGo && left > 0;
    if (hasTurn) left -= 1;
    const { id } = place.ranked.waiting;
    const because = explain(place, { hasTurn, mostPerDay: rules.mostPerDay });
    const [first, ...others] = place.bundle.members;
    const relatedTo = first && others.length > 0 ? first.waiting.id : null;
    return { id, project: place.project, position: index + 1, mayGo: hasTurn, relatedTo, because };
  });
}

function placesOf(queue: ProjectQueue, today: number, rules: PacingRules): readonly Place[] {
  const { allowance, next } = nextReports(queue, today, rules);
  const going = new Set(next.flatMap(({ members }) => members.map(({ waiting }) => waiting.id)));
  const bundles = bundleWaiting(queue.waiting, today);
  return bundles.flatMap((bundle, ahead) =>
    bundle.members.map((ranked): Place => {
      const common = { project: queue.project, wishes: queue.wishes, allowance, bundle, ahead, today };
      return { ...common, ranked, mayGo: going.has(ranked.waiting.id) };
    }),
  );
}

/** What a report counts beside those of other projects: the more lies with the project or goes before, the less. */
const share = ({ ranked, ahead, allowance }: Place): number => ranked.harm.total / (1 + allowance.open + ahead);

function byFairness(left: Place, right: Place): number {
  return (
    Number(right.mayGo) - Number(left.mayGo) ||
    Number(right.bundle.isExploited) - Number(left.bundle.isExploited) ||
    share(right) - share(left) ||
    (left.ranked.waiting.id < right.ranked.waiting.id ? -1 : 1)
  );
}
