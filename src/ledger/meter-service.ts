/**
 * The meter of one gateway process: reserves and posts in memory, exchanges with Postgres every FLUSH_MS and whenever it
 * runs short. What asks while an exchange is under way goes with the next one.
 */
import { ok, type Result } from '../lib/result.ts';
import type { OpenDatabase } from '../store/open-database.ts';
import { assertMicro, type CallId, type LeaseId, type LimitId } from './credit.ts';
import { createExchanger, type ExchangeParts, type Exchanger } from './exchange-service.ts';
import type { Posting } from './ledger-store.ts';
import { createHolding, type Reservation } from './meter.ts';
import { type ReadAdmitted, startRecovery } from './recovery-service.ts';
import { listenForShortages } from './shortage-service.ts';
import { createWaiting, type OverLimit, type Waiting } from './waiting.ts';

/** A receipt as it is stored and given out: JSON text. */
export interface StoredReceipt {
  readonly text: string;
}

export interface Meter {
  /** All of the limits or none. At once where what is in hand suffices, else after an exchange. Rejects where Postgres does not answer. */
  reserve(
    call: CallId,
    limits: readonly LimitId[],
    amountMicro: number,
  ): Result<Reservation, OverLimit> | Promise<Result<Reservation, OverLimit>>;
  /** Is the lease behind it still ours? To be asked again when the admit record is durable. */
  stands(reservation: Reservation): boolean;
  /** Exactly once a reservation, 0 <= costMicro <= reserved; a second one throws. The rest is free again at once. */
  post(reservation: Reservation, costMicro: number, receipt?: StoredReceipt): void;
  /** Tells Postgres everything that was posted so far. Throws where it does not answer. */
  flush(): Promise<void>;
  /** Flushes and gives everything back. With calls under way it leaves the lease to be recovered. */
  close(): Promise<void>;
}

export interface MeterParts extends ExchangeParts {
  readonly database: OpenDatabase;
  /** Given, expired leases of any gateway are recovered now and then. */
  readonly readAdmitted?: ReadAdmitted | undefined;
}

const FLUSH_MS = 200;
/** An idle meter renews its lease so often. */
const RENEW_MS = 1_000;
const SHORTAGE_PAUSE_MS = 40;
const RETRY_PAUSE_MS = 100;

export async function createMeter(parts: MeterParts): Promise<Meter> {
  const { database, monotonicMs, onTrouble } = parts;
  const holding = createHolding();
  const waiting = createWaiting(holding);
  const exchanger = await createExchanger(parts, holding, waiting);
  let live = 0;
  let closing: Promise<void> | undefined;

  function tryReserve(call: CallId, limits: readonly LimitId[], micro: number): Reservation | undefined {
    if (!exchanger.isHeld() || !holding.reserve(limits, micro, monotonicMs())) return undefined;
    live += 1;
    return new LiveReservation(call, exchanger.leaseId(), limits, micro);
  }

  const loop = createLoop(parts, exchanger, waiting, ({ call, limits, micro }) => tryReserve(call, limits, micro));
  const ticker = setInterval(() => {
    waiting.fail(monotonicMs(), new Error('the exchange is still under way'));
    const isDue = monotonicMs() - exchanger.renewedMs() >= RENEW_MS;
    if (exchanger.hasUntold() || live > 0 || isDue) loop.start();
  }, FLUSH_MS);
  const shortages = listenForShortages(database, (limit) => {
    if (holding.markWanted([limit])) loop.start();
  });
  await shortages.ready;
  const recovery = parts.readAdmitted && startRecovery(database, parts.readAdmitted, onTrouble);

  return {
    reserve(call, limits, micro) {
      assertMicro(micro);
      if (closing !== undefined) throw new Error('this meter is closed');
      const reservation = tryReserve(call, limits, micro);
      if (reservation) return ok(reservation);
      return new Promise((settle, fail) => {
        waiting.add({ call, limits, micro, sinceMs: monotonicMs(), settle, fail });
        loop.start();
      });
    },
    stands: (reservation) => isLive(reservation) && reservation.lease === exchanger.leaseId() && exchanger.isHeld(),
    post(reservation, costMicro, receipt) {
      if (!isLive(reservation)) throw new Error(`${reservation.call} was posted already`);
      exchanger.post(new LatePosting(reservation, costMicro, receipt), reservation.lease);
      reservation.isPosted = true;
      live -= 1;
    },
    flush: loop.flush,
    close() {
      closing ??= close();
      return closing;
    },
  };

  async function close(): Promise<void> {
    clearInterval(ticker);
    await recovery?.stop();
    await shortages.stop();
    try {
      await loop.flush();
      if (live === 0) await exchanger.close();
    } finally {
      loop.stop();
      waiting.fail(monotonicMs(), new Error('the meter was closed'), true);
    }
  }
}

