/**
 * Group commit. While one batch is being written the next gathers; nothing that must be durable waits for a timer.
 * Records that nobody waits for upstream (receipts, refusals) go with the next batch, at most SOON_MS later, so that one
 * signature and one write serve many of them.
 */
import { toHex } from '../lib/bytes.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { chainStart, MAX_BATCH_BYTES } from './batch.ts';
import { buildBatch } from './build-batch.ts';
import type { GatewayId, Position } from './receipt.ts';
import { JournalFull, type SegmentWriter } from './segment-client.ts';

interface Waiting {
  readonly line: string;
  readonly isReceipt: boolean;
  /** Given up where the disk is full; the others are written when it takes them. */
  readonly isUrgent: boolean;
  readonly done: (outcome: { readonly position: Position; readonly receipt: string | undefined }) => void;
  readonly fail: (error: Error) => void;
}

const SOON_MS = 10;
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
  let waiting: Waiting[] = [];
  let number = 0;
  let chain = chainStart(gateway);
  let isUrgent = false;
  let writing: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;
  let fullUntil = 0;

  function add(entry: Waiting): void {
    const isFull = entry.isUrgent && performance.now() < fullUntil;
    if (isFull || waiting.length >= MAX_WAITING) {
      entry.fail(isFull ? new JournalFull('the disk is full') : new Error('too many records wait for the disk'));
      return;
    }
    waiting.push(entry);
    isUrgent ||= entry.isUrgent;
    if (entry.isUrgent) start();
    else startIn(SOON_MS);
  }

  function startIn(ms: number): void {
    soon ??= setTimeout(start, ms);
  }

  function start(): void {
    clearTimeout(soon);
    soon = undefined;
    if (writing || waiting.length === 0) return;
    // All that is asked in this turn goes together.
    writing = Promise.resolve()
      .then(commit)
      .finally(() => {
        writing = undefined;
        if (isUrgent) start();
        else if (waiting.length > 0) startIn(performance.now() < fullUntil ? FULL_PAUSE_MS : SOON_MS);
      });
  }

  async function commit(): Promise<void> {
    const taken = takeSome();
    const built = buildBatch(taken, { gateway, number, chain }, signer);
    try {
      await segments.put(built.bytes);
    } catch (error) {
      putBack(taken, error as Error);
      return;
    }
    ({ number, chain } = built);
    for (const [record, { done }] of taken.entries()) {
      done({ position: { batch: number, record }, receipt: built.stored[record] });
    }
  }

  function takeSome(): Waiting[] {
    const count = countNext(waiting);
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    isUrgent = waiting.some((entry) => entry.isUrgent);
    return taken;
  }

  /** What waits for an answer is refused; what already happened is kept for when there is space again. */
  function putBack(taken: readonly Waiting[], error: Error): void {
    const isFull = error instanceof JournalFull;
    if (isFull) fullUntil = performance.now() + FULL_PAUSE_MS;
    const kept = taken.filter((entry) => isFull && !entry.isUrgent);
    waiting = [...kept, ...waiting];
    for (const entry of taken) if (!kept.includes(entry)) entry.fail(error);
  }

  return {
    add,
    head: (): Head | undefined => (number === 0 ? undefined : { gateway, batch: number, chain: toHex(chain) }),
    /** Until nothing waits. Throws where the disk takes nothing. */
    async drain(): Promise<void> {
      while (waiting.length > 0 || writing !== undefined) {
        start();
        await writing;
        if (waiting.length > 0 && performance.now() < fullUntil) throw new JournalFull('the disk is full');
      }
      clearTimeout(soon);
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
