/**
 * Countries of organisations and persons: attested once, compared by their tags, opened only for reviewers and for those
 * they are about, and forgotten by a clock.
 */
import { addDays, type Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { type CountryKind, countryTag, type OrganisationId } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import { createHistoryStore } from './history-store.ts';

export interface CountryParts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open' | 'shred' | 'derive'>;
}

export interface OpenedCountry {
  readonly subject: string;
  readonly kind: CountryKind;
  /** Undefined: its clock has run out. */
  readonly country: string | undefined;
  readonly evidence: string;
  readonly attestedBy: string;
  readonly attestedAt: Date;
}

export const FORGET_JOB = 'membership.forget';
/** How long after somebody left their countries are forgotten. */
export const KEEP_DAYS_AFTER_LEAVING = 30;

/** What hashes countries: held by who holds the master key. */
export const countryKey = (vault: Pick<Vault, 'derive'>): Buffer => vault.derive('program/country-tag');

/** A country of an organisation or person: the tag for stops, and the country itself encrypted for reviewers. */
export async function attest(
  tx: Transaction,
  { vault, random, clock }: CountryParts,
  it: { readonly subject: string; readonly kind: CountryKind; readonly country: string; readonly actor: string },
): Promise<void> {
  const id = createId('country', random);
  const keyId = await vault.createKey(tx, it.subject);
  await createHistoryStore(tx).insertCountry({
    id,
    subject: it.subject,
    kind: it.kind,
    tag: countryTag(countryKey(vault), it.country),
    keyId,
    sealed: await vault.seal(tx, keyId, Buffer.from(it.country), `country ${id}`),
    evidence: 'declared',
    attestedBy: it.actor,
    attestedAt: clock.now(),
  });
}

export async function openCountries(
  tx: Transaction,
  { vault }: Pick<CountryParts, 'vault'>,
  organisation: OrganisationId,
): Promise<readonly OpenedCountry[]> {
  const opened: OpenedCountry[] = [];
  for (const { id, keyId, sealed, ...rest } of await createHistoryStore(tx).countriesOf(organisation)) {
    const country = keyId && sealed ? (await vault.open(tx, keyId, sealed, `country ${id}`)).toString() : undefined;
    opened.push({ ...rest, country });
  }
  return opened;
}

export async function forgetCountries(
  tx: Transaction,
  { vault }: Pick<CountryParts, 'vault'>,
  organisation: OrganisationId,
): Promise<void> {
  const store = createHistoryStore(tx);
  for (const { id, keyId } of await store.countriesOf(organisation)) {
    if (keyId) await vault.shred(tx, keyId);
    await store.dropSealed(id);
  }
}

export async function forgetLeft(
  tx: Transaction,
  { vault, clock }: Pick<CountryParts, 'vault' | 'clock'>,
): Promise<void> {
  const before = addDays(clock.now(), -KEEP_DAYS_AFTER_LEAVING);
  const keys = await createHistoryStore(tx).deleteCountriesOfLeft(before);
  for (const keyId of keys) await vault.shred(tx, keyId);
}

export async function scheduleForgetting(
  tx: Transaction,
  { clock }: Pick<CountryParts, 'clock'>,
  subject: string,
): Promise<void> {
  const runAt = addDays(clock.now(), KEEP_DAYS_AFTER_LEAVING);
  await addJob(tx, FORGET_JOB, {}, { key: `${FORGET_JOB} ${subject}`, runAt });
}

export function createMembershipJobs(membership: { forgetLeft(): Promise<void> }) {
  return { [FORGET_JOB]: (): Promise<void> => membership.forgetLeft() };
}
