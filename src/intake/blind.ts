/** Blind indexes: what is searched by lies in the database as an HMAC under a key per field, never as it is. */
import { sha256Hex } from '../lib/hash.ts';
import { createHmacSha256 } from '../lib/hmac.ts';
import type { Vault } from '../store/vault.ts';
import type { BlindField, Trait } from './identity.ts';

/** Bytes of an HMAC that are kept: enough that none is met twice by chance. */
export const BLIND_BYTES = 16;
/** What is HMACed is a digest, so that a value of any length takes the same. */
export const DIGEST_CHARACTERS = 64;

export type Blind = (trait: Trait) => Buffer;

interface Keyed {
  readonly hmac: (message: string) => string;
  /** What was made lately: records of one log share tools, weaknesses and files. */
  readonly made: Map<string, Buffer>;
}

/** Kept of one field. */
const MAX_MADE = 2_000;

/** One key per field, so that the same word in two fields is two indexes. */
export function createBlind(vault: Pick<Vault, 'derive'>): Blind {
  const keyed = new Map<BlindField, Keyed>();
  return ({ field, value }) => {
    const { hmac, made } = keyed.get(field) ?? {
      hmac: createHmacSha256(vault.derive(`intake/${field}`), DIGEST_CHARACTERS),
      made: new Map(),
    };
    if (!keyed.has(field)) keyed.set(field, { hmac, made });
    const known = made.get(value);
    if (known) return known;
    const blind = Buffer.from(hmac(sha256Hex(value)), 'hex').subarray(0, BLIND_BYTES);
    if (made.size >= MAX_MADE) made.clear();
    made.set(value, blind);
    return blind;
  };
}
