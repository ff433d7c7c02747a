/** Blind indexes: what is searched by lies in the database as an HMAC under a key per field, never as it is. */
import { sha256Hex } from '../lib/hash.ts';
import { createHmacSha256 } from '../lib/hmac.ts';
import type { Vault } from '../store/vault.ts';
import { type BlindField, LOOK_UPS, type Trait } from './identity.ts';

/** Bytes of an HMAC that are kept: enough that none is met twice by chance. */
export const BLIND_BYTES = 16;
/** What is HMACed is a digest, so that a value of any length takes the same. */
export const DIGEST_CHARACTERS = 64;

export type Blind = (trait: Trait) => Buffer;

interface Keyed {
  readonly hmac: (message: string) => string;
  /** What was made lately, of fields whose values come again; undefined of others. */
  readonly made: Map<string, Buffer> | undefined;
}

/** Records of one log share tools, weaknesses and files; what they say in full comes once. */
const COME_AGAIN: ReadonlySet<BlindField> = new Set(LOOK_UPS);
/** Kept of one field. */
const MAX_MADE = 2_000;

/** One key per field, so that the same word in two fields is two indexes. */
export function createBlind(vault: Pick<Vault, 'derive'>): Blind {
  const fields = new Map<BlindField, Keyed>();
  const keyedOf = (field: BlindField): Keyed => {
    const known = fields.get(field);
    if (known) return known;
    const hmac = createHmacSha256(vault.derive(`intake/${field}`), DIGEST_CHARACTERS);
    const keyed = { hmac, made: COME_AGAIN.has(field) ? new Map<string, Buffer>() : undefined };
    fields.set(field, keyed);
    return keyed;
  };
  return ({ field, value }) => {
    const { hmac, made } = keyedOf(field);
    const known = made?.get(value);
    if (known) return known;
    const blind = Buffer.from(hmac(sha256Hex(value)), 'hex').subarray(0, BLIND_BYTES);
    if (made && made.size >= MAX_MADE) made.clear();
    made?.set(value, blind);
    return blind;
  };
}
