/** A clock that stands still until days are made to pass. Whatever is timed by it is a demonstration. */
import { addDays, type Clock } from '../lib/clock.ts';

export interface CompressedClock extends Clock {
  passDays(days: number): void;
}

export function createCompressedClock(start: Date): CompressedClock {
  let current = start;
  return {
    now: () => current,
    passDays(days) {
      if (!(days >= 0)) throw new RangeError(`time does not go back ${days} days`);
      current = addDays(current, days);
    },
  };
}
