/** Who takes part: organisations, persons attributed to them, the grants and keys they hold. */
import { hash } from 'node:crypto';
import { toBase64Url } from '../lib/bytes.ts';
import { createHmacSha256 } from '../lib/hmac.ts';
import type { Id, RandomBytes } from '../lib/id.ts';
import { isMailAddress } from '../lib/mail-address.ts';
import type { CountryKind } from './nationality.ts';
import type { Rate, Tier } from './tier.ts';

export type OrganisationId = Id<'organisation'>;
export type PersonId = Id<'person'>;
export type GrantId = Id<'grant'>;
/** Of a caller's key; data keys of the vault have names of their own. */
export type KeyId = Id<'apikey'>;

export interface Organisation {
  readonly id: OrganisationId;
  readonly name: string;
  readonly standing: 'applicant' | 'approved' | 'ended';
  /** The highest tier its grants and keys may have; undefined before its approval. */
  readonly tier: Tier | undefined;
}

/** One engagement of somebody: belongs to one organisation, perhaps on behalf of another. */
export interface Person {
  readonly id: PersonId;
  readonly organisation: OrganisationId;
  readonly forOrganisation: OrganisationId | undefined;
  readonly email: string;
  readonly standing: 'active' | 'left';
  /** A limit of money of their own binds. */
  readonly isCapped: boolean;
}

export interface Country {
  readonly id: string;
  /** An organisation or a person. */
  readonly subject: string;
  readonly kind: CountryKind;
  readonly tag: string;
}

export interface Grant {
  readonly id: GrantId;
  readonly organisation: OrganisationId;
  /** Undefined: everyone of the organisation. */
  readonly person: PersonId | undefined;
  readonly model: string;
  readonly tier: Tier;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
}

export interface AccessKey {
  readonly id: KeyId;
  /** Hexadecimal. */
  readonly mac: string;
  readonly organisation: OrganisationId;
  readonly person: PersonId;
  readonly models: readonly string[];
  readonly tier: Tier;
  readonly bind: 'none' | 'dpop';
  readonly jkt: string | undefined;
  readonly isCapped: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
}

/** Under which an organisation may make calls; proven by the module that writes it. */
export interface ScopeNotice {
  readonly id: string;
  readonly organisation: OrganisationId;
  readonly expiresAt: Date;
}

/** A rate of one organisation, person or key, by its id. */
export interface OwnRate extends Rate {
  readonly id: string;
}

const NAME = /^(?!\s)[^\p{Cc}\p{Cf}\u2028\u2029]{1,200}(?<!\s)$/u;

export const isName = (text: string): boolean => NAME.test(text) && text.isWellFormed();
export const isEmail = isMailAddress;

/** Whose grants and money a person's calls use. */
export const actsFor = ({ organisation, forOrganisation }: Person): OrganisationId => forOrganisation ?? organisation;

const KEY_PREFIX = 'hs_';
const KEY_BYTES = 32;
/** Longer text is no key of ours; the rest of it is not hashed. */
const MAX_PRESENTED = 256;
const MAX_KNOWN_MACS = 8_192;
const MAX_UTF8_BYTES = 3;

/** 256 random bits, so a fast keyed hash keeps it (slow ones guard what can be guessed). Shown once, kept nowhere. */
export function createAccessKey(random: RandomBytes): string {
  return `${KEY_PREFIX}${toBase64Url(random(KEY_BYTES))}`;
}

/**
 * What is kept of a key: 64 hexadecimal digits. The pepper lies outside the database, so who reads every table still
 * has no key. The same work for a key that exists and for one that does not.
 */
export function createKeyMac(pepper: Uint8Array): (presented: string) => string {
  const mac = createHmacSha256(pepper, MAX_PRESENTED * MAX_UTF8_BYTES);
  // By a hash of what was presented, so that no key is kept in memory: those in use are asked again and again.
  const known = new Map<string, string>();
  return (presented) => {
    const cut = presented.slice(0, MAX_PRESENTED);
    const name = hash('sha256', cut, 'base64');
    const found = known.get(name);
    if (found !== undefined) return found;
    if (known.size >= MAX_KNOWN_MACS) known.clear();
    const made = mac(cut);
    known.set(name, made);
    return made;
  };
}
