/**
 * Cases through the real automata under a seeded world: people who act at any time, workers that are killed, whose jobs
 * are lost, late or run twice and whose clocks are up to an hour wrong, and a database whose clock jumps now and then.
 *
 * What must hold is kept by an oracle that knows the true time and counts for itself (`Truth`): nothing is revealed
 * before it may be, and every deadline is noticed within 60 s, counted from recovery where the clock was doubted.
 */
import { agreeEnd, termsOf } from '../../src/disclosure/agreed-end.ts';
import { type Case, isClosed } from '../../src/disclosure/case.ts';
import {
  advance,
  type ClockChange,
  type ClockKind,
  openingClocks,
  STEPS,
  type Step,
} from '../../src/disclosure/case-step.ts';
import { CLOCK_POLICIES, type PolicyName, policyOf } from '../../src/disclosure/clock-policy.ts';
import { TIMED_STEPS } from '../../src/disclosure/disclosure.ts';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { judgeMachine, judgeSample } from '../../src/timekeeping/time-watch.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
/** Around both changes of daylight saving of several years. */
const START = Date.parse('2026-01-01T00:00:00Z');
const SPAN = 900 * DAY;
const LATE = 60 * SECOND;
/** Of the workers' look at the clock, and of their sweep for deadlines whose job was lost. */
const LOOK = 5 * SECOND;
/** A job of a killed worker, or a whole outage, is taken over within so long. */
const TAKE_OVER = 45 * SECOND;

export interface SimulationTally {
  cases: number;
  steps: number;
  refused: number;
  reveals: number;
  earlyReveals: number;
  earlyAttempts: number;
  deadlines: number;
  late: number;
  /** Never noticed at all. */
  missed: number;
  worstLateMs: number;
  duplicates: number;
  lostJobs: number;
  jumps: number;
  heldAttempts: number;
  /** How the lives ended. */
  stages: Record<string, number>;
}

/** Planted, to see that the oracle catches it. */
export type Fault = 'worker-clock' | 'no-hold' | 'no-sweep';

export interface SimulationOptions {
  readonly cases: number;
  readonly seed: number;
  readonly fault?: Fault;
}

export function simulateEmbargoes({ cases, seed, fault }: SimulationOptions): SimulationTally {
  const tally: SimulationTally = {
    ...{ cases, steps: 0, refused: 0, reveals: 0, earlyReveals: 0, earlyAttempts: 0, deadlines: 0, late: 0, missed: 0 },
    ...{ worstLateMs: 0, duplicates: 0, lostJobs: 0, jumps: 0, heldAttempts: 0, stages: {} },
  };
  const random = createSeededRandom(seed);
  for (let index = 0; index < cases; index += 1) {
    const it = new Life(random, tally, fault).live();
    tally.stages[it.stage] = (tally.stages[it.stage] ?? 0) + 1;
  }
  return tally;
}

/** The database's clock: true, but for one stretch in some lives. */
interface Jump {
  readonly from: number;
  readonly until: number;
  readonly by: number;
}

type Happening =
  | { readonly at: number; readonly kind: 'person' }
  | { readonly at: number; readonly kind: 'work'; readonly clock: ClockKind };

class Life {
  readonly #random: SeededRandom;
  readonly #fault: Fault | undefined;
  readonly #tally: SimulationTally;
  readonly #queue: Happening[] = [];
  readonly #jump: Jump | undefined;
  readonly #truth: Truth;
  readonly #clocks = new Map<ClockKind, { dueAt: number; isRunning: boolean; isReached: boolean }>();
  #case: Case;
  /** When the last hold ended, true time. */
  #freedAt = 0;

  constructor(random: SeededRandom, tally: SimulationTally, fault: Fault | undefined) {
    this.#fault = fault;
    this.#random = random;
    this.#tally = tally;
    const policy = random.pick(Object.keys(CLOCK_POLICIES) as PolicyName[]);
    const openedAt = START + random.below(SPAN / 2);
    this.#truth = new Truth(policy);
    this.#jump = random.below(20) === 0 ? this.#someJump(openedAt) : undefined;
    if (this.#jump) tally.jumps += 1;
    this.#case = freshCase(policy, new Date(openedAt));
    this.#change(openingClocks(policyOf(policy), new Date(openedAt)), openedAt);
    let at = openedAt;
    for (let acts = 6 + random.below(14); acts > 0; acts -= 1) {
      at += Math.floor(random.next() ** 3 * 40 * DAY);
      this.#add({ at, kind: 'person' });
    }
  }

  live(): Case {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      if (next.kind === 'person') this.#act(next.at);
      else this.#work(next.clock, next.at);
    }
    for (const { isRunning, isReached } of this.#clocks.values()) if (isRunning && !isReached) this.#tally.missed += 1;
    return this.#case;
  }

  #someJump(openedAt: number): Jump {
    const from = openedAt + this.#random.below(90 * DAY);
    const size = this.#random.pick([4 * SECOND, 30 * SECOND, 20 * 60 * SECOND, HOUR, 2 * HOUR, 30 * DAY, 400 * DAY]);
    const by = this.#random.below(2) === 0 ? size : -size;
    return { from, until: from + this.#random.below(30 * DAY) + LOOK, by };
  }

  /** What the database shows at a true instant. */
  #shown(at: number): number {
    const jump = this.#jump;
    return jump && at >= jump.from && at < jump.until ? at + jump.by : at;
  }

