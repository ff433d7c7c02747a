/**
 * How a journal is written: batches, each what one group commit wrote.
 *
 *   batch 17 812 <chain, 64 hex>[ <receipts> <root, base64> <signature, base64>]⏎
 *   {"type":"admit",…}⏎
 *   {"type":"receipt",…}⏎ …          812 bytes, one JSON value a line
 *
 * chain = SHA-256(chain before ‖ number, receipts, root ‖ bytes); it starts from the gateway's name, so that no batch can
 * be moved, left out, changed or put under another gateway. A batch that was cut short by the end of its process was
 * never acknowledged, and nothing was done for it: it is *torn*, which only the last one of a journal can be.
 */
import { createHash } from 'node:crypto';
import { sha256 } from '../lib/hash.ts';

export interface BatchHead {
  readonly number: number;
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly chain: string;
  readonly receipts: { readonly size: number; readonly root: string; readonly signature: string } | undefined;
}

export const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const MAX_HEAD_BYTES = 512;
const HEAD =
  /^batch ([1-9]\d{0,15}) ([1-9]\d{0,8}) ([0-9a-f]{64})(?: ([1-9]\d{0,8}) ([A-Za-z0-9+/]{43}=) ([A-Za-z0-9+/]{86}==))?$/;

/** What the chain of a gateway's journal starts from. */
export function chainStart(gateway: string): Buffer {
  return sha256(`headstart-journal/v1\n${gateway}\n`);
}

export function chainOver(
  before: Uint8Array,
  { number, receipts }: Pick<BatchHead, 'number' | 'receipts'>,
  payload: Uint8Array,
): Buffer {
  const said = receipts ? `${number} ${receipts.size} ${receipts.root} ${receipts.signature}\n` : `${number}\n`;
  return createHash('sha256').update(before).update(said).update(payload).digest();
}

export function formatHead({ number, bytes, chain, receipts }: BatchHead): string {
  const signed = receipts ? ` ${receipts.size} ${receipts.root} ${receipts.signature}` : '';
  return `batch ${number} ${bytes} ${chain}${signed}\n`;
}

export type ReadBatch =
  | { readonly kind: 'batch'; readonly head: BatchHead; readonly payload: Buffer; readonly next: number }
  | { readonly kind: 'end' }
  /** The bytes end before the batch does. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'altered'; readonly why: string };

export function readBatch(bytes: Buffer, offset: number): ReadBatch {
  if (offset === bytes.length) return { kind: 'end' };
  const lineEnd = bytes.subarray(offset, offset + MAX_HEAD_BYTES).indexOf(0x0a);
  if (lineEnd < 0) {
    return bytes.length - offset < MAX_HEAD_BYTES ? { kind: 'cut' } : { kind: 'altered', why: 'no head of a batch' };
  }
  const match = HEAD.exec(bytes.toString('latin1', offset, offset + lineEnd));
  if (!match) return { kind: 'altered', why: 'no head of a batch' };
  const [, number, length, chain = '', size, root, signature] = match;
  const receipts =
    size !== undefined && root !== undefined && signature !== undefined
      ? { size: Number(size), root, signature }
      : undefined;
  const head: BatchHead = { number: Number(number), bytes: Number(length), chain, receipts };
  const start = offset + lineEnd + 1;
  const next = start + head.bytes;
  if (next > bytes.length) return { kind: 'cut' };
  return { kind: 'batch', head, payload: bytes.subarray(start, next), next };
}

/**
 * Whether what stands from `offset` to the end can be what a killed process or a lost power supply left of the one batch
 * it was writing: nothing follows it, and it is short, or pages of it were never written (no record holds a zero byte).
 */
export function isTorn(bytes: Buffer, offset: number, before: Uint8Array): boolean {
  const rest = bytes.subarray(offset);
  if (rest.indexOf('\nbatch ') >= 0) return false;
  const read = readBatch(bytes, offset);
  if (read.kind === 'batch') return read.next === bytes.length && read.payload.includes(0);
  if (read.kind === 'altered') return rest.includes(0);
  // A whole batch whose length was changed would look short.
  const lineEnd = rest.indexOf(0x0a);
  const match = lineEnd < 0 ? null : HEAD.exec(rest.toString('latin1', 0, lineEnd));
  if (!match) return true;
  const [, number, , chain, size, root, signature] = match;
  const receipts = size && root && signature ? { size: Number(size), root, signature } : undefined;
  return chainOver(before, { number: Number(number), receipts }, rest.subarray(lineEnd + 1)).toString('hex') !== chain;
}
