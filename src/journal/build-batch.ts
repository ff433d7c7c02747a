/** One batch of a journal as bytes: its records, the signed root over its receipts, and its place in the chain. */
import { toBase64, toHex } from '../lib/bytes.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { chainOver, formatHead } from './batch.ts';
import { createReceiptTree, receiptLeaf, rootMessage, type SignedRoot, toStoredText } from './receipt.ts';

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
  let text = '';
  for (const { line } of lines) text += `${line}\n`;
  const payload = Buffer.from(text);
  const stored: (StoredReceipt | undefined)[] = [];
  const receipts = signReceipts(lines, before.gateway, number, signer, stored);
  const chain = chainOver(before.chain, { number, receipts }, payload);
  const head = formatHead({ number, bytes: payload.length, chain: toHex(chain), receipts });
  return { bytes: Buffer.concat([Buffer.from(head, 'latin1'), payload]), number, chain, stored };
}

function signReceipts(
  lines: readonly Line[],
  gateway: string,
  batch: number,
  signer: Ed25519Signer,
  stored: (StoredReceipt | undefined)[],
) {
  const places: number[] = [];
  for (let place = 0; place < lines.length; place += 1) if (lines[place]?.isReceipt) places.push(place);
  if (places.length === 0) return undefined;
  const texts = places.map((place) => lines[place]?.line ?? '');
  const tree = createReceiptTree(texts.map(receiptLeaf));
  const signed: SignedRoot = { gateway, batch, size: texts.length, root: tree.root };
  const signature = toBase64(signer.sign(rootMessage(signed)));
  places.forEach((place, index) => {
    stored[place] = {
      get text() {
        return toStoredText(texts[index] ?? '', tree.path(index), index, signed, signature);
      },
    };
  });
  return { size: signed.size, root: signed.root, signature };
}
