/**
 * The world of a simulated year, drawn once from a seed before any policy runs: every policy meets the same flaws, the same
 * maintainers and the same leaks. Days are counted from the start of the year.
 */
import { createSeededRandom, type SeededRandom } from '../lib/seeded-random.ts';
import type { SsvcOutcome } from '../pacing/index.ts';
import type { Parameters } from './parameters.ts';

export interface SimulatedProject {
  readonly name: string;
  /** Of the days from report to fix. */
  readonly meanLogDays: number;
  /** Most fixes in any 30 days. */
  readonly bestMonth: number;
  readonly dependents: number;
  /** The limit its maintainers declared: reports open at once. */
  readonly mostOpen: number | null;
}

/** A root cause; several findings may show it. */
export interface Flaw {
  readonly project: number;
  readonly isTrue: boolean;
  readonly isHigh: boolean;
  readonly outcome: SsvcOutcome;
  readonly firstFoundDay: number;
  /** Standard normal: how hard this one is to mend. */
  readonly difficulty: number;
  readonly isNeverFixed: boolean;
  readonly rediscoveredDay: number;
  readonly attackedDay: number;
  /** From the first report. */
  readonly leakAfterDays: number;
  readonly deployAfterDays: number;
  /** From the day it is public; Infinity: never. */
  readonly exploitAfterDays: number;
  readonly attackAfterExploitDays: number;
}

export interface SimulatedFinding {
  readonly id: string;
  readonly flaw: number;
  readonly foundDay: number;
  /** Infinity: it did not reproduce, or was merged into an earlier one. */
  readonly verifiedDay: number;
  /** What triage thinks: of 100 rated high or critical, 28 are not. */
  readonly ratedOutcome: SsvcOutcome;
  readonly isChained: boolean;
  readonly fate: 'confirmed' | 'rejected' | 'merged';
}

export interface World {
  readonly days: number;
  readonly projects: readonly SimulatedProject[];
  readonly flaws: readonly Flaw[];
  readonly findings: readonly SimulatedFinding[];
}

export interface WorldSize {
  readonly findings: number;
  readonly projects: number;
  readonly days: number;
}

const YEAR_DAYS = 365;
const MOST_DEPENDENTS = 5_000_000;
const MOST_DECLARED = 4;
/** From a public exploit to the first attack, at the latest. */
const LATEST_ATTACK_DAYS = 7;

export function createWorld(size: WorldSize, parameters: Parameters, seed: number): World {
  const random = createSeededRandom(seed);
  const projects: SimulatedProject[] = [];
  const shares: number[] = [];
  for (let index = 0; index < size.projects; index++) {
    const { project, share } = drawProject(index, parameters, random);
    projects.push(project);
    shares.push((shares.at(-1) ?? 0) + share);
  }
  const foundDays = Array.from({ length: size.findings }, () => random.next() * size.days).sort((a, b) => a - b);
  const flaws: Flaw[] = [];
  const findings: SimulatedFinding[] = [];
  const known = new Map<number, number[]>();
  for (const [index, foundDay] of foundDays.entries()) {
    const project = pickByShare(shares, random.next());
    const earlier = known.get(project) ?? [];
    known.set(project, earlier);
    const isDuplicate = random.next() < parameters.fitted.duplicateShare && earlier.length > 0;
    const { flaw, isRatedHigh } = drawFlaw(project, foundDay, parameters, random);
    const flawIndex = isDuplicate ? random.pick(earlier) : flaws.length;
    if (!isDuplicate) {
      flaws.push(flaw);
      if (flaw.isTrue) earlier.push(flawIndex);
    }
    const of = flaws[flawIndex];
    if (!of) throw new RangeError('a duplicate of nothing');
    findings.push(drawFinding({ index, foundDay, flaw: flawIndex, of, isDuplicate, isRatedHigh }, parameters, random));
  }
  return { days: size.days, projects, flaws, findings };
}

