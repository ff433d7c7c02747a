/** What a gateway that ended had admitted, read from its journal, for the ledger to post. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Id } from '../lib/id.ts';
import type { BatchHead } from './batch.ts';
import { JOURNAL_FOLDER } from './journal.ts';
import { readJournal } from './read-service.ts';
import { type CallId, createReceiptTree, type GatewayId, receiptLeaf, toStoredText } from './receipt.ts';
import { listSegments } from './segment-client.ts';
import { type AnyRecord, readLine } from './verify-service.ts';

export interface Admitted<Limit extends string = string> {
  readonly call: CallId;
  readonly lease: Id<'lease'>;
  readonly limits: readonly Limit[];
  readonly reservedMicro: number;
  /** Undefined where the journal ends before the call did. */
  readonly costMicro: number | undefined;
  /** The signed receipt as its gateway would have stored it; made when asked for. */
  readonly toReceipt: (() => string) | undefined;
}

/** No call lasts half as long, so what was written earlier than this before the end is posted long ago. */
export const REACH_MS = 2 * 3_600_000;

/** Throws JournalAltered where the journal is not what was written: then what it says is not believed. */
export function createAdmittedReader<Limit extends string>(home: string) {
  return async function* readAdmitted(gateway: GatewayId): AsyncGenerator<Admitted<Limit>> {
    const directory = join(home, JOURNAL_FOLDER, gateway);
    const open = new Map<unknown, AnyRecord>();
    for await (const { head, lines } of readJournal(directory, { from: await firstToRead(directory) })) {
      const records = lines.map(readLine);
      const receipts = lines.filter((_, at) => records[at]?.type === 'receipt');
      let index = -1;
      for (const record of records) {
        if (record?.type === 'admit') open.set(record.call, record);
        else if (record?.type === 'receipt') {
          index += 1;
          const admit = open.get(record.call);
          open.delete(record.call);
          const place = index;
          const toReceipt = () => rebuildReceipt(gateway, head, receipts, place);
          if (admit) yield { ...toAdmitted<Limit>(admit), costMicro: record.costMicro as number, toReceipt };
        }
      }
    }
    for (const admit of open.values()) yield toAdmitted<Limit>(admit);
  };
}

function toAdmitted<Limit extends string>(admit: AnyRecord): Admitted<Limit> {
  return { ...(admit as unknown as Admitted<Limit>), costMicro: undefined, toReceipt: undefined };
}

/** `receipts` are all of the batch. */
function rebuildReceipt(
  gateway: GatewayId,
  { number, receipts: signed }: BatchHead,
  receipts: readonly string[],
  index: number,
): string {
  const tree = createReceiptTree(receipts.map(receiptLeaf));
  if (!signed || signed.size !== receipts.length || signed.root !== tree.root) {
    throw new Error(`batch ${number} of ${gateway} does not hold the receipts that are signed`);
  }
  const root = { gateway, batch: number, size: signed.size, root: signed.root };
  return toStoredText(receipts[index] ?? '', tree.path(index), index, root, signed.signature);
}

async function firstToRead(directory: string): Promise<string | undefined> {
  const segments = await listSegments(directory);
  const times = await Promise.all(segments.map(async (name) => (await stat(join(directory, name))).mtimeMs));
  const last = times.at(-1) ?? 0;
  return segments.find((_, index) => (times[index] ?? 0) >= last - REACH_MS);
}
