/** The log's head in Postgres: the only file that knows `tlog.logs`, `tlog.nodes` and `tlog.checkpoints`. */

import { HASH_BYTES, type Hash, type TreeEdge } from '../lib/merkle.ts';
import type { Transaction } from '../store/database.ts';

export interface LogIdentity {
  readonly origin: string;
  /** vkeys. */
  readonly logKey: string;
  readonly issuerKey: string;
}

export interface LogState extends LogIdentity {
  readonly edge: TreeEdge;
  readonly publishedSize: number;
}

export interface StoredCheckpoint {
  readonly size: number;
  readonly root: Hash;
  /** The signed note, verbatim. */
  readonly note: string;
}

/** Hash `index` of the tiles at `level`. */
export interface UpperNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Hash;
}

export function createHeadStore(tx: Transaction) {
  return {
    /** False if there is a log already. */
    async create({ origin, logKey, issuerKey }: LogIdentity): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into tlog.logs (origin, log_key, issuer_key) values ($1, $2, $3)
         on conflict do nothing returning origin`,
        [origin, logKey, issuerKey],
      );
      return rows.length > 0;
    },

    async find(): Promise<LogState | undefined> {
      const { rows } = await tx.query<LogRow>('select * from tlog.logs');
      return rows[0] && fromRow(rows[0]);
    },

    /** Until commit nobody else can sequence or publish. */
    async lock(): Promise<LogState> {
      const { rows } = await tx.query<LogRow>('select * from tlog.logs for update');
      if (!rows[0]) throw new Error('there is no log in this database');
      return fromRow(rows[0]);
    },

    /** The tree has grown to `edge`; `nodes` were completed on the way, `checkpoint` is its head. */
    async grow(
      edge: TreeEdge,
      nodes: readonly UpperNode[],
      { size, root, note }: StoredCheckpoint,
      at: Date,
    ): Promise<void> {
      if (nodes.length > 0) {
        await tx.query(
          `insert into tlog.nodes (level, index, hash)
           select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])`,
          [nodes.map((node) => node.level), nodes.map((node) => node.index), nodes.map((node) => node.hash)],
        );
      }
      await tx.query('insert into tlog.checkpoints (size, root, note, at) values ($1, $2, $3, $4)', [
        size,
        root,
        note,
        at,
      ]);
      await tx.query('update tlog.logs set size = $1, edge = $2', [edge.size, Buffer.concat(edge.nodes)]);
    },

    async markPublished(size: number): Promise<void> {
      await tx.query('update tlog.logs set published_size = $1', [size]);
    },

    async upperHashes(level: number, from: number, to: number): Promise<Hash[]> {
      const { rows } = await tx.query<{ hash: Buffer }>(
        'select hash from tlog.nodes where level = $1 and index >= $2 and index < $3 order by index',
        [level, from, to],
      );
      if (rows.length !== to - from) throw new Error(`the database lacks nodes ${from} to ${to} of level ${level}`);
      return rows.map(({ hash }) => hash);
    },

    async checkpoint(size: number): Promise<StoredCheckpoint | undefined> {
      const { rows } = await tx.query<CheckpointRow>('select size, root, note from tlog.checkpoints where size = $1', [
        size,
      ]);
      return rows[0] && { ...rows[0], size: Number(rows[0].size) };
    },
  };
}

interface LogRow {
  origin: string;
  log_key: string;
  issuer_key: string;
  size: string;
  edge: Buffer;
  published_size: string;
}

interface CheckpointRow {
  size: string;
  root: Buffer;
  note: string;
}

function fromRow(row: LogRow): LogState {
  const nodes = Array.from({ length: row.edge.length / HASH_BYTES }, (_, index) =>
    row.edge.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  );
  return {
    origin: row.origin,
    logKey: row.log_key,
    issuerKey: row.issuer_key,
    edge: { size: Number(row.size), nodes },
    publishedSize: Number(row.published_size),
  };
}
