/**
 * What time it is for a deadline: the database's, and no worker's. A clock that jumped is not believed, and while it is
 * not, nothing is released; a person or the agreement of the clocks ends that, and lateness counts from there.
 *
 * What cannot be seen: a jump forward while no process of ours ran, of a machine whose own clock jumped with it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import { AGREEMENT, createTimeStore, type Hold } from './time-store.ts';
import { type Doubt, judgeMachine, judgeMark, judgeSample, SAME_OFFSET_MS, type Sample } from './time-watch.ts';

export interface TimekeepingParts {
  readonly database: Database;
  /** Of this machine; raises doubts, decides nothing. */
  readonly machine: Clock;
  /** Milliseconds by a clock that nobody can set. */
  readonly monotonicMs: () => number;
  readonly random: RandomBytes;
}

/** The instant that counts, and since when it is doubted. */
export interface Instant {
  readonly at: Date;
  readonly heldSince: Date | null;
  /** When the last hold ended. */
  readonly freedAt: Date | null;
}

export type Timekeeping = ReturnType<typeof createTimekeeping>;

/** A slower answer says nothing about when it was given. */
const SLOWEST_ANSWER_MS = 1_000;
const HOLDS_SHOWN = 20;
const WATCH_MS = 5_000;

export function createTimekeeping(parts: TimekeepingParts) {
  const { database } = parts;
  const watcher: Watcher = { anchor: undefined, position: 0 };
  return {
    /** In the caller's transaction; what is doubted here is held for everybody. */
    read: (tx: Transaction): Promise<Instant> => readInstant(tx, parts, watcher),

    /** One look at the clock, against this process's own. */
    look: (): Promise<Instant> => look(parts, watcher),

    holds: (): Promise<readonly Hold[]> => createTimeStore(database).list(HOLDS_SHOWN),

    /** A person has looked at the clock and believes it. Tells how many holds that ended. */
    free: (by: string): Promise<number> =>
      database.transaction(async (tx) => {
        const store = createTimeStore(tx);
        const { at } = await store.read();
        return await store.free(['jump', 'went-back', 'disagrees'], by, at);
      }),

    /** Looks every few seconds, and then does `onLook`, until stopped. */
    watch({ onLook, onTrouble, everyMs = WATCH_MS }: WatchOptions): { stop(): Promise<void> } {
      const end = new AbortController();
      const loop = (async () => {
        while (!end.signal.aborted) {
          await look(parts, watcher)
            .then(onLook)
            .catch((error: unknown) => onTrouble(error));
          await sleep(everyMs, undefined, { signal: end.signal }).catch(() => {});
        }
      })();
      return {
        async stop() {
          end.abort();
          await loop;
        },
      };
    },
  };
}

export interface WatchOptions {
  readonly onLook: (instant: Instant) => Promise<unknown>;
  readonly onTrouble: (error: unknown) => void;
  readonly everyMs?: number;
}

/** What one process remembers: the last sample it believed, and the newest hold of then. */
interface Watcher {
  anchor: Sample | undefined;
  position: number;
}

async function readInstant(
  tx: Transaction,
  { machine, monotonicMs, random }: TimekeepingParts,
  { anchor, position }: Watcher,
): Promise<Instant> {
  const store = createTimeStore(tx);
  const before = monotonicMs();
  const { at, seenAt, open, freedAt } = await store.read();
  const after = monotonicMs();
  const doubts: Doubt[] = [];
  const back = judgeMark(seenAt, at);
  // Not only at the next look: between a jump and that, a release would go by a wrong clock.
  const isQuick = after - before <= SLOWEST_ANSWER_MS;
  const jump = anchor && isQuick && judgeSample(anchor, { databaseAt: at, monotonicMs: (before + after) / 2 });
  if (jump && !(await store.isFreedAfter(position))) doubts.push(jump);
  if (back) doubts.push(back);
  const apart = judgeMachine(machine.now(), at);
  if (apart && !(await store.wasBelieved(apart, SAME_OFFSET_MS))) doubts.push(apart);
  for (const doubt of doubts) await store.hold(createId('hold', random), doubt, at);
  const mended = open.filter(({ why }) => why !== 'jump' && !doubts.some((doubt) => doubt.why === why));
  if (mended.length > 0) {
    await store.free(
      mended.map(({ why }) => why),
      AGREEMENT,
      at,
    );
  }

  const held = await store.listOpen();
  return { at, heldSince: held[0]?.heldAt ?? null, freedAt: mended.length > 0 ? at : freedAt };
}

async function look(parts: TimekeepingParts, watcher: Watcher): Promise<Instant> {
  return await parts.database.transaction(async (tx) => {
    const before = parts.monotonicMs();
    // Without its memory: what this look finds is judged below.
    const instant = await readInstant(tx, parts, { anchor: undefined, position: 0 });
    const after = parts.monotonicMs();
    if (after - before > SLOWEST_ANSWER_MS) return instant;
    const sample = { databaseAt: instant.at, monotonicMs: (before + after) / 2 };
    return await judgeJump(tx, parts, watcher, sample, instant);
  });
}

async function judgeJump(
  tx: Transaction,
  { random }: TimekeepingParts,
  watcher: Watcher,
  sample: Sample,
  instant: Instant,
): Promise<Instant> {
  const store = createTimeStore(tx);
  const doubt = watcher.anchor && judgeSample(watcher.anchor, sample);
  if (!doubt || (await store.isFreedAfter(watcher.position))) {
    // Only who believed the clock before the jump can tell that it was taken back.
    if (watcher.anchor && !doubt) await store.free(['jump'], AGREEMENT, sample.databaseAt, watcher.position);
    watcher.anchor = sample;
    watcher.position = await store.lastPosition();
  } else {
    await store.hold(createId('hold', random), doubt, sample.databaseAt);
  }
  const { open, freedAt } = await store.read();
  // Only here: one row for everybody, and what is doubted is no mark for later.
  if (open.length === 0) await store.mark(sample.databaseAt);
  return { ...instant, heldSince: open[0]?.heldAt ?? null, freedAt };
}

/** A clock that stands for the database's: simulated days of a demonstration, and tests. It is always believed. */
export function believe(clock: Clock): { read(tx: Transaction): Promise<Instant> } {
  return { read: async () => ({ at: clock.now(), heldSince: null, freedAt: null }) };
}
