/**
 * Ed25519 with one verdict on every runtime.
 *
 * Libraries disagree on edge cases: OpenSSL 3.0 (Node 20) accepts 165 of the 914 CCTV cases that OpenSSL 3.5 (Node 24)
 * refuses. What they disagree on is small-order and non-canonical points and an unreduced S; these are refused here,
 * before the library is asked. What remains is RFC 8032 section 5.1.7 without cofactor, on which all agree.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

export interface Ed25519Signer {
  /** 32 bytes, as RFC 8032 encodes a point. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** 2^255 - 19. */
const FIELD_PRIME = (1n << 255n) - 19n;
const GROUP_ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;

/** The y of all eight points whose order divides the cofactor; the sign of x is ignored. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  FIELD_PRIME - 1n,
  littleEndian(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  littleEndian(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex')),
]);

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** False for points that make signatures meaningless (small order) or have a second spelling (non-canonical). */
export function isSoundPoint(encoded: Uint8Array): boolean {
  if (encoded.length !== PUBLIC_KEY_BYTES) return false;
  const y = littleEndian(encoded) & ((1n << 255n) - 1n);
  return y < FIELD_PRIME && !SMALL_ORDER_Y.has(y);
}

/** Total: malformed keys and signatures are simply not valid. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  if (!isSoundPoint(publicKey) || !isSoundPoint(signature.subarray(0, 32))) return false;
  if (littleEndian(signature.subarray(32)) >= GROUP_ORDER) return false;
  try {
    return verify(null, message, toKeyObject(publicKey), signature);
  } catch {
    // Some versions throw, others answer false, where the bytes are no point of the curve.
    return false;
  }
}

export function createEd25519Signer(key: KeyObject): Ed25519Signer {
  if (key.asymmetricKeyType !== 'ed25519' || key.type !== 'private') throw new TypeError('not an Ed25519 private key');
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { publicKey: spki.subarray(SPKI_PREFIX.length), sign: (message) => sign(null, message, key) };
}

/** A fresh key as PKCS #8 PEM text. */
export function generateEd25519Pem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Throws where the text holds no Ed25519 private key. */
export function readEd25519Pem(pem: string): Ed25519Signer {
  return createEd25519Signer(createPrivateKey(pem));
}

function toKeyObject(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), type: 'spki', format: 'der' });
}
