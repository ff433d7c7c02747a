/**
 * A log as static files: tiles of 256 hashes and bundles of 256 entries. https://c2sp.org/tlog-tiles
 *
 *     checkpoint · tile/<level>/<N>[.p/<W>] · tile/entries/<N>[.p/<W>]
 *
 * Hash i of tile n at level l is the perfect node (8 * l, 256 * n + i). The rightmost tile of a level may be partial.
 */

import { HASH_BYTES, type Hash } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export const TILE_WIDTH = 256;
/** Tree levels a tile spans. */
export const TILE_HEIGHT = 8;
/** An entry's length is written in two bytes. */
export const MAX_ENTRY_BYTES = 65_535;
export const MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2);
export const MAX_TILE_BYTES = TILE_WIDTH * HASH_BYTES;
export const CHECKPOINT_PATH = 'checkpoint';
export const TILE_FOLDER = 'tile';

export interface Tile {
  readonly level: number | 'entries';
  readonly index: number;
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number;
}

export type BundleRefusal = { readonly kind: 'malformed-bundle'; readonly why: string };

export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/.{3}/g) ?? [];
  const path = groups.map((group, position) => (position < groups.length - 1 ? `x${group}` : group)).join('/');
  return `${TILE_FOLDER}/${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

/** Undefined for every path that `tilePath` would not have written. */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  if (!match) return undefined;
  const [, level = '', groups = '', width] = match;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replace(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  return tile.width > 0 && tilePath(tile) === path ? tile : undefined;
}

/** Hashes at a tile level in a tree of `size` leaves: floor(size / 256^level). */
export function hashesAtLevel(size: number, level: number): number {
  let count = size;
  for (let below = 0; below < level; below++) count = Math.floor(count / TILE_WIDTH);
  return count;
}

/** The tiles of one level that hold the hashes from `from` (inclusive) to `to` (exclusive), as wide as `to` makes them. */
export function tilesBetween(level: Tile['level'], from: number, to: number): Tile[] {
  const tiles: Tile[] = [];
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < to; index++) {
    tiles.push({ level, index, width: Math.min(TILE_WIDTH, to - index * TILE_WIDTH) });
  }
  return tiles;
}

/** The tile of a tree of `size` leaves that holds hash `position` of `level`. */
export function tileHolding(level: number, position: number, size: number): Tile {
  const index = Math.floor(position / TILE_WIDTH);
  return { level, index, width: Math.min(TILE_WIDTH, hashesAtLevel(size, level) - index * TILE_WIDTH) };
}

/** Undefined unless the bytes hold exactly `width` hashes. */
export function splitTile(bytes: Uint8Array, width: number): Hash[] | undefined {
  if (bytes.length !== width * HASH_BYTES) return undefined;
  return Array.from({ length: width }, (_, index) => bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
}

/** Each entry behind its length as two big-endian bytes. Throws RangeError on an entry that is too long. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY_BYTES)
      throw new RangeError(`an entry of ${entry.length} bytes; at most ${MAX_ENTRY_BYTES}`);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** Exactly `width` entries and not a byte more. */
export function decodeBundle(bytes: Uint8Array, width: number): Result<Uint8Array[], BundleRefusal> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  let at = 0;
  for (let count = 0; count < width; count++) {
    if (at + 2 > bytes.length)
      return refuse({ kind: 'malformed-bundle', why: `ends before entry ${count + 1} of ${width}` });
    const end = at + 2 + view.getUint16(at);
    if (end > bytes.length)
      return refuse({ kind: 'malformed-bundle', why: `ends within entry ${count + 1} of ${width}` });
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (at !== bytes.length)
    return refuse({ kind: 'malformed-bundle', why: `${bytes.length - at} bytes after the last entry` });
  return ok(entries);
}
