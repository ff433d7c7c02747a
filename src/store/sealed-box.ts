/**
 * Sealing bytes under a 32-byte key: AES-256-GCM with a fresh nonce, bound to a context, and key-committing.
 *
 *   1 version · 32 commitment · 12 nonce · 16 tag · ciphertext
 *
 * GCM alone is not key-committing: one ciphertext can be made to open under two keys to two texts. The commitment,
 * HMAC(key, "commit"), fixes the key; encryption uses HMAC(key, "encrypt"), so neither says anything of the other.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { RandomBytes } from '../lib/id.ts';

const VERSION = 1;
const COMMITMENT_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + COMMITMENT_BYTES + NONCE_BYTES + TAG_BYTES;

/** One key at hand for many records: its subkeys are made once. */
export interface Box {
  /** `context` says what and whose this is; the same must be given to open it. */
  seal(plaintext: Uint8Array, context: string): Buffer;
  /** Throws SealError; nothing of the plaintext is given out before all of it is proven. */
  open(sealed: Uint8Array, context: string): Buffer;
}

export function createBox(key: Uint8Array, random: RandomBytes): Box {
  const commitment = subkey(key, 'commit');
  // As key objects: the library takes three times as long to make one of bytes as to encrypt a record.
  const encryption = createSecretKey(subkey(key, 'encrypt'));
  return {
    seal(plaintext, context) {
      const nonce = Buffer.from(random(NONCE_BYTES));
      const cipher = createCipheriv('aes-256-gcm', encryption, nonce);
      cipher.setAAD(toAad(commitment, context));
      const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), commitment, nonce, cipher.getAuthTag(), body]);
    },

    open(sealed, context) {
      const box = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (box.length < HEAD_BYTES || box[0] !== VERSION)
        throw new SealError('not-sealed', 'these bytes are no sealed record');
      if (!timingSafeEqual(commitment, box.subarray(1, 1 + COMMITMENT_BYTES))) {
        throw new SealError('another-key', 'this record was sealed under another key');
      }
      const nonceAt = 1 + COMMITMENT_BYTES;
      const nonce = box.subarray(nonceAt, nonceAt + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', encryption, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(toAad(commitment, context));
      decipher.setAuthTag(box.subarray(nonceAt + NONCE_BYTES, HEAD_BYTES));
      try {
        return Buffer.concat([decipher.update(box.subarray(HEAD_BYTES)), decipher.final()]);
      } catch {
        throw new SealError('altered', 'this record was altered, or belongs to another context');
      }
    },
  };
}

/** As a box of this key does. */
export function sealBytes(key: Uint8Array, plaintext: Uint8Array, context: string, random: RandomBytes): Buffer {
  return createBox(key, random).seal(plaintext, context);
}

export const openBytes = (key: Uint8Array, sealed: Uint8Array, context: string): Buffer =>
  createOpener(key)(sealed, context);

/** For many records of one key, only opened. */
export const createOpener = (key: Uint8Array): Box['open'] => createBox(key, noRandom).open;

const noRandom: RandomBytes = () => {
  throw new Error('opening asks for no randomness');
};

export type SealTrouble = 'another-key' | 'altered' | 'not-sealed';

export class SealError extends Error {
  override readonly name = 'SealError';
  readonly trouble: SealTrouble;

  constructor(trouble: SealTrouble, message: string) {
    super(message);
    this.trouble = trouble;
  }
}

function subkey(key: Uint8Array, use: string): Buffer {
  if (key.length !== 32) throw new RangeError(`a sealing key has 32 bytes, not ${key.length}`);
  return createHmac('sha256', key).update(use).digest();
}

function toAad(commitment: Buffer, context: string): Buffer {
  return Buffer.concat([Buffer.from('headstart/sealed/v1\0'), commitment, Buffer.from(context)]);
}
