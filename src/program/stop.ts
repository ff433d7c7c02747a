/**
 * Stop switches: by any attribute of a call. All attributes that a stop names must hold. Whom it lets through again
 * while it stands is its list of the restored.
 */
import type { Id } from '../lib/id.ts';
import { type CountryTerm, matchesCountry } from './nationality.ts';
import type { Tier } from './tier.ts';

export type StopId = Id<'stop'>;

export interface StopTerms {
  readonly model: string | undefined;
  readonly organisation: string | undefined;
  readonly person: string | undefined;
  readonly country: CountryTerm | undefined;
  readonly tier: Tier | undefined;
  readonly tool: string | undefined;
  readonly key: string | undefined;
}

export interface Stop {
  readonly id: StopId;
  readonly terms: StopTerms;
  /** Organisations, persons and keys by id. */
  readonly restored: readonly string[];
  readonly reason: string;
  readonly legalOrder: string | undefined;
  readonly isWide: boolean;
  readonly askedBy: string;
  readonly askedAt: Date;
  readonly confirmedBy: string | undefined;
  readonly expiresAt: Date | undefined;
  readonly liftedAt: Date | undefined;
}

/** Of one call. */
export interface StopAttributes {
  readonly model: string;
  readonly organisation: string;
  /** Where the person works for another organisation than the one they belong to. */
  readonly forOrganisation?: string | undefined;
  readonly person: string;
  readonly countryTags: readonly string[];
  readonly tier: Tier;
  readonly key: string;
  /** Tools that the call declares or has used; empty where there are none. */
  readonly tools: readonly string[];
}

/** In force until it is lifted or its time is over; a wide one that nobody confirmed has little time. */
export function isInForce({ liftedAt, expiresAt }: Stop, now: Date): boolean {
  return liftedAt === undefined && (expiresAt === undefined || now < expiresAt);
}

export function matchesStop({ terms, restored }: Pick<Stop, 'terms' | 'restored'>, call: StopAttributes): boolean {
  const organisations = [call.organisation, call.forOrganisation];
  if (restored.length > 0 && [...organisations, call.person, call.key].some((id) => id && restored.includes(id))) {
    return false;
  }
  if (isEmpty(terms)) return false;
  return (
    (terms.model === undefined || terms.model === call.model) &&
    (terms.organisation === undefined || organisations.includes(terms.organisation)) &&
    (terms.person === undefined || terms.person === call.person) &&
    (terms.country === undefined || matchesCountry(terms.country, call.countryTags)) &&
    (terms.tier === undefined || terms.tier === call.tier) &&
    (terms.tool === undefined || call.tools.includes(terms.tool)) &&
    (terms.key === undefined || terms.key === call.key)
  );
}

export const isEmpty = (terms: StopTerms): boolean => Object.values(terms).every((term) => term === undefined);

/** Keys that a narrow stop may touch at most. */
export const NARROW_STOP_KEYS = 25;

/**
 * A wide stop takes two persons: by model, country or tier, or whatever touches many keys. Naming one organisation,
 * person or key as well keeps it narrow, unless that one has many keys.
 */
export function isWide(terms: StopTerms, affectedKeys: number): boolean {
  const isNamed = terms.organisation !== undefined || terms.person !== undefined || terms.key !== undefined;
  return affectedKeys > NARROW_STOP_KEYS || !isNamed;
}

/** How long one person alone may stop many: enough to wake a second one. */
export const UNCONFIRMED_STOP_HOURS = 4;

/** The kinds of attribute it names, for the public log: never which country, person or organisation. */
export function namedAttributes(terms: StopTerms): readonly string[] {
  return Object.entries(terms).flatMap(([name, term]) => {
    if (term === undefined) return [];
    return [name === 'country' ? 'jurisdiction' : name];
  });
}
