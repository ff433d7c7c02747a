/**
 * Verifies a whole log, and fails closed: every hash of every tile, every entry, the checkpoint's signature, the witness
 * quorum, what was seen of the log before, and what the entries say. Does no I/O: whoever calls brings a reader.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { EMPTY_EDGE, edgeRoot, extendEdge, type Hash, leafHash } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Checkpoint, type CheckpointRefusal, readCheckpoint } from './checkpoint.ts';
import type { Cosignature } from './cosignature.ts';
import { MAX_NOTE_BYTES, type Note, type NoteRefusal, type VerifierKey, verifyNote } from './note.ts';
import type { Commitment } from './overdue.ts';
import { createStatementAudit, type StatementRefusal } from './statement-audit.ts';
import {
  type BundleRefusal,
  CHECKPOINT_PATH,
  decodeBundle,
  encodeBundle,
  hashesAtLevel,
  MAX_BUNDLE_BYTES,
  MAX_TILE_BYTES,
  parseTilePath,
  splitTile,
  TILE_HEIGHT,
  TILE_WIDTH,
  type Tile,
  tilePath,
  tilesBetween,
} from './tile.ts';
import { checkQuorum, type PolicyRefusal, type WitnessPolicy } from './witness-policy.ts';

/** A log's files, wherever they lie. Paths are those of `tilePath` and `checkpoint`. */
export interface LogReader {
  /** Undefined where there is no such file; throws where that cannot be told or the file is longer than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Every file below `tile/`, where the place can be listed. */
  list?(): Promise<readonly string[]>;
}

/** A head seen before, which the log must still contain. */
export type KnownHead = Pick<Checkpoint, 'size' | 'root'>;

export interface AuditOptions {
  readonly policy: WitnessPolicy;
  readonly known?: KnownHead | undefined;
  readonly onEntry?: (index: number, entry: Uint8Array) => void;
}

export interface AuditReport {
  readonly checkpoint: Checkpoint;
  /** Verbatim. */
  readonly checkpointNote: Note;
  readonly signer: VerifierKey;
  readonly cosignatures: readonly Cosignature[];
  /** Files read and found right. */
  readonly files: number;
  /** Entries that are statements of ours; 0 in a log of another kind. */
  readonly statements: number;
  readonly commitments: readonly Commitment[];
}

export type AuditRefusal =
  | HeadRefusal
  | StatementRefusal
  | { readonly kind: 'missing-file'; readonly path: string }
  | { readonly kind: 'wrong-length'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'wrong-hash'; readonly path: string; readonly position: number }
  | { readonly kind: 'wrong-file'; readonly path: string; readonly why: string }
  | { readonly kind: 'unexpected-file'; readonly path: string }
  | { readonly kind: 'stale-checkpoint'; readonly size: number; readonly path: string }
  | { readonly kind: 'wrong-root'; readonly signed: string; readonly computed: string }
  | { readonly kind: 'fork'; readonly size: number; readonly known: string; readonly computed: string };

export type HeadRefusal =
  | CheckpointRefusal
  | NoteRefusal
  | PolicyRefusal
  | { readonly kind: 'no-checkpoint' }
  | { readonly kind: 'foreign-origin'; readonly origin: string; readonly signer: string }
  | { readonly kind: 'rollback'; readonly size: number; readonly known: number };

export interface LogHead {
  readonly bytes: Uint8Array;
  readonly note: Note;
  readonly checkpoint: Checkpoint;
  readonly signer: VerifierKey;
  readonly cosignatures: readonly Cosignature[];
}

/** Reads the checkpoint and everything that can be said of it without the tree. */
export async function readHead(reader: LogReader, policy: WitnessPolicy): Promise<Result<LogHead, HeadRefusal>> {
  const bytes = await reader.read(CHECKPOINT_PATH, MAX_NOTE_BYTES);
  if (!bytes) return refuse({ kind: 'no-checkpoint' });
  const head = readCheckpoint(bytes);
  if (!head.ok) return head;
  const { note, checkpoint } = head.value;
  const signer = verifyNote(note, policy.logs);
  if (!signer.ok) return signer;
  if (signer.value.name !== checkpoint.origin) {
    return refuse({ kind: 'foreign-origin', origin: checkpoint.origin, signer: signer.value.name });
  }
  const cosignatures = checkQuorum(note, policy);
  if (!cosignatures.ok) return cosignatures;
  return ok({ bytes, note, checkpoint, signer: signer.value, cosignatures: cosignatures.value });
}

export async function auditLog(reader: LogReader, options: AuditOptions): Promise<Result<AuditReport, AuditRefusal>> {
  const head = await readHead(reader, options.policy);
  if (!head.ok) return head;
  const { checkpoint, note, signer, cosignatures } = head.value;
  const { known } = options;
  if (known && known.size > checkpoint.size) {
    return refuse({ kind: 'rollback', size: checkpoint.size, known: known.size });
  }
  const files = createFileCheck(reader, checkpoint.size);
  const listed = await files.sort();
  if (listed) return refuse(listed);

  const statements = createStatementAudit(checkpoint.origin);
  let edge = EMPTY_EDGE;
  // Hashes of full tiles, by the level of tiles that holds them.
  const upper: Hash[][] = [];
  const onNode = (height: number, _index: number, hash: Hash): void => {
    if (height === 0 || height % TILE_HEIGHT !== 0) return;
    const level = height / TILE_HEIGHT;
    const hashes = upper[level] ?? [];
    hashes.push(hash);
    upper[level] = hashes;
  };
  if (known && !isKnownHead(0, edgeRoot(edge), known)) return refuse(fork(known, edgeRoot(edge)));
  for (const tile of tilesBetween(0, 0, checkpoint.size)) {
    const entries = await files.readEntries(tile);
    if (!entries.ok) return entries;
    for (const [offset, { entry, leaf }] of entries.value.entries()) {
      const index = tile.index * TILE_WIDTH + offset;
      const said = statements.admit(entry, index);
      if (!said.ok) return said;
      options.onEntry?.(index, entry);
      edge = extendEdge(edge, [leaf], onNode);
      if (known && known.size === edge.size && !isKnownHead(edge.size, edgeRoot(edge), known)) {
        return refuse(fork(known, edgeRoot(edge)));
      }
    }
  }
  const wrongTile = await files.checkUpper(upper);
  if (wrongTile) return refuse(wrongTile);
  const root = edgeRoot(edge);
  if (!equalBytes(root, checkpoint.root)) {
    return refuse({ kind: 'wrong-root', signed: toHex(checkpoint.root), computed: toHex(root) });
  }
  return ok({
    checkpoint,
    checkpointNote: note,
    signer,
    cosignatures,
    files: files.count() + 1,
    statements: statements.count(),
    commitments: statements.commitments(),
  });
}

