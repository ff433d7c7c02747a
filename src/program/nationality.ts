/**
 * Countries of organisations and persons. What is compared is a keyed tag, which tells nothing without the key; the
 * country itself is encrypted for reviewers. Neither enters a receipt, a journal or the public log.
 */
import { createHmac } from 'node:crypto';

export type CountryKind = 'jurisdiction' | 'nationality' | 'beneficial-owner';

/** In place of a tag where nothing is known: no country at all, so that "everyone but X" takes it in. */
export const UNKNOWN_COUNTRY = 'unknown';

/** ISO 3166-1 alpha-2. */
const COUNTRY = /^[A-Z]{2}$/;

export const isCountry = (text: string): boolean => COUNTRY.test(text);

export interface CountryTerm {
  readonly tag: string;
  /** Everyone but those of that country. */
  readonly isNot: boolean;
}

/** `CC`, or `!CC` for everyone but. Undefined for anything else. */
export function readCountryTerm(text: string, tagKey: Uint8Array): CountryTerm | undefined {
  const isNot = text.startsWith('!');
  const country = isNot ? text.slice(1) : text;
  return isCountry(country) ? { tag: countryTag(tagKey, country), isNot } : undefined;
}

export function countryTag(tagKey: Uint8Array, country: string): string {
  return createHmac('sha256', tagKey).update(`country\0${country}`).digest('hex');
}

/**
 * Whether a term takes in a caller with these countries. `CC`: one of them is it. `!CC`: one of them is another or
 * unknown, so that nobody passes who is not known to be of that country, in every respect.
 */
export function matchesCountry(term: CountryTerm, tags: readonly string[]): boolean {
  if (!term.isNot) return tags.includes(term.tag);
  return tags.length === 0 || tags.some((tag) => tag !== term.tag);
}
