/**
 * Working days in a named time zone: what comes in on a day off counts as come in at the start of the next working day,
 * and the deadline is the same time of day so many working days later.
 */

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
  return toInstant(day, timeMs, calendar.timeZone);
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-CA', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

function isWorkingDay(day: string, { holidays }: Calendar): boolean {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
  return weekday !== 0 && weekday !== 6 && !holidays.has(day);
}

const nextDay = (day: string): string => new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);

function toLocal(at: Date, timeZone: string): { day: string; timeMs: number } {
  const local = new Date(at.getTime() + offsetMs(at, timeZone));
  const day = local.toISOString().slice(0, 10);
  return { day, timeMs: local.getTime() - Date.parse(`${day}T00:00:00Z`) };
}

/** A time that the clocks skip becomes the one after the skip; of one that comes twice, the first is meant. */
function toInstant(day: string, timeMs: number, timeZone: string): Date {
  const wall = Date.parse(`${day}T00:00:00Z`) + timeMs;
  const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((at) => wall - offsetMs(new Date(at), timeZone));
  for (const candidate of [before, after]) {
    if (candidate !== undefined && candidate + offsetMs(new Date(candidate), timeZone) === wall)
      return new Date(candidate);
  }
  return new Date(Math.max(before ?? wall, after ?? wall));
}

/** How far the wall clock of the zone is ahead of UTC at this instant. */
function offsetMs(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return wall - Math.floor(at.getTime() / 1000) * 1000;
}
