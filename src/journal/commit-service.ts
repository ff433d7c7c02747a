/**
 * Group commit. While one batch is being written the next gathers; nothing that must be durable waits for a timer.
 * Records that nobody waits for upstream (receipts, refusals) go with the next batch, at most SOON_MS later, so that one
 * signature and one write serve many of them.
 */
import { toHex } from '../lib/bytes.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { chainStart, MAX_BATCH_BYTES } from './batch.ts';
import { buildBatch, type StoredReceipt } from './build-batch.ts';
import type { GatewayId, Position } from './receipt.ts';
import { JournalFull, type SegmentWriter } from './segment-client.ts';

interface Waiting {
  readonly line: string;
  readonly isReceipt: boolean;
  /** Given up where the disk is full; the others are written when it takes them. */
  readonly isUrgent: boolean;
  readonly done: (outcome: { readonly position: Position; readonly receipt: StoredReceipt | undefined }) => void;
  readonly fail: (error: Error) => void;
}

const SOON_MS = 25;
const MAX_BATCH_RECORDS = 8_192;
/** Well below MAX_BATCH_BYTES, since characters can take three bytes each. */
const MAX_BATCH_CHARS = MAX_BATCH_BYTES / 4;
const MAX_WAITING = 65_536;
const FULL_PAUSE_MS = 500;

export type Committer = ReturnType<typeof createCommitter>;

export interface Head {
  readonly gateway: GatewayId;
  readonly batch: number;
  /** 64 hexadecimal digits. */
  readonly chain: string;
}

export function createCommitter(gateway: GatewayId, segments: SegmentWriter, signer: Ed25519Signer) {
  const queue = createQueue();
  let number = 0;
  let chain = chainStart(gateway);
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let fullUntil = 0;
  const isFull = (): boolean => performance.now() < fullUntil;

  function add(entry: Waiting): void {
    if (entry.isUrgent && isFull()) entry.fail(new JournalFull('the disk is full'));
    else if (!queue.add(entry)) entry.fail(new Error(`${MAX_WAITING} records wait for the disk already`));
    else schedule();
  }

  function schedule(): void {
    if (writing !== undefined) return;
    if (queue.isDue() && !isFull()) start();
    else if (queue.count() > 0) timer ??= setTimeout(onTimer, isFull() ? FULL_PAUSE_MS : SOON_MS);
  }

  function onTimer(): void {
    timer = undefined;
    schedule();
  }

  function start(): void {
    // All that is asked in this turn of the event loop goes together; a write costs as much as ten calls.
    writing = new Promise<void>((resolve) => setImmediate(resolve)).then(commit).finally(() => {
      writing = undefined;
      schedule();
    });
  }

  async function commit(): Promise<void> {
    const taken = queue.take();
    const built = buildBatch(taken, { gateway, number, chain }, signer);
    try {
      await segments.put(built.bytes);
    } catch (error) {
      putBack(taken, error as Error);
      return;
    }
    ({ number, chain } = built);
    taken.forEach(({ done }, record) => {
      done({ position: { batch: number, record }, receipt: built.stored[record] });
    });
  }

  /** What waits for an answer is refused; what already happened is kept for when there is space again. */
  function putBack(taken: readonly Waiting[], error: Error): void {
    const isKept = ({ isUrgent }: Waiting): boolean => error instanceof JournalFull && !isUrgent;
    if (error instanceof JournalFull) fullUntil = performance.now() + FULL_PAUSE_MS;
    queue.putBack(taken.filter(isKept));
    for (const entry of taken) if (!isKept(entry)) entry.fail(error);
  }

  return {
    add,
    head: (): Head | undefined => (number === 0 ? undefined : { gateway, batch: number, chain: toHex(chain) }),
    /** Until nothing waits. Throws where the disk takes nothing. */
    async drain(): Promise<void> {
      while (queue.count() > 0 || writing !== undefined) {
        if (writing === undefined) start();
        await writing;
        if (queue.count() > 0 && isFull()) throw new JournalFull('the disk is full');
      }
      clearTimeout(timer);
    },
  };
}

/** What waits for the disk, in two lines: what somebody waits for, and what can wait a moment for company. */
function createQueue() {
  let urgent: Waiting[] = [];
  let later: Waiting[] = [];
  let laterSince = 0;
  const isLaterDue = (): boolean => later.length > 0 && performance.now() - laterSince >= SOON_MS;

  return {
    add(entry: Waiting): boolean {
      if (urgent.length + later.length >= MAX_WAITING) return false;
      if (!entry.isUrgent && later.length === 0) laterSince = performance.now();
      (entry.isUrgent ? urgent : later).push(entry);
      return true;
    },
    count: (): number => urgent.length + later.length,
    isDue: (): boolean => urgent.length > 0 || isLaterDue(),
    take(): Waiting[] {
      const isWithLater = urgent.length === 0 || isLaterDue();
      const all = isWithLater && later.length > 0 ? [...urgent, ...later] : urgent;
      const count = countNext(all);
      const taken = count === all.length ? all : all.slice(0, count);
      if (isWithLater) later = later.slice(Math.max(0, count - urgent.length));
      urgent = urgent.slice(count);
      return taken;
    },
    putBack(entries: readonly Waiting[]): void {
      if (later.length === 0) laterSince = performance.now();
      later = [...entries, ...later];
    },
  };
}

/** How many go into one batch: at least one. */
function countNext(waiting: readonly Waiting[]): number {
  let [count, chars] = [0, 0];
  for (const { line } of waiting) {
    chars += line.length;
    if (count > 0 && (count === MAX_BATCH_RECORDS || chars > MAX_BATCH_CHARS)) break;
    count += 1;
  }
  return count;
}
