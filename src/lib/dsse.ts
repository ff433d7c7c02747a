/**
 * DSSE v1 envelopes: a signature over the payload and over what the payload is, so that no signed document can be
 * passed off as one of another kind. https://github.com/secure-systems-lab/dsse
 *
 * Written form: canonical JSON with standard base64. Read form: exactly that; a second spelling of the same envelope
 * would give one statement two hashes.
 */
import { fromBase64, readUtf8, toBase64, toHex } from './bytes.ts';
import { canonicalJson, type Json } from './canonical-json.ts';
import { type Ed25519Signer, SIGNATURE_BYTES, verifyEd25519 } from './ed25519.ts';
import { sha256 } from './hash.ts';
import { ok, type Result, refuse } from './result.ts';

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly EnvelopeSignature[];
}

interface EnvelopeSignature {
  /** A hint that narrows the search; never a reason to trust. */
  readonly keyid: string;
  readonly sig: Uint8Array;
}

const MAX_SIGNATURES = 16;

export type EnvelopeRefusal =
  | { readonly kind: 'malformed-envelope'; readonly why: string }
  | { readonly kind: 'too-few-signatures'; readonly valid: number; readonly required: number };

/** PAE of the DSSE protocol: every part carries its length in bytes, so no two pairs share an encoding. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** The hint for a key: the first 16 bytes of SHA-256 of the public key, in hexadecimal. */
function keyIdOf(publicKey: Uint8Array): string {
  return toHex(sha256(publicKey).subarray(0, 16));
}

export function signEnvelope(payloadType: string, payload: Uint8Array, signers: readonly Ed25519Signer[]): Envelope {
  const message = preAuthenticationEncoding(payloadType, payload);
  const signatures = signers.map((signer) => ({ keyid: keyIdOf(signer.publicKey), sig: signer.sign(message) }));
  return { payloadType, payload, signatures };
}

export function encodeEnvelope({ payloadType, payload, signatures }: Envelope): Buffer {
  return Buffer.from(
    canonicalJson({
      payload: toBase64(payload),
      payloadType,
      signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: toBase64(sig) })),
    }),
  );
}

export function readEnvelope(bytes: Uint8Array): Result<Envelope, EnvelopeRefusal> {
  const malformed = (why: string) => refuse<EnvelopeRefusal>({ kind: 'malformed-envelope', why });
  const text = readUtf8(bytes);
  if (text === undefined) return malformed('not UTF-8');
  const parsed = parseJson(text);
  if (!isObject(parsed)) return malformed('not a JSON object');
  const { payload, payloadType, signatures } = parsed;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) {
    return malformed('payload, payloadType or signatures missing');
  }
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES)
    return malformed(`1 to ${MAX_SIGNATURES} signatures`);
  const body = fromBase64(payload);
  if (!body) return malformed('the payload is not canonical base64');
  const read: EnvelopeSignature[] = [];
  for (const entry of signatures as readonly Json[]) {
    const sig = isObject(entry) && typeof entry.sig === 'string' ? fromBase64(entry.sig) : undefined;
    if (!isObject(entry) || typeof entry.keyid !== 'string' || sig?.length !== SIGNATURE_BYTES) {
      return malformed('a signature is not {keyid, sig} with 64 bytes');
    }
    read.push({ keyid: entry.keyid, sig });
  }
  const envelope: Envelope = { payloadType, payload: body, signatures: read };
  if (!encodeEnvelope(envelope).equals(bytes)) return malformed('not in canonical form');
  return ok(envelope);
}

/**
 * Which of the trusted keys signed. Counts each key once, however often it signed, and refuses below `required`.
 * The caller still has to check that it supports the payload type.
 */
export function verifyEnvelope(
  envelope: Envelope,
  trusted: readonly Uint8Array[],
  required: number,
): Result<readonly Uint8Array[], EnvelopeRefusal> {
  const message = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  const signers = trusted.filter((key, position) => {
    const isRepeated = trusted.slice(0, position).some((earlier) => Buffer.compare(earlier, key) === 0);
    return !isRepeated && envelope.signatures.some(({ sig }) => verifyEd25519(key, message, sig));
  });
  // A threshold below one would make an unsigned envelope valid.
  if (required < 1 || signers.length < required) {
    return refuse({ kind: 'too-few-signatures', valid: signers.length, required });
  }
  return ok(signers);
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
