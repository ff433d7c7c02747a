/** One batch of a journal as bytes: its records, the signed root over its receipts, and its place in the chain. */
import { toBase64, toHex } from '../lib/bytes.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { chainOver, formatHead } from './batch.ts';
import {
  createReceiptTree,
  type ReceiptTree,
  receiptLeafOf,
  rootMessage,
  type SignedRoot,
  toStoredText,
} from './receipt.ts';

export interface StoredReceipt {
  /** JSON, as `receipt check` reads it; made when asked for, so that what waits to be posted is small. */
  readonly text: string;
}

export interface Line {
  readonly line: string;
  readonly isReceipt: boolean;
}

/** What the batch follows. */
export interface Before {
  readonly gateway: string;
  readonly number: number;
  readonly chain: Uint8Array;
}

export interface BuiltBatch {
  readonly bytes: Uint8Array;
  readonly number: number;
  readonly chain: Buffer;
  /** For each line that is a receipt, what is given out. */
  readonly stored: readonly (StoredReceipt | undefined)[];
}

export function buildBatch(lines: readonly Line[], before: Before, signer: Ed25519Signer): BuiltBatch {
  const number = before.number + 1;
  const { payload, ends } = writeLines(lines);
  const signed = signReceipts(lines, payload, ends, { gateway: before.gateway, number, signer });
  const receipts = signed && { size: signed.root.size, root: signed.root.root, signature: signed.signature };
  const chain = chainOver(before.chain, { number, receipts }, payload);
  const head = Buffer.from(formatHead({ number, bytes: payload.length, chain: toHex(chain), receipts }), 'latin1');
  const bytes = Buffer.concat([head, payload]);
  return { bytes, number, chain, stored: signed ? giveOut(bytes, head.length, ends, signed) : [] };
}

const LF = 10;
/** Of one UTF-16 unit in UTF-8, at most. */
const UNIT_BYTES = 3;

/** Each line is written once, as bytes; what is hashed, stored and given out is read from them. */
function writeLines(lines: readonly Line[]): { payload: Buffer; ends: number[] } {
  let units = 0;
  for (const { line } of lines) units += line.length + 1;
  const room = Buffer.allocUnsafe(units * UNIT_BYTES);
  const ends: number[] = [];
  let at = 0;
  for (const { line } of lines) {
    at += room.write(line, at);
    ends.push(at);
    room[at] = LF;
    at += 1;
  }
  return { payload: room.subarray(0, at), ends };
}

const startOf = (ends: readonly number[], place: number): number => (place === 0 ? 0 : (ends[place - 1] ?? 0) + 1);

interface Signed {
  /** Of the receipts, among the lines. */
  readonly places: readonly number[];
  readonly tree: ReceiptTree;
  readonly root: SignedRoot;
  readonly signature: string;
}

function signReceipts(
  lines: readonly Line[],
  payload: Buffer,
  ends: readonly number[],
  { gateway, number, signer }: { readonly gateway: string; readonly number: number; readonly signer: Ed25519Signer },
): Signed | undefined {
  const places: number[] = [];
  for (let place = 0; place < lines.length; place += 1) if (lines[place]?.isReceipt) places.push(place);
  if (places.length === 0) return undefined;
  const tree = createReceiptTree(
    places.map((place) => receiptLeafOf(payload.subarray(startOf(ends, place), ends[place]))),
  );
  const root: SignedRoot = { gateway, batch: number, size: places.length, root: tree.root };
  return { places, tree, root, signature: toBase64(signer.sign(rootMessage(root))) };
}

function giveOut(
  bytes: Buffer,
  headBytes: number,
  ends: readonly number[],
  signed: Signed,
): (StoredReceipt | undefined)[] {
  const stored: (StoredReceipt | undefined)[] = [];
  const batch = { bytes, headBytes, ends, signed };
  signed.places.forEach((place, index) => {
    stored[place] = new ReceiptInBatch(batch, place, index);
  });
  return stored;
}

interface WrittenBatch {
  readonly bytes: Buffer;
  readonly headBytes: number;
  readonly ends: readonly number[];
  readonly signed: Signed;
}

class ReceiptInBatch implements StoredReceipt {
  readonly #batch: WrittenBatch;
  readonly #place: number;
  readonly #index: number;

  constructor(batch: WrittenBatch, place: number, index: number) {
    this.#batch = batch;
    this.#place = place;
    this.#index = index;
  }

  get text(): string {
    const { bytes, headBytes, ends, signed } = this.#batch;
    const { tree, root, signature } = signed;
    const leaf = bytes.toString('utf8', headBytes + startOf(ends, this.#place), headBytes + (ends[this.#place] ?? 0));
    return toStoredText(leaf, tree.path(this.#index), this.#index, root, signature);
  }
}
