/**
 * Witness cosignatures, version 1: a witness says that at a time this was the largest tree it had seen of this log,
 * consistent with everything before. https://c2sp.org/tlog-cosignature
 *
 * Signed message: `cosignature/v1⏎time <seconds>⏎` and the checkpoint body. Blob: time as 8 bytes, then 64 of signature.
 */
import { type Ed25519Signer, SIGNATURE_BYTES, verifyEd25519 } from '../lib/ed25519.ts';
import { COSIGNATURE_V1, isBy, type Note, type NoteSignature, type VerifierKey } from './note.ts';

export interface Cosignature {
  readonly witness: VerifierKey;
  /** Seconds since 1970, as the witness says. */
  readonly timeSeconds: number;
}

const TIME_BYTES = 8;

function messageFor(text: string, timeSeconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

export function cosign(text: string, key: VerifierKey, signer: Ed25519Signer, timeSeconds: number): NoteSignature {
  if (key.type !== COSIGNATURE_V1) throw new TypeError(`${key.name} is not a witness key`);
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(timeSeconds));
  const signature = signer.sign(messageFor(text, BigInt(timeSeconds)));
  return { name: key.name, keyId: key.id, signature: Buffer.concat([time, signature]) };
}

/** The valid cosignature of one witness, or undefined: absent, malformed and forged all count for nothing. */
export function findCosignature(note: Note, witness: VerifierKey): Cosignature | undefined {
  if (witness.type !== COSIGNATURE_V1) return undefined;
  for (const candidate of note.signatures) {
    if (!isBy(candidate, witness) || candidate.signature.length !== TIME_BYTES + SIGNATURE_BYTES) continue;
    const time = Buffer.from(candidate.signature.subarray(0, TIME_BYTES)).readBigUInt64BE();
    if (time > BigInt(Number.MAX_SAFE_INTEGER)) continue;
    const signature = candidate.signature.subarray(TIME_BYTES);
    if (verifyEd25519(witness.publicKey, messageFor(note.text, time), signature)) {
      return { witness, timeSeconds: Number(time) };
    }
  }
  return undefined;
}
