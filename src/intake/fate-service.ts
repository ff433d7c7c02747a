/**
 * What a person changes of fates: undoes a merge, frees what was put aside, says that two are one or that they are not.
 * Every change is written down with what was; no byte of a record is touched by any of them.
 */
import { type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import type { Vault } from '../store/vault.ts';
import { createBlind } from './blind.ts';
import { takeTurn } from './chunk-service.ts';
import { sameTraits } from './identity.ts';
import { createImportStore } from './import-store.ts';
import { openRecords, type SeenRecord } from './look-service.ts';
import { createPairStore, pairContext } from './pair-store.ts';
import { createRecordStore, type Fate, type RecordId, type StoredRecord } from './record-store.ts';

export type FateRefusal =
  | { readonly kind: 'no-such-record'; readonly id: string }
  | { readonly kind: 'no-such-pair'; readonly one: string; readonly other: string }
  | { readonly kind: 'other-fate'; readonly id: string; readonly fate: Fate['fate']; readonly needed: Fate['fate'] }
  | { readonly kind: 'says-nothing'; readonly id: string }
  | { readonly kind: 'itself'; readonly id: string };

export interface SeenPair {
  readonly left: SeenRecord;
  readonly right: SeenRecord;
  readonly probability: number;
  readonly reasons: readonly string[];
}

const CANONICAL: Fate = { fate: 'canonical' };

export function createFates({ database, vault }: { readonly database: Database; readonly vault: Vault }) {
  const blind = createBlind(vault);

  /** The record where it has this fate. */
  async function lockAs(tx: Transaction, id: string, needed: Fate['fate']): Promise<Result<StoredRecord, FateRefusal>> {
    const found = await createRecordStore(tx).lock(id);
    if (!found) return refuse({ kind: 'no-such-record', id });
    if (found.fate.fate !== needed) return refuse({ kind: 'other-fate', id, fate: found.fate.fate, needed });
    return { ok: true, value: found };
  }

  async function move(tx: Transaction, record: StoredRecord, became: Fate, actor: string): Promise<void> {
    await createRecordStore(tx).decide({ recordId: record.id, was: record.fate, became, actor });
    await createImportStore(tx).move(record.importId, record.fate.fate, became.fate);
  }

  async function release(tx: Transaction, id: string, actor: string): Promise<Result<RecordId, FateRefusal>> {
    await takeTurn(tx);
    const found = await lockAs(tx, id, 'rejected');
    if (!found.ok) return found;
    const [seen] = await openRecords(tx, vault, [found.value]);
    if (!seen?.claim) return refuse({ kind: 'says-nothing', id });
    await move(tx, found.value, CANONICAL, actor);
    await createRecordStore(tx).addBlinds(found.value.number, sameTraits(seen.claim).map(blind));
    return { ok: true, value: found.value.id };
  }

  return {
    /** The record is canonical as if it had never been merged; nothing else is different. */
    unmerge: (id: string, actor: string): Promise<Result<RecordId, FateRefusal>> =>
      decide<RecordId, FateRefusal>(database, async (tx) => {
        await takeTurn(tx);
        const found = await lockAs(tx, id, 'merged');
        if (!found.ok) return found;
        const { fate } = found.value;
        await move(tx, found.value, CANONICAL, actor);
        if (fate.fate === 'merged') await createPairStore(tx).settle(found.value.id, fate.into, 'distinct');
        return { ok: true, value: found.value.id };
      }),

    /** What was rejected is a finding to work on after all. */
    release: (id: string, actor: string): Promise<Result<RecordId, FateRefusal>> =>
      decide<RecordId, FateRefusal>(database, (tx) => release(tx, id, actor)),
    /** Within the caller's transaction, which a refusal does not undo: nothing was changed then. */
    releaseIn: release,

    merge: (id: string, into: string, actor: string): Promise<Result<RecordId, FateRefusal>> =>
      decide<RecordId, FateRefusal>(database, async (tx) => {
        if (id === into) return refuse({ kind: 'itself', id });
        await takeTurn(tx);
        const [found, root] = [await lockAs(tx, id, 'canonical'), await lockAs(tx, into, 'canonical')];
        if (!found.ok) return found;
        if (!root.ok) return root;
        await move(tx, found.value, { fate: 'merged', into: root.value.id, reason: 'by-hand' }, actor);
        await createPairStore(tx).settle(found.value.id, root.value.id, 'merged');
        return { ok: true, value: root.value.id };
      }),

    /** The pair is no longer shown. */
    distinguish: (one: string, other: string): Promise<Result<undefined, FateRefusal>> =>
      decide<undefined, FateRefusal>(database, async (tx) => {
        const isPair = await createPairStore(tx).settle(one as RecordId, other as RecordId, 'distinct');
        return isPair ? { ok: true, value: undefined } : refuse({ kind: 'no-such-pair', one, other });
      }),

    /** Side by side, the likeliest first. */
    pairs: (limit: number): Promise<SeenPair[]> =>
      database.transaction(async (tx) => {
        const records = createRecordStore(tx);
        const seen: SeenPair[] = [];
        for (const { left, right, probability, keyId, sealedReasons } of await createPairStore(tx).listOpen(limit)) {
          const both = [await records.find(left), await records.find(right)].flatMap((it) => (it ? [it] : []));
          const [one, other] = await openRecords(tx, vault, both);
          const reasons = await vault.openJson<string[]>(tx, keyId, sealedReasons, pairContext(left, right));
          if (one && other) seen.push({ left: one, right: other, probability, reasons });
        }
        return seen;
      }),
  };
}
