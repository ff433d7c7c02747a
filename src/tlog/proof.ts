/**
 * Proofs of logging as files, checked without a network. https://c2sp.org/tlog-proof
 *
 *     c2sp.org/tlog-proof@v1⏎
 *     extra <base64>⏎              here: the entry itself, which the leaf hash then authenticates
 *     index <decimal>⏎
 *     <base64 hash>⏎ …
 *     ⏎
 *     <checkpoint>
 */
import { fromBase64, readUtf8, toBase64 } from '../lib/bytes.ts';
import { HASH_BYTES, type Hash, isIncluded, leafHash } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Checkpoint, type CheckpointRefusal, readCheckpoint } from './checkpoint.ts';
import type { Cosignature } from './cosignature.ts';
import { type NoteRefusal, verifyNote } from './note.ts';
import { checkQuorum, type PolicyRefusal, type WitnessPolicy } from './witness-policy.ts';

export interface LogProof {
  /** Opaque to the format and not authenticated by it. */
  readonly extra: Uint8Array | undefined;
  readonly index: number;
  readonly path: readonly Hash[];
  /** Verbatim. */
  readonly checkpoint: Uint8Array;
}

export type ProofRefusal =
  | CheckpointRefusal
  | NoteRefusal
  | PolicyRefusal
  | { readonly kind: 'malformed-proof'; readonly why: string }
  | { readonly kind: 'foreign-origin'; readonly origin: string; readonly signer: string }
  | { readonly kind: 'not-included'; readonly index: number; readonly size: number };

export interface ProvenEntry {
  readonly entry: Uint8Array;
  readonly index: number;
  readonly checkpoint: Checkpoint;
  readonly cosignatures: readonly Cosignature[];
}

export const MAX_PROOF_BYTES = 262_144;
const HEADER = 'c2sp.org/tlog-proof@v1';
/** Leaf to root of the largest tree we read. */
const MAX_PATH = 53;

export function formatProof({ extra, index, path, checkpoint }: LogProof): Buffer {
  const lines = [
    HEADER,
    ...(extra ? [`extra ${toBase64(extra)}`] : []),
    `index ${index}`,
    ...path.map((hash) => toBase64(hash)),
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\n')), checkpoint]);
}

export function readProof(bytes: Uint8Array): Result<LogProof, ProofRefusal> {
  const malformed = (why: string) => refuse<ProofRefusal>({ kind: 'malformed-proof', why });
  if (bytes.length > MAX_PROOF_BYTES) return malformed(`longer than ${MAX_PROOF_BYTES} bytes`);
  const text = readUtf8(bytes);
  if (text === undefined) return malformed('not UTF-8');
  const split = text.indexOf('\n\n');
  if (split < 0) return malformed('no blank line before the checkpoint');
  const [header, ...lines] = text.slice(0, split).split('\n');
  if (header !== HEADER) return malformed(`the first line is not ${HEADER}`);
  const extraText = lines[0]?.startsWith('extra ') ? lines.shift()?.slice('extra '.length) : undefined;
  const extra = extraText === undefined ? undefined : fromBase64(extraText);
  if (extraText !== undefined && !extra) return malformed('extra data in other than standard base64');
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index))) return malformed('no index line');
  if (lines.length > MAX_PATH) return malformed(`more than ${MAX_PATH} hashes`);
  const path = lines.map(fromBase64);
  if (!path.every((hash) => hash?.length === HASH_BYTES)) return malformed('a hash that is not 32 bytes in base64');
  return ok({
    extra,
    index: Number(index),
    path: path.filter((hash) => hash !== undefined),
    checkpoint: Buffer.from(text.slice(split + 2)),
  });
}

/** Verifies log signature, witness quorum and inclusion of `entry`; without `entry`, of the extra data. */
export function checkProof(
  proof: LogProof,
  policy: WitnessPolicy,
  entry: Uint8Array | undefined = proof.extra,
): Result<ProvenEntry, ProofRefusal> {
  if (!entry)
    return refuse({ kind: 'malformed-proof', why: 'the proof carries no entry; name the file that it proves' });
  const head = readCheckpoint(proof.checkpoint);
  if (!head.ok) return head;
  const { note, checkpoint } = head.value;
  const signer = verifyNote(note, policy.logs);
  if (!signer.ok) return signer;
  if (signer.value.name !== checkpoint.origin) {
    return refuse({ kind: 'foreign-origin', origin: checkpoint.origin, signer: signer.value.name });
  }
  const cosignatures = checkQuorum(note, policy);
  if (!cosignatures.ok) return cosignatures;
  const { index, path } = proof;
  const { size, root } = checkpoint;
  if (!isIncluded({ index, size, leaf: leafHash(entry), root, proof: path })) {
    return refuse({ kind: 'not-included', index, size });
  }
  return ok({ entry, index, checkpoint, cosignatures: cosignatures.value });
}
