/** The year as curves: how much of what had happened by each day. */
import type { World } from './world.ts';
import type { Year } from './year.ts';

export interface Timeline {
  readonly days: readonly number[];
  readonly reported: readonly number[];
  readonly fixed: readonly number[];
  /** Public and not fixed on that day. */
  readonly exposed: readonly number[];
}

const STEP_DAYS = 5;

export function timelineOf(world: World, { flaws, findings, lastSendDay }: Year): Timeline {
  const truths = flaws.filter((_, index) => world.flaws[index]?.isTrue);
  const days = Array.from({ length: Math.floor(lastSendDay / STEP_DAYS) + 1 }, (_, index) => index * STEP_DAYS);
  const by = (events: readonly number[]): readonly number[] => {
    const sorted = events.toSorted((left, right) => left - right);
    let past = 0;
    return days.map((day) => {
      while (past < sorted.length && (sorted[past] ?? 0) <= day) past += 1;
      return past;
    });
  };
  const open = truths.filter(({ publicBy }) => publicBy !== null && publicBy !== 'fix');
  const opened = by(open.map(({ publicDay }) => publicDay));
  const mended = by(open.map(({ fixedDay }) => fixedDay));
  return {
    days,
    reported: by(findings.map(({ sentDay }) => sentDay)),
    fixed: by(truths.map(({ fixedDay }) => fixedDay)),
    exposed: opened.map((count, index) => count - (mended[index] ?? 0)),
  };
}
