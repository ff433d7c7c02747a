/**
 * Recovery codes: 100 random bits each, shown once, kept as argon2id. A code proves nothing but that its owner may enrol
 * a new passkey; it opens no session.
 */
import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { RandomBytes } from '../lib/id.ts';

export const CODES = 8;
/** Wrong codes within ATTEMPT_HOURS before no code is looked at. */
export const MAX_ATTEMPTS = 10;
export const ATTEMPT_HOURS = 24;

/** Crockford's: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_CHARACTERS = 20;
const SALT_BYTES = 16;
/** RFC 9106 section 4, second recommended option. Memory in KiB. */
const COST = { parallelism: 4, tagLength: 32, memory: 65_536, passes: 3 } as const;

/** A slow hash of a code. */
export type Derive = (message: string, nonce: Uint8Array) => Promise<Buffer>;

const argon = promisify(argon2);

export const deriveSlowly: Derive = async (message, nonce) =>
  Buffer.from(await argon('argon2id', { message, nonce, ...COST }));

export interface KeptCode {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Belongs to no code, and costs the same to look at. */
export const NO_CODE: KeptCode = { salt: Buffer.alloc(SALT_BYTES), hash: Buffer.alloc(COST.tagLength) };

/** `N-XXXXX-XXXXX-XXXXX-XXXXX`. The first digit says which of the codes it is, so that only one is hashed to check it. */
export function createCode(position: number, random: RandomBytes): string {
  const characters = Array.from(random(CODE_CHARACTERS), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return `${position}-${characters.replace(/(.{5})(?=.)/g, '$1-')}`;
}

/** Undefined where it is not of the form. */
export function positionOf(code: string): number | undefined {
  const text = normalise(code);
  const position = Number(text[0]);
  return text.length === CODE_CHARACTERS + 1 && position < CODES ? position : undefined;
}

export async function keepCode(code: string, random: RandomBytes, derive: Derive = deriveSlowly): Promise<KeptCode> {
  const salt = Buffer.from(random(SALT_BYTES));
  return { salt, hash: await derive(normalise(code), salt) };
}

export async function isCode(code: string, { salt, hash }: KeptCode, derive: Derive = deriveSlowly): Promise<boolean> {
  return timingSafeEqual(await derive(normalise(code), salt), hash);
}

/** As people type it: any case, with or without dashes, O for zero and I or L for one. */
function normalise(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
}