function isKnownHead(size: number, root: Hash, known: KnownHead): boolean {
  return known.size !== size || equalBytes(root, known.root);
}

function fork(known: KnownHead, computed: Hash): AuditRefusal {
  return { kind: 'fork', size: known.size, known: toHex(known.root), computed: toHex(computed) };
}

/** Reads tiles and bundles, and holds every older partial file beside them to the same content. */
function createFileCheck(reader: LogReader, size: number) {
  const partials = new Map<string, Tile[]>();
  let count = 0;
  const keyOf = ({ level, index }: Pick<Tile, 'level' | 'index'>) => `${level}/${index}`;

  async function readFile(tile: Tile, maxBytes: number): Promise<Result<Uint8Array, AuditRefusal>> {
    const path = tilePath(tile);
    const bytes = await reader.read(path, maxBytes);
    if (!bytes) return refuse({ kind: 'missing-file', path });
    count += 1;
    return ok(bytes);
  }

  /** The bytes of a narrower file must be exactly what the current hashes or entries make of that width. */
  async function checkPartials(tile: Tile, encode: (width: number) => Uint8Array): Promise<AuditRefusal | undefined> {
    for (const partial of partials.get(keyOf(tile)) ?? []) {
      if (partial.width === tile.width) continue;
      const bytes = await readFile(partial, MAX_BUNDLE_BYTES);
      if (!bytes.ok) return bytes.refusal;
      if (!equalBytes(bytes.value, encode(partial.width))) {
        return { kind: 'wrong-file', path: tilePath(partial), why: 'differs from the wider file of the same tile' };
      }
    }
    return undefined;
  }

  async function checkTile(tile: Tile, hashes: readonly Hash[]): Promise<AuditRefusal | undefined> {
    const path = tilePath(tile);
    const bytes = await readFile(tile, MAX_TILE_BYTES);
    if (!bytes.ok) return bytes.refusal;
    const stored = splitTile(bytes.value, tile.width);
    if (!stored) return { kind: 'wrong-length', path, bytes: bytes.value.length };
    const position = stored.findIndex((hash, offset) => !equalBytes(hash, hashes[offset] ?? new Uint8Array()));
    if (position >= 0) return { kind: 'wrong-hash', path, position };
    return checkPartials(tile, (width) => Buffer.concat(hashes.slice(0, width)));
  }

  return {
    count: () => count,

    /** Looks through the listing, if there is one: nothing may lie beyond the checkpoint, or be no file of a log. */
    async sort(): Promise<AuditRefusal | undefined> {
      for (const path of (await reader.list?.()) ?? []) {
        const tile = parseTilePath(path);
        if (!tile) return { kind: 'unexpected-file', path };
        const available = hashesAtLevel(size, tile.level === 'entries' ? 0 : tile.level);
        if (tile.index * TILE_WIDTH + tile.width > available) return { kind: 'stale-checkpoint', size, path };
        if (tile.width < TILE_WIDTH) partials.set(keyOf(tile), [...(partials.get(keyOf(tile)) ?? []), tile]);
      }
      return undefined;
    },

    async readEntries(tile: Tile): Promise<Result<{ entry: Uint8Array; leaf: Hash }[], AuditRefusal>> {
      const bundle: Tile = { ...tile, level: 'entries' };
      const bytes = await readFile(bundle, MAX_BUNDLE_BYTES);
      if (!bytes.ok) return bytes;
      const entries = decodeBundle(bytes.value, tile.width);
      if (!entries.ok) return refuse(wrongBundle(bundle, entries.refusal));
      const leaves = entries.value.map((entry) => ({ entry, leaf: leafHash(entry) }));
      const wrong =
        (await checkTile(
          tile,
          leaves.map(({ leaf }) => leaf),
        )) ?? (await checkPartials(bundle, (width) => encodeBundle(entries.value.slice(0, width))));
      return wrong ? refuse(wrong) : ok(leaves);
    },

    async checkUpper(upper: readonly Hash[][]): Promise<AuditRefusal | undefined> {
      for (const [level, hashes] of upper.entries()) {
        if (level === 0 || !hashes) continue;
        for (const tile of tilesBetween(level, 0, hashes.length)) {
          const from = tile.index * TILE_WIDTH;
          const wrong = await checkTile(tile, hashes.slice(from, from + tile.width));
          if (wrong) return wrong;
        }
      }
      return undefined;
    },
  };
}

function wrongBundle(bundle: Tile, { why }: BundleRefusal): AuditRefusal {
  return { kind: 'wrong-file', path: tilePath(bundle), why };
}
