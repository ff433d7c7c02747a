/** Instants as the clock on a wall shows them: the zone is always written beside the hour. */

const MINUTE_MS = 60_000;

interface Wall {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** A name of the IANA database. */
export function isZone(name: string): boolean {
  try {
    return name.length <= 64 && new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** `2026-03-29 03:30 Europe/Berlin (UTC+02:00)`; for UTC `2026-03-29 01:30 UTC`. Throws RangeError for an unknown zone. */
export function toZoned(at: Date, zone: string): string {
  if (zone === 'UTC') return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const wall = wallOf(at, zone);
  const text = `${pad(wall.year, 4)}-${pad(wall.month)}-${pad(wall.day)} ${pad(wall.hour)}:${pad(wall.minute)}`;
  return `${text} ${zone} (UTC${offsetText(offsetMinutes(at, zone))})`;
}

/** In UTC and in the reader's own zone, so that no two readers take it for different hours. */
export function toBothZones(at: Date, zone: string): string {
  return zone === 'UTC' ? toZoned(at, 'UTC') : `${toZoned(at, 'UTC')} = ${toZoned(at, zone)}`;
}

/** The same hour of the same day `months` later on the wall of `zone`; a day that month lacks becomes its last one. */
export function addMonths(from: Date, months: number, zone: string): Date {
  const wall = wallOf(from, zone);
  const month = wall.month - 1 + months;
  const last = new Date(Date.UTC(wall.year, month + 1, 0));
  const day = Math.min(wall.day, last.getUTCDate());
  const there = Date.UTC(last.getUTCFullYear(), last.getUTCMonth(), day, wall.hour, wall.minute, wall.second);
  // An hour that the change to summer time leaves out becomes the one after it.
  const guess = there - offsetMinutes(new Date(there), zone) * MINUTE_MS;
  return new Date(there - offsetMinutes(new Date(guess), zone) * MINUTE_MS);
}

function wallOf(at: Date, zone: string): Wall {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  };
}

/** To make one costs a hundred times its use; only names that the database knows come here. */
const formats = new Map<string, Intl.DateTimeFormat>();
const MAX_FORMATS = 500;

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  if (formats.size >= MAX_FORMATS) formats.clear();
  const made = new Intl.DateTimeFormat('en-GB-u-ca-iso8601', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formats.set(zone, made);
  return made;
}

function offsetMinutes(at: Date, zone: string): number {
  const { year, month, day, hour, minute, second } = wallOf(at, zone);
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  return Math.round((wall - at.getTime()) / MINUTE_MS);
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
