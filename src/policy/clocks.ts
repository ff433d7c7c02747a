/**
 * All clocks of one record: which run, from when, until when. Rules are data of the frameworks; no lawyer has reviewed any.
 *
 * A rule whose condition holds and whose origin nobody gave is a refusal, not a clock left out in silence.
 */
import { addDuration, offsetMs, readDuration } from '../lib/local-time.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { ClockRule, Force, Framework, Modality } from './framework.ts';
import type { IncidentRecord } from './incident.ts';

export interface RunningClock {
  /** Law, code or policy, with the place in it. */
  readonly source: string;
  readonly event: string;
  /** RFC 3339, UTC. */
  readonly due: string;
  /** The same on the wall of the record's time zone. */
  readonly dueLocal: string;
  readonly clause: string;
  readonly recipient: string;
  readonly origin: string;
  readonly from: string;
  readonly duration: string;
  readonly every: string | null;
  readonly force: Force;
  readonly modality: Modality;
  /** False where the rule takes effect only later. */
  readonly inForce: boolean;
  readonly inForceFrom: string | null;
  readonly reviewedByLawyer: false;
}

export interface ClockRefusal {
  readonly kind: 'origin-unknown';
  readonly clause: string;
  readonly origin: string;
}

export function runningClocks(
  record: IncidentRecord,
  frameworks: Iterable<Framework>,
): Result<readonly RunningClock[], ClockRefusal> {
  const clocks: RunningClock[] = [];
  for (const framework of frameworks) {
    for (const rule of framework.clocks) {
      if (!runs(rule, record)) continue;
      const origin = [rule.origin, rule.otherwise].find((name) => name !== null && record.instants.has(name));
      const from = record.instants.get(origin ?? '');
      if (!origin || !from) {
        return refuse({ kind: 'origin-unknown', clause: `${framework.id}/${rule.id}`, origin: rule.origin });
      }
      clocks.push(toClock(framework, rule, record, { origin, from }));
    }
  }
  return ok(clocks.sort((left, right) => compare(`${left.due} ${left.clause}`, `${right.due} ${right.clause}`)));
}

function runs({ kinds, when, unless }: ClockRule, record: IncidentRecord): boolean {
  const isSo = (name: string): boolean => {
    const fact = record.facts.get(name);
    return record.instants.has(name) || fact === true || (typeof fact === 'number' && fact > 0);
  };
  return kinds.includes(record.kind) && when.every(isSo) && !unless.some(isSo);
}

function toClock(
  { id, issuer, title, version }: Framework,
  rule: ClockRule,
  { timeZone, instants }: IncidentRecord,
  { origin, from }: { readonly origin: string; readonly from: Date },
): RunningClock {
  const start = rule.after === null ? from : add(from, rule.after, timeZone);
  const full = add(start, rule.duration, timeZone);
  const early = rule.earlyEnd === null ? undefined : instants.get(rule.earlyEnd);
  const due = early && early < full ? early : full;
  const { event, recipient, duration, every, force, modality, inForceFrom, loc } = rule;
  return {
    source: `${issuer}: ${title} ${version}${loc === null ? '' : `, ${loc}`}`,
    event,
    due: due.toISOString(),
    dueLocal: toLocalText(due, timeZone),
    clause: `${id}/${rule.id}`,
    recipient,
    origin,
    from: from.toISOString(),
    duration: rule.after === null ? duration : `${rule.after}, then ${duration}`,
    every,
    force,
    modality,
    inForce: inForceFrom === null || from >= new Date(`${inForceFrom}T00:00:00Z`),
    inForceFrom,
    reviewedByLawyer: false,
  };
}

function add(from: Date, text: string, timeZone: string): Date {
  const duration = readDuration(text);
  if (!duration) throw new RangeError(`${text} is no duration`);
  return addDuration(from, duration, timeZone);
}

/** `2026-03-30T11:30:00+02:00 Europe/Berlin` */
function toLocalText(at: Date, timeZone: string): string {
  const offset = offsetMs(at, timeZone);
  const wall = new Date(at.getTime() + offset).toISOString().slice(0, 19);
  const minutes = Math.abs(Math.trunc(offset / 60_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${wall}${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)} ${timeZone}`;
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
