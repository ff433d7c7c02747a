/**
 * Time as a calendar on the wall has it, in a named zone. A time that the clocks skip becomes the one after the skip; of one
 * that comes twice, the first is meant.
 */
const DAY_MS = 86_400_000;
/** Characters. */
const MAX_ZONE_NAME = 64;
/** Of one name many spellings are accepted. */
const MAX_FORMATS = 500;

/** As the IANA database names it: `Europe/Brussels`. */
export function isTimeZone(name: string): boolean {
  try {
    return name.length <= MAX_ZONE_NAME && new Intl.DateTimeFormat('en-CA', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** The day in the zone, and the milliseconds since its midnight on the wall. */
export function toLocal(at: Date, timeZone: string): { readonly day: string; readonly timeMs: number } {
  const local = new Date(at.getTime() + offsetMs(at, timeZone));
  const day = local.toISOString().slice(0, 10);
  return { day, timeMs: local.getTime() - Date.parse(`${day}T00:00:00Z`) };
}

export function fromLocal(day: string, timeMs: number, timeZone: string): Date {
  const wall = Date.parse(`${day}T00:00:00Z`) + timeMs;
  const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((at) => wall - offsetMs(new Date(at), timeZone));
  for (const candidate of [before, after]) {
    if (candidate !== undefined && candidate + offsetMs(new Date(candidate), timeZone) === wall)
      return new Date(candidate);
  }
  return new Date(Math.max(before ?? wall, after ?? wall));
}

/** How far the wall clock of the zone is ahead of UTC at this instant. */
export function offsetMs(at: Date, timeZone: string): number {
  const parts = formatOf(timeZone).formatToParts(at);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return wall - Math.floor(at.getTime() / 1000) * 1000;
}

/** `P1Y2M3W4DT5H6M`: each part as written. */
export interface Duration {
  readonly months: number;
  readonly days: number;
  /** Elapsed. */
  readonly ms: number;
}

export function readDuration(text: string): Duration | undefined {
  const match = /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?)?$/.exec(text);
  if (!match) return undefined;
  const [years, months, weeks, days, hours, minutes] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { months: 12 * years + months, days: 7 * weeks + days, ms: (60 * hours + minutes) * 60_000 };
}

/**
 * Months and days of the calendar at the same time of day, then what is elapsed. A month after the 31st ends with the month.
 */
export function addDuration(from: Date, { months, days, ms }: Duration, timeZone: string): Date {
  if (months === 0 && days === 0) return new Date(from.getTime() + ms);
  const { day, timeMs } = toLocal(from, timeZone);
  const [year, month, date] = day.split('-').map(Number) as [number, number, number];
  const lastOfMonth = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  const target = new Date(Date.UTC(year, month - 1 + months, Math.min(date, lastOfMonth) + days));
  return new Date(fromLocal(target.toISOString().slice(0, 10), timeMs, timeZone).getTime() + ms);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making one costs a hundred times what using it does; there are as many as there are zones. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    if (formats.size >= MAX_FORMATS) formats.clear();
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(timeZone, format);
  }
  return format;
}
