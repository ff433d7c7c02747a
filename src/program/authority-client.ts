/**
 * The authority of a running gateway: loaded once, then kept true. Each round asks for the epoch and reads what changed;
 * NOTIFY wakes it at once, and without it a round comes every 200 ms.
 *
 *   loaded ──▶ confirmed ──(800 ms without a round)──▶ stale: refuse everything ──(round)──▶ confirmed
 *
 * Each round also learns the instant of the database's clock, by which an open stage ends: this machine's own may be wrong.
 * A round confirms the instant at which it *asked*. Whoever judges only while it is fresh thus judges under nothing
 * that was over more than a second ago, whatever happens to the database, the network or this process.
 */
import type { Clock } from '../lib/clock.ts';
import { type ListeningConnection, openListeningConnection } from '../store/listening-connection.ts';
import { type AuthorityBook, type Caller, createAuthorityBook, type RowKind } from './authority.ts';
import { createAuthorityStore, EPOCH_CHANNEL } from './authority-store.ts';
import { createKeyMac } from './member.ts';
import { isInForce, type Stop, type StopAttributes } from './stop.ts';

/** Every function but `close` is synchronous and in memory. */
export interface Authority {
  /** `nowMs` of `performance.now()`: the clock of the wall may jump. */
  isFresh(nowMs: number): boolean;
  findCaller(presentedKey: string): Caller | undefined;
  /** By the key's id: whether a live call may go on. */
  findKey(id: string): Caller | undefined;
  findStop(attributes: StopAttributes): Stop | undefined;
  /** Called at once when one comes into force, or takes in more than before. */
  onStop(listener: (stop: Stop) => void): void;
  /** Called after every change of anything: time to look at live calls again. */
  onChange(listener: () => void): void;
  readonly epoch: number;
  close(): Promise<void>;
}

export interface AuthorityParts {
  /** Of the database. */
  readonly url: string;
  /** `vault.derive('program/key-pepper')`. */
  readonly pepper: Uint8Array;
  readonly clock: Clock;
  /** `performance.now()`. */
  readonly monotonicMs: () => number;
  /** Told once each time the database is lost, and once when it is back. */
  readonly onTrouble: (message: string) => void;
}

export const POLL_MS = 200;
/** Unconfirmed for longer than this, it is not to be trusted. */
export const FRESH_MS = 800;
/** A database that does not answer by then is asked again on another connection. */
const ANSWER_WITHIN_MS = 2_000;

/** Resolves when everything is loaded. Throws when the database does not answer at the start. */
export async function openAuthority(parts: AuthorityParts): Promise<Authority> {
  const { clock, monotonicMs, onTrouble } = parts;
  const stopListeners: ((stop: Stop) => void)[] = [];
  const changeListeners: (() => void)[] = [];
  let book = createAuthorityBook();
  let epoch = -1;
  let confirmedMs = Number.NEGATIVE_INFINITY;
  let connection: ListeningConnection | undefined;
  const alarm = createAlarm();
  const keyMac = createKeyMac(parts.pepper);
  let isClosed = false;

  const round = async (): Promise<void> => {
    connection ??= await openListeningConnection({
      url: parts.url,
      channel: EPOCH_CHANNEL,
      name: 'headstart authority',
      answerWithinMs: ANSWER_WITHIN_MS,
      onNotify: alarm.ring,
      onLost: alarm.ring,
    });
    const askedMs = monotonicMs();
    const read = await createAuthorityStore(connection).read();
    if (read.epoch !== epoch) {
      const loaded = await connection.snapshot((tx) => load(createAuthorityStore(tx), book, epoch));
      const isFirst = epoch < 0;
      ({ book, epoch } = loaded);
      confirmedMs = askedMs;
      if (!isFirst) tell(loaded.stops);
    }
    if (book.passTo(read.at)) tell(new Set());
    confirmedMs = askedMs;
  };
  const tell = (changed: ReadonlySet<string> | 'all'): void => {
    const now = clock.now();
    for (const stop of book.stopsAmong(changed)) {
      if (isInForce(stop, now)) for (const listener of stopListeners) listener(stop);
    }
    for (const listener of changeListeners) listener();
  };
  const loop = async (): Promise<void> => {
    let isLost = false;
    while (!isClosed) {
      await alarm.waitUpTo(POLL_MS);
      if (isClosed) return;
      try {
        await round();
        if (isLost) onTrouble('the authority is confirmed again');
        isLost = false;
      } catch (error) {
        if (!isLost) onTrouble(`the authority cannot be confirmed: ${error instanceof Error ? error.message : error}`);
        isLost = true;
        const lost = connection;
        connection = undefined;
        await lost?.close();
      }
    }
  };
  await round();
  const running = loop();
  return {
    isFresh: (nowMs) => nowMs - confirmedMs <= FRESH_MS,
    findCaller: (presented) => book.findCaller(keyMac(presented), clock.now()),
    findKey: (id) => book.findKey(id, clock.now()),
    findStop: (attributes) => book.findStop(attributes, clock.now()),
    onStop: (listener) => void stopListeners.push(listener),
    onChange: (listener) => void changeListeners.push(listener),
    get epoch() {
      return epoch;
    },
    async close() {
      isClosed = true;
      confirmedMs = Number.NEGATIVE_INFINITY;
      alarm.ring();
      await running;
      await connection?.close();
    },
  };
}

interface Loaded {
  readonly book: AuthorityBook;
  readonly epoch: number;
  /** Which stops are to be told of. */
  readonly stops: ReadonlySet<string> | 'all';
}

/** Only what changed, where that is known; else everything, into a new book. */
async function load(
  store: ReturnType<typeof createAuthorityStore>,
  book: AuthorityBook,
  since: number,
): Promise<Loaded> {
  const { epoch } = await store.read();
  const changes: ReadonlyMap<RowKind, ReadonlySet<string>> | undefined =
    since >= 0 && epoch > since ? await store.changesAfter(since, epoch) : undefined;
  if (!changes) {
    const fresh = createAuthorityBook();
    await store.readAll(fresh);
    return { book: fresh, epoch, stops: 'all' };
  }
  const read = await store.readChanged(changes);
  // In one go: nobody sees half of a transaction.
  for (const { kind, ids, rows } of read) {
    book.remove(kind, ids);
    book.put(kind, rows as never);
  }
  return { book, epoch, stops: changes.get('stops') ?? new Set() };
}

/** Wakes one waiter. A ring while nobody waits is kept. */
function createAlarm() {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    ring(): void {
      hasRung = true;
      wake?.();
    },
    async waitUpTo(ms: number): Promise<void> {
      if (!hasRung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      hasRung = false;
    },
  };
}
