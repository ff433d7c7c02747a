/**
 * Receipts: what was asked, what served it, under which grant, what was checked and what it cost. A receipt is a leaf of
 * an RFC 6962 tree over one batch of a gateway's journal; the root is signed once for the batch. Whoever has the
 * installation's public key checks one without asking anybody.
 *
 *   {"leaf": receipt, "path": [base64 …], "root": {gateway, batch, index, size, root, signature}}
 */
import { hash } from 'node:crypto';
import { fromBase64 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { verifyEd25519 } from '../lib/ed25519.ts';
import type { Id } from '../lib/id.ts';
import { HASH_BYTES, isIncluded, leafHash } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export type CallId = Id<'call'>;
export type GatewayId = Id<'gateway'>;

/** Where a record stands in the journal of its gateway. */
export interface Position {
  readonly batch: number;
  readonly record: number;
}

export interface Verdict {
  readonly guard: string;
  readonly verdict: string;
  readonly rule?: string | undefined;
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

export interface Receipt {
  readonly call: CallId;
  readonly gateway: GatewayId;
  /** RFC 3339, at the end of the call. */
  readonly at: string;
  readonly organisation: string;
  readonly person: string;
  readonly grant: string;
  readonly tier: string;
  readonly scope: string | undefined;
  /** Models, by their public names, and why the one that served is not the one asked for; empty where it is. */
  readonly asked: string;
  readonly served: string;
  readonly why: string;
  readonly verdicts: readonly Verdict[];
  readonly tokens: Tokens;
  readonly costMicro: number;
  readonly reservedMicro: number;
  readonly outcome: string;
  /** The record that was durable before the first byte went upstream. */
  readonly admitted: Position;
  readonly requestSha256: string;
  readonly responseSha256?: string | undefined;
  /** What else is known of the call: the provider's ids and reasons, what the caller declared. */
  readonly facts?: { readonly [name: string]: Json } | undefined;
}

/** Canonical JSON (RFC 8785), the members written out in their order: sorting costs more than the rest. */
export function toReceiptText(receipt: Receipt): string {
  const { admitted, facts, responseSha256, scope, tokens } = receipt;
  return (
    `{"admitted":{"batch":${admitted.batch},"record":${admitted.record}},"asked":${said(receipt.asked)}` +
    `,"at":${quote(receipt.at)},"call":${quote(receipt.call)},"costMicro":${receipt.costMicro}` +
    `${facts === undefined ? '' : `,"facts":${toFactsText(facts)}`},"gateway":${quote(receipt.gateway)}` +
    `,"grant":${quote(receipt.grant)},"organisation":${quote(receipt.organisation)},"outcome":${quote(receipt.outcome)}` +
    `,"person":${quote(receipt.person)},"requestSha256":${quote(receipt.requestSha256)}` +
    `,"reservedMicro":${receipt.reservedMicro}` +
    `${responseSha256 === undefined ? '' : `,"responseSha256":${quote(responseSha256)}`}` +
    `${scope === undefined ? '' : `,"scope":${quote(scope)}`},"served":${said(receipt.served)}` +
    `,"tier":${quote(receipt.tier)},"tokens":{"cacheRead":${tokens.cacheRead},"cacheWrite1h":${tokens.cacheWrite1h}` +
    `,"cacheWrite5m":${tokens.cacheWrite5m},"input":${tokens.input},"output":${tokens.output}},"type":"receipt"` +
    `,"verdicts":[${receipt.verdicts.map(toVerdictText).join(',')}],"why":${said(receipt.why)}}`
  );
}

const quote = (text: string): string => JSON.stringify(text);
const said = (text: string): string => quote(cleanText(text));

const toVerdictText = ({ guard, rule, verdict }: Verdict): string =>
  `{"guard":${quote(guard)}${rule === undefined ? '' : `,"rule":${quote(rule)}`},"verdict":${quote(verdict)}}`;

/** Cleaned only where something in it has no canonical form, or may hold a NUL. */
function toFactsText(facts: { readonly [name: string]: Json }): string {
  try {
    const text = canonicalJson(facts);
    if (!text.includes(NUL_ESCAPE)) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return canonicalJson(cleanJson(facts));
}

const NUL_ESCAPE = '\\u0000';

/** What callers and providers say may be anything. Lone surrogates have no canonical form, and a database takes no NUL. */
function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

function cleanJson(value: Json): Json {
  if (typeof value === 'string') return cleanText(value);
  // 1e999 is JSON, and no number.
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(cleanJson);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [cleanText(name), cleanJson(member)]));
}

/** The leaf hash of RFC 6962 over text, base64, without a copy of its bytes. */
export function receiptLeaf(text: string): string {
  return hash('sha256', `\0${text}`, 'base64');
}

/** The same over its bytes. */
export function receiptLeafOf(bytes: Uint8Array): string {
  const input = Buffer.allocUnsafe(1 + bytes.length);
  input[0] = 0x00;
  input.set(bytes, 1);
  return hash('sha256', input, 'base64');
}

export interface ReceiptTree {
  /** Base64. */
  readonly root: string;
  /** Siblings from the leaf up, base64. */
  path(index: number): readonly string[];
}

const BASE64_HASH_CHARS = 44;

/**
 * The tree over one batch, level by level: an odd last node goes up as it is, which gives the same tree as the recursive
 * definition of RFC 6962. `leaves` is not empty. Hashes stay base64, as they are written: making buffers costs more than
 * hashing.
 */
export function createReceiptTree(leaves: readonly string[]): ReceiptTree {
  const input = Buffer.alloc(1 + 2 * HASH_BYTES);
  input[0] = 0x01;
  const levels: (readonly string[])[] = [leaves];
  for (let level = leaves; level.length > 1; ) {
    const above: string[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left = '', right] = [level[index], level[index + 1]];
      if (right === undefined) above.push(left);
      else {
        input.write(left, 1, BASE64_HASH_CHARS, 'base64');
        input.write(right, 1 + HASH_BYTES, BASE64_HASH_CHARS, 'base64');
        above.push(hash('sha256', input, 'base64'));
      }
    }
    levels.push(above);
    level = above;
  }
  return {
    root: levels.at(-1)?.[0] ?? '',
    path(index) {
      const siblings: string[] = [];
      for (let height = 0, place = index; height < levels.length - 1; height++, place >>= 1) {
        const node = levels[height]?.[place ^ 1];
        if (node !== undefined) siblings.push(node);
      }
      return siblings;
    },
  };
}

