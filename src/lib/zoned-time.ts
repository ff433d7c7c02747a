/** Instants as the clock on a wall shows them: the zone is always written beside the hour. */
import { offsetMs } from './local-time.ts';

const MINUTE_MS = 60_000;

/** `2026-03-29 03:30 Europe/Berlin (UTC+02:00)`; for UTC `2026-03-29 01:30 UTC`. Throws RangeError for an unknown zone. */
export function toZoned(at: Date, zone: string): string {
  if (zone === 'UTC') return `${toMinute(at)} UTC`;
  const ahead = offsetMs(at, zone);
  return `${toMinute(new Date(at.getTime() + ahead))} ${zone} (UTC${offsetText(Math.round(ahead / MINUTE_MS))})`;
}

/** In UTC and in the reader's own zone, so that no two readers take it for different hours. */
export function toBothZones(at: Date, zone: string): string {
  return zone === 'UTC' ? toZoned(at, 'UTC') : `${toZoned(at, 'UTC')} = ${toZoned(at, zone)}`;
}

const toMinute = (at: Date): string => at.toISOString().slice(0, 16).replace('T', ' ');

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

const pad = (value: number): string => String(value).padStart(2, '0');