/** Not posted yet. Each knows it by itself: a Set of them would keep those that left it until a full collection. */
class LiveReservation implements Reservation {
  readonly call: CallId;
  readonly lease: LeaseId;
  readonly limits: readonly LimitId[];
  readonly reservedMicro: number;
  isPosted = false;

  constructor(call: CallId, lease: LeaseId, limits: readonly LimitId[], reservedMicro: number) {
    this.call = call;
    this.lease = lease;
    this.limits = limits;
    this.reservedMicro = reservedMicro;
  }
}

const isLive = (reservation: Reservation): reservation is LiveReservation =>
  reservation instanceof LiveReservation && !reservation.isPosted;

/** Its receipt is written out when it is told to Postgres. */
class LatePosting implements Posting {
  readonly call: CallId;
  readonly limits: readonly LimitId[];
  readonly reservedMicro: number;
  readonly costMicro: number;
  readonly #receipt: StoredReceipt | undefined;

  constructor({ call, limits, reservedMicro }: Reservation, costMicro: number, receipt: StoredReceipt | undefined) {
    this.call = call;
    this.limits = limits;
    this.reservedMicro = reservedMicro;
    this.costMicro = costMicro;
    this.#receipt = receipt;
  }

  get receipt(): string | undefined {
    return this.#receipt?.text;
  }
}

/** Runs exchanges, one at a time, for as long as something waits for one. */
function createLoop(
  { monotonicMs, onTrouble }: MeterParts,
  exchanger: Exchanger,
  waiting: Waiting,
  tryReserve: Parameters<Waiting['serve']>[2],
) {
  let running: Promise<void> | undefined;
  let pause: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function exchangeOnce(): Promise<void> {
    // In a turn of its own, so that all that asks in this one goes with it.
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      const answers = await exchanger.exchange();
      if (answers) waiting.serve(answers, monotonicMs(), tryReserve);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      waiting.fail(monotonicMs(), cause);
      throw cause;
    } finally {
      running = undefined;
      goOn();
    }
  }

  function run(): Promise<void> {
    clearTimeout(pause);
    pause = undefined;
    running ??= exchangeOnce();
    return running;
  }

  function start(): void {
    if (!isStopped && running === undefined) run().catch(onTrouble);
  }

  function goOn(): void {
    if (exchanger.hasWanted()) {
      start();
      return;
    }
    if (waiting.count() === 0 || pause !== undefined) return;
    const isFailing = exchanger.isRepeating();
    if (!isFailing && waiting.hasNew()) start();
    else pause = setTimeout(resume, isFailing ? RETRY_PAUSE_MS : SHORTAGE_PAUSE_MS);
  }

  function resume(): void {
    pause = undefined;
    start();
  }

  return {
    start,
    async flush(): Promise<void> {
      // The one under way may have begun before the last posting.
      await run();
      while (exchanger.hasUntold()) await run();
    },
    stop(): void {
      isStopped = true;
      clearTimeout(pause);
    },
  };
}
