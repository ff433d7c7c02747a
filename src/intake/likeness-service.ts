/** Compares the new records of a chunk with those that share a key with them, here or among themselves. */
import { type Census, judge, MAX_BUCKET, type Signature, takeCensus } from '../duplicates/index.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { ImportId } from './import-store.ts';
import { toSignature } from './likeness-trait-service.ts';
import { openRecords } from './look-service.ts';
import { createRecordStore, type RecordId } from './record-store.ts';

export interface Comparable {
  readonly id: RecordId;
  readonly importId: ImportId;
  readonly signature: Signature;
  readonly blinds: readonly Buffer[];
}

export interface Alike {
  readonly id: RecordId;
  readonly probability: number;
  readonly reasons: readonly string[];
}

export interface Comparison {
  /** The likeliest of those that are the same flaw. */
  readonly same: Alike | undefined;
  readonly borderline: readonly Alike[];
}

type Known = Omit<Comparable, 'blinds'>;

/** Records that one is compared with, the newest first. */
const MAX_COMPARED = 24;
const MAX_BORDERLINE = 5;
/** Signatures kept between chunks. */
const MAX_KEPT = 10_000;

export type Signatures = Map<RecordId, Known>;

/** Loads what the records of a chunk may be compared with. `kept` is carried from chunk to chunk. */
export async function createLikeness(
  tx: Transaction,
  vault: Vault,
  kept: Signatures,
  fresh: readonly Comparable[],
): Promise<{ compare(it: Comparable): Comparison; remember(it: Comparable): void }> {
  const records = createRecordStore(tx);
  const names = new Map(fresh.flatMap(({ blinds }) => blinds.map((blind) => [blind.toString('hex'), blind] as const)));
  const buckets = Map.groupBy(await records.findSharing([...names.values()], MAX_BUCKET + 1), ({ blind }) => blind);
  // A key that very many share says nothing.
  for (const [blind, bucket] of buckets) if (bucket.length > MAX_BUCKET) buckets.delete(blind);
  const numbers = new Set([...buckets.values()].flatMap((bucket) => bucket.map(({ number }) => number)));
  const byNumber = new Map<number, Known>();
  const stored = await records.findCanonical([...numbers]);
  for (const seen of await openRecords(
    tx,
    vault,
    stored.filter(({ id }) => !kept.has(id)),
  )) {
    if (seen.claim) kept.set(seen.id, { id: seen.id, importId: seen.importId, signature: toSignature(seen.claim) });
  }
  for (const { id, number } of stored) {
    const known = kept.get(id);
    if (known) byNumber.set(number, known);
  }
  for (const id of kept.keys()) {
    if (kept.size <= MAX_KEPT) break;
    kept.delete(id);
  }
  const here = new Map<string, Known[]>();
  const census = takeCensus([...fresh, ...byNumber.values()].map(({ signature }) => signature));
  const sharing = ({ blinds }: Comparable): Known[] => {
    const found = new Map<RecordId, Known>();
    for (const blind of blinds) {
      const key = blind.toString('hex');
      for (const known of here.get(key) ?? []) found.set(known.id, known);
      for (const { number } of buckets.get(key) ?? []) {
        const known = byNumber.get(number);
        if (known) found.set(known.id, known);
      }
    }
    return [...found.values()].slice(0, MAX_COMPARED);
  };
  return {
    compare: (it) => compare(it, sharing(it), census),
    remember(it) {
      for (const blind of it.blinds) {
        const key = blind.toString('hex');
        const bucket = here.get(key) ?? [];
        if (bucket.length < MAX_BUCKET) bucket.push(it);
        here.set(key, bucket);
      }
    },
  };
}

function compare(it: Comparable, others: readonly Known[], census: Census): Comparison {
  let same: Alike | undefined;
  const borderline: Alike[] = [];
  for (const other of others) {
    if (areToldApart(it, other)) continue;
    const { probability, verdict, reasons } = judge(it.signature, other.signature, census);
    const alike = { id: other.id, probability, reasons };
    if (verdict === 'same' && probability > (same?.probability ?? 0)) same = alike;
    if (verdict === 'borderline') borderline.push(alike);
  }
  borderline.sort((one, another) => another.probability - one.probability);
  return { same, borderline: same ? [] : borderline.slice(0, MAX_BORDERLINE) };
}

/** Two results of one scanner in one log are two: the tool that wrote them saw both. Fuzzers and people do not. */
const areToldApart = (one: Known, other: Known): boolean =>
  one.importId === other.importId &&
  one.signature.rule !== '' &&
  other.signature.rule !== '' &&
  one.signature.engine === other.signature.engine;
