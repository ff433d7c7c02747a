/** Why a report has its place, in sentences that hold every number it was made of. */
import { type Allowance, chanceOf, LONGEST_WAIT_DAYS, type Wishes } from './allowance.ts';
import type { Bundle, Ranked } from './bundle.ts';

export interface Place {
  readonly project: string;
  readonly wishes: Wishes;
  readonly allowance: Allowance;
  readonly bundle: Bundle;
  readonly ranked: Ranked;
  /** Bundles of the same project before it. */
  readonly ahead: number;
  readonly today: number;
  readonly mayGo: boolean;
}

interface Turn {
  readonly hasTurn: boolean;
  readonly mostPerDay: number | null;
}

export function explain(place: Place, { hasTurn, mostPerDay }: Turn): readonly string[] {
  const because = [harmSentence(place)];
  const { bundle, ranked, allowance } = place;
  if (ranked.waiting.isExploited) because.push('attacks or an exploit are known: it stands before all that are not');
  if (bundle.members.length > 1) {
    because.push(`leaves with ${bundle.members.length - 1} related findings as one patch series`);
  }
  because.push(capacitySentence(allowance, chanceOf(ranked.waiting, allowance.capacity)));
  if (place.wishes.channel === 'cna') because.push('the project wants to be told by its CNA');
  if (place.wishes.channel === 'public') because.push('the project wants to be told in public, where that may be');
  if (place.wishes.askedRate !== 1) because.push(`its maintainers asked for ${round(place.wishes.askedRate)} of that`);
  if (hasTurn) because.push('may go now');
  else if (place.mayGo) because.push(`waits: this installation sends ${mostPerDay} reports a day`);
  else because.push(...waitSentences(place));
  return because;
}

function harmSentence({ ranked: { waiting, harm }, today }: Place): string {
  const age = Math.max(0, today - waiting.foundDay);
  return (
    `harm ${round(harm.total)}: ${waiting.outcome} ${harm.weight} × exposure ${round(harm.exposure)} ` +
    `(${waiting.dependents} dependents) × chain ${harm.chain} × age ${round(harm.age)} (${Math.floor(age)} days since it was found)`
  );
}

function capacitySentence({ capacity, learntLimit, open }: Allowance, chance: number): string {
  return (
    `the project has ${open} open and mended ${capacity.fixes} in ${Math.floor(capacity.reportDays)} report days, ` +
    `${capacity.recentFixes} of them in the last 90: at most ${learntLimit} open at once; ` +
    `with what others do, ${Math.round(100 * chance)} of 100 such reports are mended before their deadline`
  );
}

function waitSentences({ wishes, allowance, ahead, ranked }: Place): readonly string[] {
  if (wishes.optedOutBy !== null) return [`waits for a person: the project opted out by the list ${wishes.optedOutBy}`];
  if (wishes.channel === 'not-wanted') return ['waits for a person: the project wants no reports'];
  const reasons: string[] = [];
  if (allowance.declaredFree <= 0) reasons.push(declaredSentence(wishes, allowance));
  if (allowance.learntFree <= 0) reasons.push(`waits: ${allowance.open} of ${allowance.learntLimit} are open`);
  if (chanceOf(ranked.waiting, allowance.capacity) < allowance.leastChance) {
    reasons.push(
      `waits: fewer than ${round(100 * allowance.leastChance)} of 100 are mended before the public is told; ` +
        `after ${LONGEST_WAIT_DAYS} days it goes when nothing else is open`,
    );
  }
  if (reasons.length === 0) reasons.push(`waits: ${ahead} patch series of the same project go before it`);
  return reasons;
}

function declaredSentence({ mostOpen, mostPerWeek }: Wishes, { open, sentThisWeek }: Allowance): string {
  const declared = 'its maintainers declared a limit, which no priority passes';
  if (mostOpen !== null && open >= mostOpen) return `waits: ${declared}: ${open} of ${mostOpen} are open`;
  return `waits: ${declared}: ${sentThisWeek} of ${mostPerWeek} were sent in seven days`;
}

const round = (value: number): string => String(Math.round(value * 100) / 100);
