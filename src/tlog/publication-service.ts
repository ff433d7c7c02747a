/** From the database to the public files: what is new after a step, or all of it. The files are an output, never a source. */

import { EMPTY_EDGE, edgeRoot, extendEdge } from '../lib/merkle.ts';
import type { Database, Transaction } from '../store/database.ts';
import { type Checkpoint, readCheckpoint } from './checkpoint.ts';
import { createEntryStore } from './entry-store.ts';
import { createHeadStore, type LogState } from './head-store.ts';
import type { LogDirectory, LogFile } from './log-directory-client.ts';
import { formatVerifierKey, type VerifierKey, verifyNote } from './note.ts';
import { CHECKPOINT_PATH, encodeBundle, hashesAtLevel, TILE_WIDTH, type Tile, tilePath, tilesBetween } from './tile.ts';
import { formatPolicy, trustOnly } from './witness-policy.ts';

export interface Published {
  /** Undefined where there is no head yet. */
  readonly head?: Checkpoint;
  readonly size: number;
  /** Files that were missing or different. */
  readonly written: number;
}

export function createPublication({
  database,
  directory,
  logKey,
}: {
  readonly database: Database;
  readonly directory: LogDirectory;
  readonly logKey: VerifierKey;
}) {
  /**
   * Throws where the public head is not one of this database's: then the database is older than what the world has
   * seen (a restored backup, say), and signing on would fork the log. Gives the size published.
   */
  async function readPublicHead(tx: Transaction): Promise<number> {
    const bytes = await directory.readCheckpoint();
    const head = bytes && readCheckpoint(bytes);
    // Absent or damaged: nothing there that anybody could hold against us, and it is written again.
    if (!head?.ok) return 0;
    const { checkpoint, note } = head.value;
    if (checkpoint.origin !== logKey.name) {
      throw new Error(
        `public/log holds the log ${checkpoint.origin}, the database ${logKey.name}. Move one of them away.`,
      );
    }
    if (!verifyNote(note, [logKey]).ok) return 0;
    const ours = await createHeadStore(tx).checkpoint(checkpoint.size);
    if (!ours || Buffer.compare(ours.root, checkpoint.root) !== 0) {
      throw new Error(
        `public/log has a signed head of ${checkpoint.size} entries that this database does not know. ` +
          'The database is older than the log: restore a newer backup. Going on would fork the log.',
      );
    }
    return ours.note === bytes?.toString() ? checkpoint.size : 0;
  }

  return {
    assertNotBehind: (tx: Transaction): Promise<void> => readPublicHead(tx).then(() => undefined),

    /** Writes what is new since the head that stands in public. */
    publish(): Promise<Published> {
      return database.transaction(async (tx) => {
        const log = await createHeadStore(tx).lock();
        const from = Math.min(await readPublicHead(tx), log.publishedSize);
        if (from === log.edge.size) return { size: from, written: 0 };
        return publishLocked(directory, tx, log, from);
      });
    },

    /** Checks the whole tree in the database against its head, writes every file anew and removes all others. */
    rebuild(): Promise<Published> {
      return database.transaction(async (tx) => {
        const log = await createHeadStore(tx).lock();
        await readPublicHead(tx);
        await checkTree(tx, log);
        const published = await publishLocked(directory, tx, log, 0);
        await directory.removeOthers(new Set(allTiles(log.edge.size).map(tilePath)));
        return published;
      });
    },

    /** `log.pub` and, unless the operator has one already, `witness-policy`, beside the log. */
    writeKeys(): Promise<void> {
      return database.transaction(async (tx) => {
        await createHeadStore(tx).lock();
        await directory.prepare();
        const files: LogFile[] = [{ path: '../log.pub', bytes: Buffer.from(`${formatVerifierKey(logKey)}\n`) }];
        const policy: LogFile = { path: '../witness-policy', bytes: Buffer.from(formatPolicy(trustOnly(logKey))) };
        await directory.write((await directory.has(policy.path)) ? files : [...files, policy]);
      });
    },
  };
}

/** Tiles first, the checkpoint when they are durable. */
async function publishLocked(
  directory: LogDirectory,
  tx: Transaction,
  log: LogState,
  from: number,
): Promise<Published> {
  const heads = createHeadStore(tx);
  const { size } = log.edge;
  if (size === 0) return { size, written: 0 };
  const checkpoint = await heads.checkpoint(size);
  if (!checkpoint) throw new Error(`the database lacks the checkpoint of size ${size}`);
  await directory.prepare();
  let written = 0;
  const tiles: Tile[] = [];
  for (const tile of tilesBetween(0, from, size)) {
    const first = tile.index * TILE_WIDTH;
    const leaves = await createEntryStore(tx).leaves(first, first + tile.width);
    const bundle: Tile = { ...tile, level: 'entries' };
    written += await directory.write([
      { path: tilePath(tile), bytes: Buffer.concat(leaves.map(({ leaf }) => leaf)) },
      { path: tilePath(bundle), bytes: encodeBundle(leaves.map(({ body }) => body)) },
    ]);
    tiles.push(tile, bundle);
  }
  const upper = await upperTiles(tx, from, size);
  written += await directory.write(upper.map(({ file }) => file));
  tiles.push(...upper.map(({ tile }) => tile));
  written += await directory.write([{ path: CHECKPOINT_PATH, bytes: Buffer.from(checkpoint.note) }]);
  await heads.markPublished(size);
  await directory.removePartials(tiles);
  return { size, written, head: { origin: log.origin, size, root: checkpoint.root } };
}

async function upperTiles(tx: Transaction, from: number, size: number): Promise<{ tile: Tile; file: LogFile }[]> {
  const tiles: { tile: Tile; file: LogFile }[] = [];
  for (let level = 1; hashesAtLevel(size, level) > 0; level++) {
    const before = hashesAtLevel(from, level);
    const now = hashesAtLevel(size, level);
    if (before === now) continue;
    for (const tile of tilesBetween(level, before, now)) {
      const first = tile.index * TILE_WIDTH;
      const hashes = await createHeadStore(tx).upperHashes(level, first, first + tile.width);
      tiles.push({ tile, file: { path: tilePath(tile), bytes: Buffer.concat(hashes) } });
    }
  }
  return tiles;
}

function allTiles(size: number): Tile[] {
  const tiles: Tile[] = tilesBetween('entries', 0, size);
  for (let level = 0; hashesAtLevel(size, level) > 0; level++) {
    tiles.push(...tilesBetween(level, 0, hashesAtLevel(size, level)));
  }
  return tiles;
}

/** Leaves rehashed from their bodies, folded, and held against the stored edge. */
async function checkTree(tx: Transaction, log: LogState): Promise<void> {
  let edge = EMPTY_EDGE;
  for (const { index, width } of tilesBetween(0, 0, log.edge.size)) {
    const leaves = await createEntryStore(tx).leaves(index * TILE_WIDTH, index * TILE_WIDTH + width);
    edge = extendEdge(
      edge,
      leaves.map(({ leaf }) => leaf),
    );
  }
  if (Buffer.compare(edgeRoot(edge), edgeRoot(log.edge)) !== 0) {
    throw new Error(`the entries in the database do not make the signed tree of ${log.edge.size}; nothing was written`);
  }
}