export interface SignedRoot {
  readonly gateway: string;
  readonly batch: number;
  /** Receipts in the batch. */
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

/** What is signed. No other document of the installation begins so. */
export function rootMessage({ gateway, batch, size, root }: SignedRoot): Buffer {
  return Buffer.from(`headstart-receipts/v1\n${gateway}\n${batch}\n${size}\n${root}\n`);
}

/** A receipt as it is given out and as `receipt check` reads it. */
export function toStoredText(
  leafText: string,
  path: readonly string[],
  index: number,
  { gateway, batch, size, root }: SignedRoot,
  signature: string,
): string {
  const siblings = path.length === 0 ? '' : `"${path.join('","')}"`;
  return `{"leaf":${leafText},"path":[${siblings}],"root":{"batch":${batch},"gateway":"${gateway}","index":${index},"root":"${root}","signature":"${signature}","size":${size}}}`;
}

export type ReceiptRefusal =
  | { readonly kind: 'no-receipt'; readonly why: string }
  | { readonly kind: 'not-in-tree' }
  | { readonly kind: 'bad-root-signature' }
  | { readonly kind: 'another-gateway'; readonly leaf: string; readonly root: string };

type JsonObject = { readonly [name: string]: Json };
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const MAX_PATH = 32;
const MAX_RECEIPT_CHARS = 262_144;

/** Offline, from the text and the key alone. Gives the receipt's own members. */
export function checkReceipt(text: string, publicKey: Uint8Array): Result<JsonObject, ReceiptRefusal> {
  const malformed = (why: string) => refuse<ReceiptRefusal>({ kind: 'no-receipt', why });
  if (text.length > MAX_RECEIPT_CHARS) return malformed(`longer than ${MAX_RECEIPT_CHARS} characters`);
  let parsed: Json;
  let leafText: string;
  try {
    parsed = JSON.parse(text);
    leafText = canonicalJson(isObject(parsed) ? (parsed.leaf ?? null) : null);
  } catch {
    return malformed('not JSON');
  }
  if (!isObject(parsed) || !isObject(parsed.leaf) || !isObject(parsed.root) || !Array.isArray(parsed.path)) {
    return malformed('leaf, path or root is missing');
  }
  const { leaf, root: signed } = parsed;
  const { gateway, batch, size, index, root, signature } = signed;
  if (typeof gateway !== 'string' || typeof root !== 'string' || typeof signature !== 'string') {
    return malformed('the root is incomplete');
  }
  if (!isCount(batch) || !isCount(size) || !isCount(index)) return malformed('the root is incomplete');
  const path = (parsed.path as readonly Json[]).map((node) =>
    typeof node === 'string' ? fromBase64(node) : undefined,
  );
  if (path.length > MAX_PATH || !path.every((node) => node !== undefined)) return malformed('the path is no path');
  if (leaf.type !== 'receipt') return malformed('the leaf is no receipt');
  if (leaf.gateway !== gateway) return refuse({ kind: 'another-gateway', leaf: String(leaf.gateway), root: gateway });
  const [rootHash, bytes] = [fromBase64(root), fromBase64(signature)];
  if (!rootHash || !bytes) return malformed('root or signature is no base64');
  if (!isIncluded({ index, size, leaf: leafHash(Buffer.from(leafText)), root: rootHash, proof: path })) {
    return refuse({ kind: 'not-in-tree' });
  }
  const isSigned = verifyEd25519(publicKey, rootMessage({ gateway, batch, size, root }), bytes);
  return isSigned ? ok(leaf) : refuse({ kind: 'bad-root-signature' });
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
