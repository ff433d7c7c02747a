/** What a gateway that ended had admitted, read from its journal, for the ledger to post. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Id } from '../lib/id.ts';
import type { BatchHead } from './batch.ts';
import { JOURNAL_FOLDER } from './journal.ts';
import { readJournal } from './read-service.ts';
import {
  type CallId,
  createReceiptTree,
  type GatewayId,
  type Position,
  type Receipt,
  receiptLeaf,
  toStoredText,
} from './receipt.ts';
import type { AdmitRecord } from './record.ts';
import { listSegments } from './segment-client.ts';
import { type AnyRecord, readLine } from './verify-service.ts';

export interface Admitted<Limit extends string = string> {
  readonly call: CallId;
  readonly lease: Id<'lease'>;
  readonly limits: readonly Limit[];
  readonly reservedMicro: number;
  /** Undefined where the journal ends before the call did. */
  readonly costMicro: number | undefined;
  /**
   * The signed receipt, made when asked for: as its gateway would have stored it, or, of a call without an end, one that
   * says so, from the gateway that recovers.
   */
  readonly toReceipt: (() => Promise<string>) | undefined;
}

/** Writes the end of a call that its own gateway could not write. */
export type EndLost = (admit: AdmitRecord, admitted: Position, gateway: GatewayId) => Promise<string>;

/** No call lasts half as long, so what was written earlier than this before the end is posted long ago. */
export const REACH_MS = 2 * 3_600_000;

/** Throws JournalAltered where the journal is not what was written: then what it says is not believed. */
export function createAdmittedReader<Limit extends string>(home: string, endLost?: EndLost) {
  return async function* readAdmitted(gateway: GatewayId): AsyncGenerator<Admitted<Limit>> {
    const directory = join(home, JOURNAL_FOLDER, gateway);
    const open = new Map<unknown, { readonly admit: AnyRecord; readonly position: Position }>();
    for await (const { head, lines } of readJournal(directory, { from: await firstToRead(directory) })) {
      const records = lines.map(readLine);
      const receipts = lines.filter((_, at) => records[at]?.type === 'receipt');
      let index = -1;
      for (const [at, record] of records.entries()) {
        const position = { batch: head.number, record: at };
        if (record?.type === 'admit') open.set(record.call, { admit: record, position });
        else if (record?.type === 'receipt') {
          index += 1;
          const admit = open.get(record.call)?.admit;
          open.delete(record.call);
          const place = index;
          const toReceipt = async () => rebuildReceipt(gateway, head, receipts, place);
          if (admit) yield { ...toAdmitted<Limit>(admit), costMicro: record.costMicro as number, toReceipt };
        }
      }
    }
    for (const { admit, position } of open.values()) {
      const toReceipt = endLost && (() => endLost(admit as unknown as AdmitRecord, position, gateway));
      yield { ...toAdmitted<Limit>(admit), toReceipt };
    }
  };
}

function toAdmitted<Limit extends string>(admit: AnyRecord): Admitted<Limit> {
  return { ...(admit as unknown as Admitted<Limit>), costMicro: undefined, toReceipt: undefined };
}

const NO_TOKENS = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };

/** What can be said of a call whose gateway ended before it did: it is charged what was reserved, and nobody knows more. */
export function toLostReceipt(
  { call, organisation, person, grant, tier = '', scope, model, reservedMicro, requestSha256 }: AdmitRecord,
  { admitted, by, at }: { readonly admitted: Position; readonly by: GatewayId; readonly at: Date },
  of: GatewayId,
): Receipt {
  return {
    ...{ call, organisation, person, grant, tier, scope, reservedMicro, requestSha256, admitted },
    ...{ gateway: by, at: at.toISOString(), asked: model, served: '', verdicts: [], tokens: NO_TOKENS },
    costMicro: reservedMicro,
    outcome: 'lost',
    why: 'its gateway ended before the call did: what the provider bills is not known, and the reservation is charged',
    facts: { admittedBy: of },
  };
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
