/** Blind indexes: what is searched by lies in the database as an HMAC under a key per field, never as it is. */
import { sha256Hex } from '../lib/hash.ts';
import { createHmacSha256 } from '../lib/hmac.ts';
import type { Vault } from '../store/vault.ts';
import type { BlindField, Trait } from './identity.ts';

/** Bytes of an HMAC that are kept: enough that none is met twice by chance. */
const BLIND_BYTES = 16;
/** What is HMACed is a digest, so that a value of any length takes the same. */
export const DIGEST_CHARACTERS = 64;

export type Blind = (trait: Trait) => Buffer;

/** One key per field, so that the same word in two fields is two indexes. */
export function createBlind(vault: Pick<Vault, 'derive'>): Blind {
  const keyed = new Map<BlindField, (message: string) => string>();
  return ({ field, value }) => {
    const hmac = keyed.get(field) ?? createHmacSha256(vault.derive(`intake/${field}`), DIGEST_CHARACTERS);
    keyed.set(field, hmac);
    return Buffer.from(hmac(sha256Hex(value)), 'hex').subarray(0, BLIND_BYTES);
  };
}