  /** A worker reads the clock as `timekeeping` does: its anchor is from its last look, its own clock may be wrong. */
  #read(at: number): { readonly shown: number; readonly held: boolean } {
    const shown = this.#shown(at);
    const lookedAt = at - this.#random.below(LOOK);
    // Whoever looked while it was wrong has not believed it: its anchor is from before.
    const anchorAt =
      this.#jump && lookedAt >= this.#jump.from && at < this.#jump.until ? this.#jump.from - 1 : lookedAt;
    const believed =
      this.#jump && anchorAt >= this.#jump.from && anchorAt < this.#jump.until ? this.#jump.from - 1 : anchorAt;
    const anchor = { databaseAt: new Date(this.#shown(believed)), monotonicMs: believed };
    const doubt = judgeSample(anchor, { databaseAt: new Date(shown), monotonicMs: at });
    const machine = judgeMachine(new Date(at + this.#skew()), new Date(shown));
    if (this.#jump && at >= this.#jump.until) this.#freedAt = Math.max(this.#freedAt, this.#jump.until + LOOK);
    if (this.#fault === 'worker-clock') return { shown: at + this.#skew(), held: false };
    return { shown, held: this.#fault !== 'no-hold' && Boolean(doubt ?? machine) };
  }

  /** Of a worker's machine: up to an hour either way, and the hour of a forgotten change of daylight saving. */
  #skew(): number {
    return this.#random.pick([-HOUR, HOUR, this.#random.below(2 * HOUR) - HOUR, 0]);
  }

  /** Somebody does something, allowed or not. */
  #act(at: number): void {
    const { held, shown } = this.#read(at);
    if (this.#random.below(6) === 0) {
      this.#agree(at, shown, held);
      return;
    }
    const usual: readonly Step[] = ['confirm', 'notify', 'acknowledge', 'patch', 'fix-released', 'disclose'];
    const isUsual = this.#random.below(3) > 0;
    const next = usual.find((step) => advance(this.#case, step, new Date(shown)).ok && step !== 'fix-released');
    this.#step(isUsual && next ? next : this.#random.pick(STEPS), at, shown, held);
  }

  #step(step: Step, at: number, shown: number, held: boolean): void {
    if (step === 'disclose' && !this.#truth.mayReveal(at)) this.#tally.earlyAttempts += 1;
    if (held && TIMED_STEPS.has(step)) {
      this.#tally.heldAttempts += 1;
      return;
    }
    const before = this.#case;
    const outcome = advance(before, step, new Date(shown));
    this.#tally.steps += 1;
    if (!outcome.ok) {
      this.#tally.refused += 1;
      return;
    }
    this.#case = outcome.value.case;
    if (step === 'disclose') this.#reveal(at);
    else this.#truth.happened(step, at, before.stage);
    this.#change(outcome.value.clocks, at);
  }

  #reveal(at: number): void {
    this.#tally.reveals += 1;
    if (!this.#truth.mayReveal(at)) this.#tally.earlyReveals += 1;
  }

  /** Those concerned agree on an end, or try to agree on one that the policy does not allow. */
  #agree(at: number, shown: number, held: boolean): void {
    const { dueAt } = termsOf(this.#case);
    if (held) return;
    const end = new Date((dueAt?.getTime() ?? shown) + this.#random.below(60 * DAY) - 30 * DAY);
    const outcome = agreeEnd(this.#case, end, new Date(shown));
    if (!outcome.ok) return;
    this.#case = outcome.value.case;
    this.#truth.agreed(end.getTime());
    this.#change(outcome.value.clocks, at);
  }

  /** Rows of clocks as the store keeps them, and a job for each: lost, late, twice, or before its time. */
  #change(changes: readonly ClockChange[], at: number): void {
    for (const change of changes) {
      if (change.change === 'stop') {
        const clock = this.#clocks.get(change.clock);
        if (clock) clock.isRunning = false;
        continue;
      }
      const dueAt = change.dueAt.getTime();
      this.#clocks.set(change.clock, { dueAt, isRunning: true, isReached: false });
      const from = Math.max(at, dueAt);
      const work = (when: number): void => this.#add({ at: Math.max(at, when), kind: 'work', clock: change.clock });
      if (this.#random.below(10) === 0) this.#tally.lostJobs += 1;
      else work(from + this.#random.below(TAKE_OVER));
      if (this.#random.below(4) === 0) {
        this.#tally.duplicates += 1;
        work(from + this.#random.below(TAKE_OVER));
      }
      // A worker whose clock is ahead believes that its time has come.
      if (this.#random.below(4) === 0) work(dueAt - this.#random.below(HOUR));
      // The sweep finds what no job told of, once a worker is alive and believes the clock.
      if (this.#fault !== 'no-sweep') work(this.#sweepAfter(from));
    }
  }

  /** The first sweep after an instant by which the clock is believed. */
  #sweepAfter(from: number): number {
    const jump = this.#jump;
    const start =
      jump && from + TAKE_OVER + LOOK >= jump.from && from < jump.until + LOOK
        ? Math.max(from, jump.until + LOOK)
        : from;
    return start + this.#random.below(LOOK) + this.#random.below(TAKE_OVER);
  }

  /** A worker looks whether a deadline has passed; then what waits for it is released. */
  #work(kind: ClockKind, at: number): void {
    const { shown, held } = this.#read(at);
    const clock = this.#clocks.get(kind);
    if (held) {
      this.#tally.heldAttempts += 1;
      return;
    }
    if (!clock?.isRunning || clock.isReached || clock.dueAt > shown) {
      if (kind === 'disclosure' && clock?.isRunning && clock.dueAt > shown) this.#step('disclose', at, shown, held);
      return;
    }
    clock.isReached = true;
    this.#tally.deadlines += 1;
    const lateMs = Math.max(0, at - Math.max(clock.dueAt, this.#freedAt));
    this.#tally.worstLateMs = Math.max(this.#tally.worstLateMs, lateMs);
    if (lateMs > LATE) this.#tally.late += 1;
    if (kind === 'disclosure' && !isClosed(this.#case)) this.#step('disclose', at, shown, held);
  }

  /** In the order of true time. */
  #add(happening: Happening): void {
    let index = this.#queue.length;
    while (index > 0 && (this.#queue[index - 1] as Happening).at > happening.at) index -= 1;
    this.#queue.splice(index, 0, happening);
  }
}

/**
 * The oracle. Knows what truly happened and when, and counts days by a table of its own, written from the texts of the
 * policies; shares no line with what it judges.
 */
class Truth {
  /** Days from the report, days of extension; from the fix for the kernel; null: no date. */
  static readonly TABLE: Readonly<Record<PolicyName, readonly [number | null, number, 'report' | 'fix']>> = {
    'anthropic-2026': [90, 14, 'report'],
    'project-zero-2025': [90, 14, 'report'],
    'openai-outbound': [null, 0, 'report'],
    'linux-kernel': [7, 7, 'fix'],
    'linux-distros': [14, 0, 'report'],
    'cert-cc': [45, 0, 'report'],
  };

  readonly #rule: readonly [number | null, number, 'report' | 'fix'];
  #isOut = false;
  #isTold = false;
  #end: number | null = null;

  constructor(policy: PolicyName) {
    this.#rule = Truth.TABLE[policy];
  }

  happened(step: Step, at: number, stage: Case['stage']): void {
    const [days, extension, origin] = this.#rule;
    if (step === 'leak' || step === 'exploited' || step === 'fix-released') this.#isOut = true;
    if (step === 'notify') {
      this.#isTold = true;
      if (origin === 'report' && days !== null) this.#end = at + days * DAY;
    }
    if (step === 'patch' && origin === 'fix' && this.#end === null && days !== null && stage !== 'patched') {
      this.#end = at + days * DAY;
    }
    if (step === 'extend' && this.#end !== null) this.#end += extension * DAY;
  }

  agreed(end: number): void {
    this.#end = end;
  }

  mayReveal(at: number): boolean {
    return this.#isOut || (this.#isTold && this.#end !== null && at >= this.#end);
  }
}

function freshCase(policy: PolicyName, openedAt: Date): Case {
  return {
    id: 'case_1',
    version: 1,
    kind: 'real',
    time: 'real',
    policy,
    openedAt,
    facts: {},
    stage: 'received',
    embargo: 'none',
    parties: [
      { id: 'party_us', role: 'coordinator', simulated: false, report: 'received' },
      { id: 'party_them', role: 'vendor', simulated: false, report: 'start' },
    ],
  };
}
