/** Pairs of canonical records that may be one flaw. The only file that knows `intake.pairs`. */
import type { Transaction } from '../store/database.ts';
import type { DataKeyId } from '../store/vault.ts';
import type { RecordId } from './record-store.ts';

export interface StoredPair {
  readonly left: RecordId;
  readonly right: RecordId;
  readonly probability: number;
  readonly keyId: DataKeyId;
  readonly sealedReasons: Buffer;
}

export type PairState = 'open' | 'merged' | 'distinct';

/** The order of the two says nothing, so there is one. */
export const inOrder = (one: RecordId, other: RecordId): readonly [RecordId, RecordId] =>
  one < other ? [one, other] : [other, one];

export const pairContext = (left: string, right: string): string => `intake.pairs/${left}/${right}`;

export function createPairStore(tx: Transaction) {
  return {
    async insert(fresh: readonly StoredPair[]): Promise<void> {
      if (fresh.length === 0) return;
      await tx.query(
        `insert into intake.pairs (left_id, right_id, probability, key_id, sealed_reasons)
         select * from unnest($1::text[], $2::text[], $3::float8[], $4::text[], $5::bytea[]) on conflict do nothing`,
        [
          fresh.map(({ left }) => left),
          fresh.map(({ right }) => right),
          fresh.map(({ probability }) => probability),
          fresh.map(({ keyId }) => keyId),
          fresh.map(({ sealedReasons }) => sealedReasons),
        ],
      );
    },

    /** The likeliest first; only of records that are both canonical still. */
    async listOpen(limit: number): Promise<StoredPair[]> {
      const { rows } = await tx.query<PairRow>(
        `select p.* from intake.pairs p
           join intake.records l on l.id = p.left_id and l.fate = 'canonical'
           join intake.records r on r.id = p.right_id and r.fate = 'canonical'
          where p.state = 'open' order by p.probability desc, p.left_id, p.right_id limit $1`,
        [limit],
      );
      return rows.map((row) => ({
        left: row.left_id,
        right: row.right_id,
        probability: row.probability,
        keyId: row.key_id,
        sealedReasons: row.sealed_reasons,
      }));
    },

    /** Whether there was such a pair. */
    async settle(one: RecordId, other: RecordId, state: PairState): Promise<boolean> {
      const { rows } = await tx.query(
        'update intake.pairs set state = $3 where left_id = $1 and right_id = $2 returning left_id',
        [...inOrder(one, other), state],
      );
      return rows.length > 0;
    },
  };
}

interface PairRow {
  readonly left_id: RecordId;
  readonly right_id: RecordId;
  readonly probability: number;
  readonly key_id: DataKeyId;
  readonly sealed_reasons: Buffer;
}
