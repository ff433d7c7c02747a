/**
 * Clocks of what a manufacturer owes authorities (`timeline.ts`: CRA_DUTIES) on a real case. They start when an attack
 * becomes known, the last one when there is a fix too; they open nothing, and end when the document is handed in. Pure.
 */
import { type Case, isRealCase } from './case.ts';
import type { ClockChange } from './case-step.ts';
import { dutiesOf } from './timeline.ts';

export const DUTIES = ['early-warning', 'notification', 'final-report'] as const;
export type Duty = (typeof DUTIES)[number];

export const isDuty = (text: string): text is Duty => DUTIES.some((duty) => duty === text);

/** What a step changed of them: each starts once, and none is owed for what was no flaw. */
export function dutyClocks(from: Case, to: Case): readonly ClockChange[] {
  if (!isRealCase(to) || !to.facts.A) return [];
  if (to.stage === 'withdrawn' || to.stage === 'rejected') {
    return DUTIES.map((clock) => ({ clock, change: 'stop' }));
  }
  const before = new Set(owed(from).map(({ clock }) => clock));
  return owed(to).filter(({ clock }) => !before.has(clock));
}

function owed({ facts }: Case): readonly Extract<ClockChange, { change: 'start' }>[] {
  if (!facts.A) return [];
  const { A: awareAt, D: fixedAt } = facts;
  // A fix that was there before the attack was known is owed for from then on.
  const fixAvailableAt = fixedAt && fixedAt < awareAt ? awareAt : (fixedAt ?? null);
  const told = { kind: 'exploited-vulnerability', awareAt, fixAvailableAt, notifiedAt: null, zone: 'UTC' } as const;
  return dutiesOf(told).flatMap(({ what, at }) =>
    isDuty(what) ? [{ clock: what, change: 'start' as const, dueAt: at }] : [],
  );
}
