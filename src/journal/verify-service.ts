/** Verifies the journal of one gateway offline: chain, signed roots, receipts, order of records, and heads in the log. */
import { basename } from 'node:path';
import { fromBase64 } from '../lib/bytes.ts';
import { verifyEd25519 } from '../lib/ed25519.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Head } from './commit-service.ts';
import { type FoundBatch, JournalAltered, type JournalRefusal, readJournal } from './read-service.ts';
import { createReceiptTree, receiptLeaf, rootMessage } from './receipt.ts';
import { type Gap, readGap } from './segment-client.ts';

export interface JournalReport {
  readonly gateway: string;
  readonly batches: number;
  readonly records: number;
  readonly receipts: number;
  readonly admitted: number;
  /** Admitted calls without a receipt: under way, or lost with their process. */
  readonly unsettled: number;
  /** Of the last batch, 64 hexadecimal digits. */
  readonly chain: string;
  /** Its process ended in order. */
  readonly isClosed: boolean;
  readonly tornBytes: number;
  /** Heads in the public log that it was held to. */
  readonly heads: number;
  /** Batches that were removed when their time was over, as the public log says. */
  readonly forgotten: number;
}

/** `heads` and `forgotten` are those that the public log holds; of other gateways they are passed over. */
export async function verifyJournal(
  directory: string,
  publicKey: Uint8Array,
  heads: readonly Head[] = [],
  forgotten: readonly Head[] = [],
): Promise<Result<JournalReport, JournalRefusal>> {
  const gateway = basename(directory);
  const own = heads.filter((head) => head.gateway === gateway);
  const gap = await readGap(directory);
  if (gap && !isProven(gap, gateway, own, forgotten)) return refuse({ kind: 'unproven-gap', batch: gap.batch });
  const count = createCount(gap);
  const reading = readJournal(directory);
  try {
    for (;;) {
      const step = await reading.next();
      if (step.done) {
        const { batches, ...counted } = count.end();
        const missing = own.find(({ batch }) => batch > batches);
        if (missing) return refuse({ kind: 'truncated', batch: missing.batch, last: batches });
        const forgottenBatches = gap?.batch ?? 0;
        return ok({
          gateway,
          batches,
          ...counted,
          tornBytes: step.value.tornBytes,
          heads: own.length,
          forgotten: forgottenBatches,
        });
      }
      const { head } = step.value;
      checkReceipts(step.value, gateway, publicKey);
      const fork = own.find(({ batch, chain }) => batch === head.number && chain !== head.chain);
      if (fork) return refuse({ kind: 'forked', batch: head.number, logged: fork.chain, found: head.chain });
      count.add(step.value);
    }
  } catch (error) {
    if (error instanceof JournalAltered) return refuse(error.refusal);
    throw error;
  }
}

/**
 * The log says that it was removed, and holds a head at its end or after it: of one that follows the chain is recomputed
 * from here, so that another beginning would not lead there.
 */
function isProven(gap: Gap, gateway: string, own: readonly Head[], forgotten: readonly Head[]): boolean {
  const { batch, chain } = gap;
  const isSaid = forgotten.some((it) => it.gateway === gateway && it.batch === batch && it.chain === chain);
  const isLed = own.some((head) => head.batch > batch || (head.batch === batch && head.chain === chain));
  return isSaid && isLed && own.every((head) => head.batch !== batch || head.chain === chain);
}

function checkReceipts({ head, lines, segment, offset }: FoundBatch, gateway: string, publicKey: Uint8Array): void {
  const altered = (why: string) =>
    new JournalAltered({ kind: 'altered', segment, offset, why: `batch ${head.number}: ${why}` });
  const receipts = lines.filter((line) => typeOf(line) === 'receipt');
  if (!head.receipts) {
    if (receipts.length > 0) throw altered('receipts without a signed root');
    return;
  }
  const { size, root, signature } = head.receipts;
  if (size !== receipts.length) throw altered(`${receipts.length} receipts where ${size} are signed`);
  const found = createReceiptTree(receipts.map(receiptLeaf)).root;
  if (found !== root) throw altered('the root is not that of its receipts');
  const message = rootMessage({ gateway, batch: head.number, size, root });
  if (!verifyEd25519(publicKey, message, fromBase64(signature) ?? Buffer.alloc(0)))
    throw altered('the root is not signed');
}

function typeOf(line: string): unknown {
  return readLine(line)?.type;
}

export interface AnyRecord {
  readonly type?: unknown;
  readonly [name: string]: unknown;
}

/** Undefined for what is no record. */
export function readLine(line: string): AnyRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as AnyRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Its call began in a batch that was removed. */
function isAdmittedIn(gap: Gap | undefined, { admitted }: AnyRecord): boolean {
  const { batch } = (admitted ?? {}) as { readonly batch?: unknown };
  return gap !== undefined && typeof batch === 'number' && batch <= gap.batch;
}

function createCount(gap: Gap | undefined) {
  let [batches, records, receipts, admitted] = [gap?.batch ?? 0, 0, 0, 0];
  let chain = gap?.chain ?? '';
  let isClosed = false;
  const unsettled = new Set<unknown>();
  return {
    add({ head, lines, segment, offset }: FoundBatch): void {
      const altered = (why: string) => new JournalAltered({ kind: 'altered', segment, offset, why });
      for (const line of lines) {
        const record = readLine(line);
        if (!record) throw altered('a line is no record');
        if (isClosed) throw altered('a record follows the end');
        if (record.type === 'admit') {
          admitted += 1;
          unsettled.add(record.call);
        } else if (record.type === 'receipt') {
          receipts += 1;
          if (!unsettled.delete(record.call) && !isAdmittedIn(gap, record))
            throw altered(`${String(record.call)} was settled and never admitted`);
        } else if (record.type === 'close') isClosed = true;
      }
      batches = head.number;
      records += lines.length;
      chain = head.chain;
    },
    end: () => ({ batches, records, receipts, admitted, unsettled: unsettled.size, chain, isClosed }),
  };
}
