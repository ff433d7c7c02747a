/** Makes a proof of logging from a log's files. Does no I/O of its own, and returns no proof that it has not checked. */

import {
  EMPTY_EDGE,
  edgeRoot,
  extendEdge,
  type Hash,
  inclusionRanges,
  perfectNodes,
  rangeHash,
} from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type AuditRefusal, type LogReader, readHead } from './audit.ts';
import { checkProof, formatProof, type ProofRefusal, type ProvenEntry, readProof } from './proof.ts';
import {
  decodeBundle,
  MAX_BUNDLE_BYTES,
  MAX_TILE_BYTES,
  splitTile,
  TILE_HEIGHT,
  TILE_WIDTH,
  type Tile,
  tileHolding,
  tilePath,
  tilesBetween,
} from './tile.ts';
import type { WitnessPolicy } from './witness-policy.ts';

export type ProveRefusal =
  | AuditRefusal
  | ProofRefusal
  | { readonly kind: 'no-such-entry'; readonly index: number; readonly size: number };

/** Proves entry `index` to be in the log under its present checkpoint. The proof carries the entry. */
export async function proveEntry(
  reader: LogReader,
  policy: WitnessPolicy,
  index: number,
): Promise<Result<{ readonly proof: Uint8Array; readonly proven: ProvenEntry }, ProveRefusal>> {
  const head = await readHead(reader, policy);
  if (!head.ok) return head;
  const { size } = head.value.checkpoint;
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return refuse({ kind: 'no-such-entry', index, size });
  const entry = await readLogEntry(reader, index, size);
  if (!entry.ok) return entry;

  const ranges = inclusionRanges(index, size);
  const tiles = new Map<string, Hash[]>();
  for (const node of ranges.flatMap(perfectNodes)) {
    const tile = tileOf(node, size);
    const path = tilePath(tile);
    if (tiles.has(path)) continue;
    const bytes = await reader.read(path, MAX_TILE_BYTES);
    if (!bytes) return refuse({ kind: 'missing-file', path });
    const hashes = splitTile(bytes, tile.width);
    if (!hashes) return refuse({ kind: 'wrong-length', path, bytes: bytes.length });
    tiles.set(path, hashes);
  }
  const perfect = (height: number, position: number): Hash => {
    const tile = tileOf({ height, index: position }, size);
    const width = 2 ** (height % TILE_HEIGHT);
    const from = position * width - tile.index * TILE_WIDTH;
    const hashes = tiles.get(tilePath(tile))?.slice(from, from + width) ?? [];
    return edgeRoot(extendEdge(EMPTY_EDGE, hashes));
  };
  const path = ranges.map((range) => rangeHash(range, perfect));
  const proof = formatProof({ extra: entry.value, index, path, checkpoint: head.value.bytes });
  const read = readProof(proof);
  if (!read.ok) return read;
  const proven = checkProof(read.value, policy);
  return proven.ok ? ok({ proof, proven: proven.value }) : proven;
}

/**
 * The first entry that is wanted, by its index. What is read on the way is not verified: whoever is told an index has it
 * proven, and an entry that is not found here may have been hidden by whoever keeps the log.
 */
export async function findEntry(
  reader: LogReader,
  policy: WitnessPolicy,
  isWanted: (entry: Uint8Array) => boolean,
): Promise<Result<number | undefined, ProveRefusal>> {
  const head = await readHead(reader, policy);
  if (!head.ok) return head;
  for (const tile of tilesBetween('entries', 0, head.value.checkpoint.size)) {
    const entries = await readBundle(reader, tile);
    if (!entries.ok) return entries;
    const at = entries.value.findIndex(isWanted);
    if (at >= 0) return ok(tile.index * TILE_WIDTH + at);
  }
  return ok(undefined);
}

async function readBundle(reader: LogReader, bundle: Tile): Promise<Result<readonly Uint8Array[], ProveRefusal>> {
  const path = tilePath(bundle);
  const bytes = await reader.read(path, MAX_BUNDLE_BYTES);
  if (!bytes) return refuse({ kind: 'missing-file', path });
  const entries = decodeBundle(bytes, bundle.width);
  return entries.ok ? entries : refuse({ kind: 'wrong-file', path, why: entries.refusal.why });
}

/** The entry's bytes, not yet verified. */
async function readLogEntry(reader: LogReader, index: number, size: number): Promise<Result<Uint8Array, ProveRefusal>> {
  const entries = await readBundle(reader, { ...tileHolding(0, index, size), level: 'entries' });
  if (!entries.ok) return entries;
  const entry = entries.value[index % TILE_WIDTH];
  return entry ? ok(entry) : refuse({ kind: 'no-such-entry', index, size });
}

/** The tile that holds the hashes under a perfect node. */
function tileOf({ height, index }: { readonly height: number; readonly index: number }, size: number): Tile {
  return tileHolding(Math.floor(height / TILE_HEIGHT), index * 2 ** (height % TILE_HEIGHT), size);
}
