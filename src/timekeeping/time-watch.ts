/**
 * Is the database's clock to be believed? It is held against what cannot be set: the monotonic clock of a process, and
 * the last instant anybody saw on it. Pure: samples in, judgement out.
 *
 *   believed ── off by more than allowed ──▶ held ── agrees again, or a person says so ──▶ believed
 */

export interface Sample {
  /** By the database's clock. */
  readonly databaseAt: Date;
  /** By a clock of this process that nobody can set, milliseconds. */
  readonly monotonicMs: number;
}

export type HoldReason =
  /** It moved otherwise than time did. */
  | 'jump'
  /** It shows an instant before one that was seen on it. */
  | 'went-back'
  /** It is further from the clock of a worker's machine than such a clock may be wrong. */
  | 'disagrees';

export interface Doubt {
  readonly why: HoldReason;
  /** How far it is from what was expected; negative where it is behind. Milliseconds. */
  readonly offMs: number;
}

/** What slewing by a time service and a slow answer may make of it. */
export const TOLERANCE_MS = 2_000;
/** Of the time that passed: a clock that runs a tenth of a percent wrong has not jumped. */
const DRIFT = 0.001;
/** However long the last sample that was believed lies back: else a small jump would be believed by and by. */
const MAX_DRIFT_MS = 1_000;
/** The clock of a worker's machine may be an hour wrong, and one of summer time; more is a doubt. */
export const MACHINE_LIMIT_MS = 65 * 60_000;
/** A person who believes an offset believes it this exactly. */
export const SAME_OFFSET_MS = 5 * 60_000;

/** Against the last sample that was believed. */
export function judgeSample(anchor: Sample, sample: Sample): Doubt | undefined {
  const passed = sample.monotonicMs - anchor.monotonicMs;
  const offMs = sample.databaseAt.getTime() - anchor.databaseAt.getTime() - passed;
  return Math.abs(offMs) > TOLERANCE_MS + Math.min(Math.max(0, passed) * DRIFT, MAX_DRIFT_MS)
    ? { why: 'jump', offMs }
    : undefined;
}

/** Against the last instant seen by anybody. */
export function judgeMark(seenAt: Date | null, databaseAt: Date): Doubt | undefined {
  const offMs = seenAt ? databaseAt.getTime() - seenAt.getTime() : 0;
  return offMs < -TOLERANCE_MS ? { why: 'went-back', offMs } : undefined;
}

/** Against the clock of a worker's machine: it decides nothing, it only raises a doubt. */
export function judgeMachine(machineAt: Date, databaseAt: Date): Doubt | undefined {
  const offMs = databaseAt.getTime() - machineAt.getTime();
  return Math.abs(offMs) > MACHINE_LIMIT_MS ? { why: 'disagrees', offMs } : undefined;
}
