/**
 * Working days in a named time zone: what comes in on a day off counts as come in at the start of the next working day,
 * and the deadline is the same time of day so many working days later.
 */
import { fromLocal, toLocal } from '../lib/local-time.ts';

export interface Calendar {
  /** As the IANA database names it: `Europe/Brussels`. */
  readonly timeZone: string;
  /** `2026-12-25`, in that zone. */
  readonly holidays: ReadonlySet<string>;
}

const DAY_MS = 86_400_000;

export function addWorkingDays(from: Date, days: number, calendar: Calendar): Date {
  let { day, timeMs } = toLocal(from, calendar.timeZone);
  if (!isWorkingDay(day, calendar)) timeMs = 0;
  while (!isWorkingDay(day, calendar)) day = nextDay(day);
  for (let left = days; left > 0; left -= 1) {
    do day = nextDay(day);
    while (!isWorkingDay(day, calendar));
  }
  return fromLocal(day, timeMs, calendar.timeZone);
}

function isWorkingDay(day: string, { holidays }: Calendar): boolean {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
  return weekday !== 0 && weekday !== 6 && !holidays.has(day);
}

const nextDay = (day: string): string => new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
