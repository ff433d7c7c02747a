/**
 * Proof of possession (RFC 9449): a key that was copied is useless without the private key of its holder, and a request
 * that was copied whole is refused because its proof has been used. Which proofs were used is asked of a table that
 * all gateways share.
 */
import { createPublicKey, hash, type JsonWebKey, verify } from 'node:crypto';
import { fromBase64Url } from '../lib/bytes.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface ProofInput {
  readonly proof: string;
  readonly method: string;
  /** Of this gateway as the operator says it: what the caller says of it (`host`) could be of another gate's. */
  readonly origin: string;
  /** Without the query. */
  readonly path: string;
  /** The key that was presented. */
  readonly accessKey: string;
  readonly nowMs: number;
}

export interface Proof {
  /** SHA-256 thumbprint of the holder's public key (RFC 7638). */
  readonly jkt: string;
  readonly jti: string;
  readonly issuedAtMs: number;
}

export interface BadProof {
  readonly kind: 'bad-proof';
  readonly detail: string;
}

/** A proof is accepted from so long before to so long after the time it names. */
export const PROOF_AGE_MS = 60_000;
export const PROOF_AHEAD_MS = 10_000;
const MAX_PROOF_CHARS = 4_096;
const MAX_JTI_CHARS = 256;

const bad = (detail: string) => refuse<BadProof>({ kind: 'bad-proof', detail });

export function readProof(input: ProofInput): Result<Proof, BadProof> {
  const parts = input.proof.split('.');
  const [head, body, tail] = parts;
  if (input.proof.length > MAX_PROOF_CHARS || parts.length !== 3 || !head || !body || !tail) {
    return bad('the header DPoP is not one signed token');
  }
  const header = readPart(head);
  const claims = readPart(body);
  const signature = fromBase64Url(tail);
  if (!header || !claims || !signature) return bad('the proof cannot be read');
  if (header.typ !== 'dpop+jwt') return bad('the proof is not of type dpop+jwt');
  const holder = readHolder(header);
  if (!holder) return bad('the proof is not signed by an ES256 or Ed25519 key');
  if (!isSigned(holder, `${head}.${body}`, signature)) return bad('the signature of the proof is wrong');
  const wrong = checkClaims(claims, input);
  if (wrong !== undefined) return bad(wrong);
  return ok({ jkt: holder.jkt, jti: String(claims.jti), issuedAtMs: Number(claims.iat) * 1_000 });
}

type Claims = Readonly<Record<string, unknown>>;

function readPart(text: string): Claims | undefined {
  const bytes = fromBase64Url(text);
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

interface Holder {
  readonly jwk: JsonWebKey;
  readonly algorithm: 'sha256' | null;
  readonly jkt: string;
}

function readHolder({ alg, jwk }: Claims): Holder | undefined {
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk) return undefined;
  const { kty, crv, x, y } = jwk as Claims;
  if (typeof x !== 'string') return undefined;
  if (alg === 'ES256' && kty === 'EC' && crv === 'P-256' && typeof y === 'string') {
    return { jwk: { kty, crv, x, y }, algorithm: 'sha256', jkt: thumbprint({ crv, kty, x, y }) };
  }
  if ((alg === 'EdDSA' || alg === 'Ed25519') && kty === 'OKP' && crv === 'Ed25519') {
    return { jwk: { kty, crv, x }, algorithm: null, jkt: thumbprint({ crv, kty, x }) };
  }
  return undefined;
}

/** Members in the order of RFC 7638: lexicographic. */
const thumbprint = (members: object): string => hash('sha256', JSON.stringify(members), 'base64url');

function isSigned({ jwk, algorithm }: Holder, text: string, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return verify(algorithm, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

function checkClaims(claims: Claims, { method, origin, path, accessKey, nowMs }: ProofInput): string | undefined {
  const { htm, htu, iat, jti, ath } = claims;
  if (htm !== method) return 'the proof is for another method';
  const url = typeof htu === 'string' && URL.canParse(htu) ? new URL(htu) : undefined;
  if (url?.origin !== origin || url.pathname !== path) return 'the proof is for another address';
  if (ath !== hash('sha256', accessKey, 'base64url')) return 'the proof is for another key';
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_CHARS) return 'the proof has no jti';
  if (typeof iat !== 'number' || !Number.isFinite(iat)) return 'the proof has no iat';
  const ageMs = nowMs - iat * 1_000;
  return ageMs > PROOF_AGE_MS || ageMs < -PROOF_AHEAD_MS ? 'the proof is too old, or the clock is wrong' : undefined;
}
