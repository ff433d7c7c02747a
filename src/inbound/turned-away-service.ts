/** Counts what a door turns away in memory and writes it down now and then: a flood must not become one of writes. */
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../store/database.ts';
import { createInboundStore, type Door } from './inbound-store.ts';

const WRITE_EVERY_MS = 5_000;

export interface TurnedAwayParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export type TurningAway = ReturnType<typeof createTurningAway>;

export function createTurningAway({ database, clock, onFault }: TurnedAwayParts) {
  const counts = new Map<string, { readonly door: Door; readonly reason: string; count: number }>();
  async function write(): Promise<void> {
    const waiting = [...counts.values()];
    counts.clear();
    try {
      for (const { door, reason, count } of waiting) {
        await createInboundStore(database).addTurnedAway(clock.now(), door, reason, count);
      }
    } catch (error) {
      onFault(error);
    }
  }
  const timer = setInterval(write, WRITE_EVERY_MS);
  timer.unref();
  return {
    /** `reason` is a word of ours, never one of whoever knocks. */
    add(door: Door, reason: string): void {
      const known = counts.get(`${door} ${reason}`);
      if (known) known.count += 1;
      else counts.set(`${door} ${reason}`, { door, reason, count: 1 });
    },
    async close(): Promise<void> {
      clearInterval(timer);
      await write();
    },
  };
}