function drawProject(index: number, { fitted, assumed }: Parameters, random: SeededRandom) {
  const { paceBest, paceSize, bestSize } = fitted.correlations;
  const [a, b, c] = [normal(random), normal(random), normal(random)];
  // Cholesky of the three correlations.
  const best = paceBest * a + Math.sqrt(1 - paceBest ** 2) * b;
  const mixed = (bestSize - paceBest * paceSize) / Math.sqrt(1 - paceBest ** 2);
  const size = paceSize * a + mixed * b + Math.sqrt(Math.max(0, 1 - paceSize ** 2 - mixed ** 2)) * c;
  const dependents = 10 ** (assumed.dependentsMeanLog10 + assumed.dependentsSdLog10 * normal(random));
  const declares = random.next() < assumed.declaredShare;
  const mostOpen = 1 + random.below(MOST_DECLARED);
  const project: SimulatedProject = {
    name: `project-${String(index).padStart(5, '0')}`,
    meanLogDays: fitted.meanLogDays + fitted.betweenSd * a,
    bestMonth: Math.max(1, Math.round(Math.exp(fitted.bestMonthMeanLog + fitted.bestMonthSd * best))),
    dependents: Math.min(MOST_DEPENDENTS, Math.round(dependents)),
    mostOpen: declares ? mostOpen : null,
  };
  return { project, share: Math.exp(fitted.sizeSd * size) };
}

function drawFlaw(project: number, foundDay: number, { reported, assumed }: Parameters, random: SeededRandom) {
  const isRatedHigh = random.next() < reported.ratedHighShare;
  const truth = random.next();
  const isTrue = truth >= reported.falseShare;
  const isHigh = isTrue && isRatedHigh && truth >= reported.falseShare + reported.overRatedShare;
  const urgency = random.next();
  const exponential = (perYear: number): number => (-Math.log(1 - random.next()) / perYear) * YEAR_DAYS;
  const flaw: Flaw = {
    project,
    isTrue,
    isHigh,
    outcome: outcomeOf(isHigh, urgency, assumed),
    firstFoundDay: foundDay,
    difficulty: normal(random),
    isNeverFixed: random.next() < reported.neverFixedShare,
    rediscoveredDay: foundDay + exponential(assumed.rediscoveredPerYear),
    attackedDay: foundDay + exponential(assumed.attackedPerYear),
    leakAfterDays: exponential(assumed.leakedPerYear),
    deployAfterDays: assumed.deployMedianDays * Math.exp(assumed.deploySd * normal(random)),
    exploitAfterDays: random.next() < reported.exploitedWithinDayShare ? random.next() : Number.POSITIVE_INFINITY,
    attackAfterExploitDays: random.next() * LATEST_ATTACK_DAYS,
  };
  return { flaw, isRatedHigh };
}

function outcomeOf(isHigh: boolean, urgency: number, assumed: Parameters['assumed']): SsvcOutcome {
  if (isHigh) return urgency < assumed.immediateOfHigh ? 'immediate' : 'out-of-cycle';
  return urgency < assumed.scheduledOfOther ? 'scheduled' : 'defer';
}

interface FindingDraw {
  readonly index: number;
  readonly foundDay: number;
  readonly flaw: number;
  readonly of: Flaw;
  readonly isDuplicate: boolean;
  readonly isRatedHigh: boolean;
}

function drawFinding(draw: FindingDraw, { assumed }: Parameters, random: SeededRandom): SimulatedFinding {
  const { of, isDuplicate, isRatedHigh, foundDay } = draw;
  const isMerged = random.next() < assumed.duplicateRecall && isDuplicate;
  const passes = random.next() < assumed.falsePassesVerification || of.isTrue;
  const verifiedDay = foundDay + assumed.verificationMedianDays * Math.exp(normal(random));
  const urgency = random.next();
  const isChained = random.next() < assumed.chainedShare;
  const fate = isMerged ? 'merged' : passes ? 'confirmed' : 'rejected';
  const isOverRated = isRatedHigh && !of.isHigh;
  return {
    id: `finding-${String(draw.index).padStart(7, '0')}`,
    flaw: draw.flaw,
    foundDay,
    verifiedDay: fate === 'confirmed' ? verifiedDay : Number.POSITIVE_INFINITY,
    ratedOutcome: isOverRated ? outcomeOf(true, urgency, assumed) : of.outcome,
    isChained,
    fate,
  };
}

/** Box and Muller. */
export function normal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

function pickByShare(cumulated: readonly number[], at: number): number {
  const wanted = at * (cumulated.at(-1) ?? 0);
  let low = 0;
  let high = cumulated.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulated[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}
