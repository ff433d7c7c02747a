/** Time as a dependency: nothing below the composition root reads the machine's clock by itself. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

const DAY_MS = 86_400_000;

/** The instant `days` times 24 hours later (not calendar days: clocks of disclosure policies count hours). */
export function addDays(from: Date, days: number): Date {
  return new Date(from.getTime() + days * DAY_MS);
}
