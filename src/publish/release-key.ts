/**
 * Release keys: Ed25519, each encrypted under a passphrase of its own (scrypt, AES-256-GCM). Two of them, held by two
 * people, release an advisory. A demonstration has a pair of its own, which releases nothing real.
 */
import { createCipheriv, createDecipheriv, createPrivateKey, scryptSync } from 'node:crypto';
import { fromBase64, toBase64 } from '../lib/bytes.ts';
import {
  createEd25519Signer,
  type Ed25519Signer,
  generateEd25519Pem,
  PUBLIC_KEY_BYTES,
  readEd25519Pem,
} from '../lib/ed25519.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

const RELEASE_KEY_NAMES = ['release-a', 'release-b', 'demonstration-a', 'demonstration-b'] as const;
export type ReleaseKeyName = (typeof RELEASE_KEY_NAMES)[number];

/** The file, as JSON. The public half stands in the clear and is bound to the rest. */
export interface EncryptedKey {
  readonly version: 1;
  readonly name: ReleaseKeyName;
  /** base64, 32 bytes. */
  readonly publicKey: string;
  readonly scrypt: { readonly n: number; readonly r: number; readonly p: number; readonly salt: string };
  readonly nonce: string;
  readonly tag: string;
  readonly ciphertext: string;
}

export type KeyRefusal =
  | { readonly kind: 'malformed-key-file'; readonly why: string }
  | { readonly kind: 'wrong-passphrase'; readonly name: ReleaseKeyName };

/** 128 MiB and about a third of a second for each guess. */
const SCRYPT_N = 131_072;
/** Refuses a file that asks for more memory than a guess of ours ever takes, or for so little that guessing is cheap. */
const SCRYPT_LIMITS = { least: 1_024, most: 1_048_576 };
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
/** Characters. */
const MIN_PASSPHRASE = 8;

export function createReleaseKey(
  name: ReleaseKeyName,
  passphrase: string,
  random: RandomBytes,
  n = SCRYPT_N,
): EncryptedKey {
  if (passphrase.length < MIN_PASSPHRASE)
    throw new RangeError(`a passphrase has at least ${MIN_PASSPHRASE} characters`);
  const pem = generateEd25519Pem();
  const publicKey = toBase64(readEd25519Pem(pem).publicKey);
  const secret = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  const scrypt = { n, r: 8, p: 1, salt: toBase64(random(SALT_BYTES)) };
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', stretch(passphrase, scrypt), nonce);
  cipher.setAAD(boundData(name, publicKey));
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
  return {
    version: 1,
    name,
    publicKey,
    scrypt,
    nonce: toBase64(nonce),
    tag: toBase64(cipher.getAuthTag()),
    ciphertext: toBase64(ciphertext),
  };
}

export function openReleaseKey(key: EncryptedKey, passphrase: string): Result<Ed25519Signer, KeyRefusal> {
  const decipher = createDecipheriv('aes-256-gcm', stretch(passphrase, key.scrypt), bytesOf(key.nonce));
  decipher.setAAD(boundData(key.name, key.publicKey));
  decipher.setAuthTag(bytesOf(key.tag));
  try {
    const secret = Buffer.concat([decipher.update(bytesOf(key.ciphertext)), decipher.final()]);
    return ok(createEd25519Signer(createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' })));
  } catch {
    return refuse({ kind: 'wrong-passphrase', name: key.name });
  }
}

/** Reads what a key file holds. */
export function readReleaseKey(text: string): Result<EncryptedKey, KeyRefusal> {
  const malformed = (why: string) => refuse<KeyRefusal>({ kind: 'malformed-key-file', why });
  let value: Partial<EncryptedKey>;
  try {
    value = JSON.parse(text) as Partial<EncryptedKey>;
  } catch {
    return malformed('not JSON');
  }
  const { version, name, scrypt } = value;
  if (version !== 1 || !RELEASE_KEY_NAMES.some((known) => known === name)) return malformed('unknown version or name');
  const isInLimits = scrypt && scrypt.n >= SCRYPT_LIMITS.least && scrypt.n <= SCRYPT_LIMITS.most;
  if (!isInLimits || scrypt.r !== 8 || scrypt.p !== 1) return malformed('scrypt parameters out of limits');
  if (lengthOf(value.publicKey) !== PUBLIC_KEY_BYTES) return malformed('the public key is not 32 bytes');
  if (lengthOf(scrypt.salt) !== SALT_BYTES || lengthOf(value.nonce) !== NONCE_BYTES || lengthOf(value.tag) !== 16) {
    return malformed('salt, nonce or tag has a wrong length');
  }
  return lengthOf(value.ciphertext) ? ok(value as EncryptedKey) : malformed('no ciphertext');
}

function stretch(passphrase: string, { n, r, p, salt }: EncryptedKey['scrypt']): Buffer {
  return scryptSync(passphrase.normalize('NFC'), bytesOf(salt), 32, { N: n, r, p, maxmem: 256 * n * r });
}

const boundData = (name: string, publicKey: string): Buffer =>
  Buffer.from(`headstart/release-key/v1\0${name}\0${publicKey}`);
const lengthOf = (text: unknown): number => (typeof text === 'string' ? (fromBase64(text)?.length ?? 0) : 0);

function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64(text);
  if (!bytes) throw new RangeError('not base64');
  return bytes;
}
