/** What the verified log says, entry by entry, each under its index and its leaf's hash. */
import { toHex } from '../lib/bytes.ts';
import type { Json } from '../lib/canonical-json.ts';
import { EMPTY_EDGE, edgeRoot, extendEdge, type Hash, leafHash } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { readEntry, type TrustOptions, verifyLog } from '../tlog/index.ts';
import type { ReplayRefusal } from './replay-service.ts';

export interface LogEntry {
  readonly index: number;
  /** Of the Merkle tree: SHA-256 as RFC 6962 has it, in hexadecimal digits. */
  readonly leaf: string;
  /** The predicate type of a statement of another kind than the log's own, else the log's own type. */
  readonly type: string;
  readonly at: string;
  readonly subject: string;
  readonly facts: { readonly [name: string]: Json };
  readonly documents: readonly { readonly name: string; readonly sha256: string }[];
}

export interface LogAccount {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  readonly entries: readonly LogEntry[];
  /** What its root was when it had so many entries. */
  readonly rootAt: (size: number) => string;
}

export async function readLogEntries(
  target: string,
  options: TrustOptions,
): Promise<Result<LogAccount, ReplayRefusal>> {
  const entries = new Map<number, LogEntry>();
  const leaves = new Map<number, Hash>();
  const verified = await verifyLog(target, options, (index, body) => {
    const leaf = leafHash(body);
    leaves.set(index, leaf);
    const read = readEntry(body);
    if (!read.ok) return;
    const { statement } = read.value;
    const said = statement.type === 'statement' ? statement : undefined;
    entries.set(index, {
      ...{ index, leaf: toHex(leaf), type: said?.predicateType ?? statement.type, at: statement.at },
      ...{ subject: said?.subject ?? '', facts: said?.facts ?? {}, documents: said?.documents ?? [] },
    });
  });
  if (!verified.ok) return refuse({ kind: 'log-not-verified', why: verified.refusal.kind });
  const rootAt = (at: number): string => toHex(edgeRoot(extendEdge(EMPTY_EDGE, [...leaves.values()].slice(0, at))));
  const { origin, size, root } = verified.value.checkpoint;
  return ok({ origin, size: Number(size), root: toHex(root), entries: [...entries.values()], rootAt });
}
