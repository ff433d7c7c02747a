/** Compares the new records of a chunk with those that share a key with them, here or among themselves. */
import { type Census, judge, MAX_BUCKET, mayBeAlike, takeCensus } from '../duplicates/index.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { ImportId } from './import-store.ts';
import { type Likeness, toLikeness } from './likeness-trait-service.ts';
import { openRecords } from './look-service.ts';
import { createRecordStore, type RecordId } from './record-store.ts';

export interface Comparable extends Likeness {
  readonly id: RecordId;
  readonly importId: ImportId;
  /** By which it is found, and by which it looks for others. */
  readonly blinds: readonly Buffer[];
  readonly asked: readonly Buffer[];
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

type Known = Omit<Comparable, 'blinds' | 'asked'>;

/** Records that one is compared with, the newest first. */
const MAX_COMPARED = 24;
/** Records that share a key with one, looked at before it is known which of them count. */
const MAX_SHARING = 100;
const MAX_BORDERLINE = 5;
/** Signatures kept between chunks. */
const MAX_KEPT = 10_000;

/** By the numbers of their records. */
export type Signatures = Map<number, Known>;

/** Loads what the records of a chunk may be compared with. `kept` is carried from chunk to chunk. */
export async function createLikeness(
  tx: Transaction,
  vault: Vault,
  kept: Signatures,
  fresh: readonly Comparable[],
): Promise<{ compare(it: Comparable): Comparison; remember(it: Comparable): void }> {
  const neighbours = await findNeighbours(tx, fresh);
  const byNumber = await openSignatures(tx, vault, kept, new Set([...neighbours.values()].flat()));
  const here = new Map<string, Known[]>();
  const census = takeCensus([...fresh, ...byNumber.values()].map(({ brief }) => brief));
  const sharing = (it: Comparable): Known[] => {
    const found = new Map<RecordId, Known>();
    for (const blind of it.asked) {
      const key = blind.toString('hex');
      for (const known of here.get(key) ?? []) found.set(known.id, known);
    }
    for (const number of neighbours.get(it.id) ?? []) {
      const known = byNumber.get(number);
      if (known) found.set(known.id, known);
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

/** For each record, the newest that share a key with it and may be the same flaw. Nothing is opened for that. */
async function findNeighbours(
  tx: Transaction,
  fresh: readonly Comparable[],
): Promise<ReadonlyMap<RecordId, readonly number[]>> {
  const records = createRecordStore(tx);
  const names = new Map(fresh.flatMap(({ asked }) => asked.map((blind) => [blind.toString('hex'), blind] as const)));
  // A key that very many share says nothing.
  const buckets = await records.findSharing([...names.values()], MAX_BUCKET);
  const shared = new Map<RecordId, number[]>();
  for (const { id, asked } of fresh) {
    const numbers = new Set<number>();
    for (const blind of asked) for (const number of buckets.get(blind.toString('hex')) ?? []) numbers.add(number);
    shared.set(id, [...numbers].sort((one, other) => other - one).slice(0, MAX_SHARING));
  }
  const origins = await records.findOrigins([...new Set([...shared.values()].flat())]);
  return new Map(
    fresh.map(({ id, importId, brief }) => {
      const isOfLog = brief.rule !== '';
      const others = (shared.get(id) ?? []).filter((number) => {
        const origin = origins.get(number);
        return origin !== undefined && !(isOfLog && origin === importId);
      });
      return [id, others.slice(0, MAX_COMPARED)];
    }),
  );
}

async function openSignatures(
  tx: Transaction,
  vault: Vault,
  kept: Signatures,
  numbers: ReadonlySet<number>,
): Promise<ReadonlyMap<number, Known>> {
  const stored = await createRecordStore(tx).findCanonical([...numbers].filter((number) => !kept.has(number)));
  for (const { number, id, importId, claim } of await openRecords(tx, vault, stored)) {
    if (claim) kept.set(number, { id, importId, ...toLikeness(claim) });
  }
  const opened = new Map(
    [...numbers].flatMap((number) => {
      const known = kept.get(number);
      return known ? [[number, known] as const] : [];
    }),
  );
  for (const number of kept.keys()) {
    if (kept.size <= MAX_KEPT) break;
    kept.delete(number);
  }
  return opened;
}

function compare(it: Comparable, others: readonly Known[], census: Census): Comparison {
  let same: Alike | undefined;
  const borderline: Alike[] = [];
  for (const other of others) {
    if (areToldApart(it, other) || !mayBeAlike(it.brief, other.brief)) continue;
    const { probability, verdict, reasons } = judge(it.full(), other.full(), census);
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
  one.brief.rule !== '' &&
  other.brief.rule !== '' &&
  one.brief.engine === other.brief.engine;
