/** What a simulated year came to. Counted from finding and from sending, so that holding back does not win by itself. */
import type { SsvcOutcome } from '../pacing/index.ts';
import { type EventDays, type Skill, skillOf } from './skill.ts';
import type { Flaw, World } from './world.ts';
import { DEADLINE_DAYS, type FlawFate, WATCHED_DAYS, type Year } from './year.ts';

interface Counted {
  /** Not fixed 90 days after it was found, or sent. */
  readonly deadlineBreaches: number;
  readonly fixedWithin180: number;
  /** Days without a fix, each weighted by the flaw's SSVC outcome, until `lastSendDay`. */
  readonly exposureDays: number;
}

export interface Outcome {
  readonly found: number;
  readonly rejected: number;
  readonly merged: number;
  readonly confirmed: number;
  readonly reported: number;
  /** Fixed or public before their turn. */
  readonly moot: number;
  readonly stillWaiting: number;
  readonly patched: number;
  readonly patchedShareDay45: number;
  /** Reports. From sending. */
  readonly fixedWithin180: number;
  /** Flaws. */
  readonly patchedBeforePublic: number;
  readonly publicUnpatched: number;
  /** Reports. From sending. */
  readonly deadlineBreaches: number;
  /** Flaws. From finding. */
  readonly exposureDays: number;
  readonly embargoViolations: number;
  readonly sentAboveDeclared: number;
  /** Per confirmed finding. */
  readonly fromFinding: Counted;
  /** Per report. */
  readonly fromSending: Counted;
  readonly skill: Readonly<Record<string, number>>;
  readonly observed: Readonly<Record<string, number>>;
}

const EARLY_DAYS = 45;
/** About a second. */
const INSTANT_DAYS = 1e-5;

export function outcomeOf(world: World, year: Year, weights: Readonly<Record<SsvcOutcome, number>>): Outcome {
  const fates = world.findings.map((finding, index) => {
    const [flaw, fate, own] = [world.flaws[finding.flaw], year.flaws[finding.flaw], year.findings[index]];
    if (!flaw || !fate || !own) throw new RangeError('a finding without a flaw');
    return { finding, flaw, fate, ...own };
  });
  const confirmed = fates.filter(({ finding, flaw }) => finding.fate === 'confirmed' && flaw.isTrue);
  const reports = fates.filter(({ sentDay }) => sentDay < Number.POSITIVE_INFINITY);
  const flaws = world.flaws.flatMap((flaw, index) => {
    const fate = year.flaws[index];
    return fate && flaw.isTrue ? [{ flaw, fate }] : [];
  });
  const exposure = (from: (each: { flaw: Flaw; fate: FlawFate }) => number): number =>
    sum(flaws, ({ flaw, fate }) => {
      const days = Math.min(fate.fixedDay, year.lastSendDay) - from({ flaw, fate });
      return days > 0 ? days * weights[flaw.outcome] : 0;
    });
  const trueReports = reports.filter(({ flaw }) => flaw.isTrue);
  const fromSending: Counted = {
    ...late(trueReports.map(({ sentDay, fate }) => fate.fixedDay - sentDay)),
    exposureDays: Math.round(exposure(({ fate }) => fate.firstSentDay)),
  };
  const fromFinding: Counted = {
    ...late(confirmed.map(({ finding, fate }) => fate.fixedDay - finding.foundDay)),
    exposureDays: Math.round(exposure(({ flaw }) => flaw.firstFoundDay)),
  };
  const early = trueReports.filter(({ sentDay }) => sentDay <= EARLY_DAYS);
  const skill = skillOf(flaws.filter(({ fate }) => fate.publicDay < Number.POSITIVE_INFINITY).map(toEventDays));
  const count = (fate: 'rejected' | 'merged' | 'confirmed') =>
    fates.filter(({ finding }) => finding.fate === fate).length;
  const moot = fates.filter(({ isMoot }) => isMoot).length;
  return {
    found: fates.length,
    rejected: count('rejected'),
    merged: count('merged'),
    confirmed: count('confirmed'),
    reported: reports.length,
    moot,
    stillWaiting: count('confirmed') - reports.length - moot,
    patched: trueReports.filter(({ fate }) => fate.fixedDay < Number.POSITIVE_INFINITY).length,
    patchedShareDay45: rounded(
      early.filter(({ fate }) => fate.fixedDay <= EARLY_DAYS).length / Math.max(1, early.length),
    ),
    fixedWithin180: fromSending.fixedWithin180,
    patchedBeforePublic: flaws.filter(({ fate }) => fate.publicBy === 'fix').length,
    publicUnpatched: flaws.filter(({ fate }) => fate.publicBy !== null && fate.publicBy !== 'fix').length,
    deadlineBreaches: fromSending.deadlineBreaches,
    exposureDays: fromFinding.exposureDays,
    embargoViolations: flaws.filter(({ fate }) => isViolated(fate)).length,
    sentAboveDeclared: year.sentAboveDeclared,
    fromFinding,
    fromSending,
    skill: shown(skill, ({ alpha }) => alpha),
    observed: shown(skill, ({ observed }) => observed),
  };
}

function late(days: readonly number[]): Omit<Counted, 'exposureDays'> {
  return {
    deadlineBreaches: days.filter((each) => each > DEADLINE_DAYS).length,
    fixedWithin180: days.filter((each) => each <= WATCHED_DAYS).length,
  };
}

/** Made public by us before its deadline, without a fix and though nothing was out. */
function isViolated({ publicBy, publicDay, firstSentDay, attackedDay }: FlawFate): boolean {
  if (publicBy === 'deadline') return publicDay < firstSentDay + DEADLINE_DAYS;
  return publicBy === 'attack' && publicDay < attackedDay;
}

function toEventDays({ flaw, fate }: { readonly flaw: Flaw; readonly fate: FlawFate }): EventDays {
  const D = fate.fixedDay + flaw.deployAfterDays;
  const exploited = fate.publicDay + flaw.exploitAfterDays;
  // Who updated is out of reach: an exploit is written for what is still there.
  const X = exploited < D ? exploited : Number.POSITIVE_INFINITY;
  const A = Math.min(fate.attackedDay, X + flaw.attackAfterExploitDays);
  // The public knew first; the vendor read it there.
  const V = fate.isKnownByPublication ? fate.knownDay + INSTANT_DAYS : fate.knownDay;
  return { V, F: Math.min(fate.readyDay, fate.fixedDay), D, P: fate.publicDay, X, A };
}

const shown = (skill: Readonly<Record<string, Skill>>, of: (each: Skill) => number): Record<string, number> =>
  Object.fromEntries(Object.entries(skill).map(([order, each]) => [order, rounded(of(each))]));
const sum = <T>(over: readonly T[], of: (each: T) => number): number =>
  over.reduce((total, each) => total + of(each), 0);
const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
