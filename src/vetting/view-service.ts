/** Who waits for what since when, and what is kept of an organisation or a person, opened for those it is about. */
import { ok, type Result, refuse } from '../lib/result.ts';
import { createPresenceStore, type OrganisationId } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readWhole } from '../store/page.ts';
import { KeyShredded } from '../store/vault.ts';
import { type Application, type ApplicationId, type Waiting, waitingFor } from './application.ts';
import { createApplicationStore } from './application-store.ts';
import { createEvidenceStore } from './evidence-store.ts';
import type { VettingParts, VettingRefusal } from './vetting.ts';

type Outcome<T> = Promise<Result<T, VettingRefusal>>;

export interface Onboarding extends Waiting {
  readonly application: ApplicationId;
  readonly organisation: string;
  readonly tier: string;
  readonly version: number;
}

/** Content and name of a file of evidence. */
export interface Evidence {
  readonly name: string;
  readonly content: Uint8Array;
}

export async function find(tx: Transaction, id: string): Outcome<Application & { readonly keyId: string }> {
  const it = await createApplicationStore(tx).find(id);
  return it ? ok(it) : refuse({ kind: 'no-such-application', id });
}

export async function unseal(
  tx: Transaction,
  { vault }: VettingParts,
  keyId: string,
  { id, sealed }: { readonly id: string; readonly sealed: Buffer },
): Outcome<Evidence> {
  try {
    const kept = await vault.openJson<{ name: string; base64: string }>(tx, keyId, sealed, `evidence ${id}`);
    return ok({ name: kept.name, content: Buffer.from(kept.base64, 'base64') });
  } catch (error) {
    if (error instanceof KeyShredded) return refuse({ kind: 'deleted' });
    throw error;
  }
}

export async function onboarding(
  tx: Transaction,
  parts: VettingParts,
  ask: PageAsk,
  organisation: string | undefined,
): Promise<Page<Onboarding>> {
  const { items, next } = await createApplicationStore(tx).page(ask, organisation);
  const views: Onboarding[] = [];
  for (const it of items) views.push(await toOnboarding(tx, parts, it));
  return { items: views, next };
}

export async function toOnboarding(tx: Transaction, parts: VettingParts, it: Application): Promise<Onboarding> {
  const keys = (await parts.keys.listKeys(it.organisation as OrganisationId)).filter((key) => !key.revokedAt);
  const proven = await createPresenceStore(tx).listProven(it.organisation);
  const keySince = keys.map(({ createdAt }) => createdAt).toSorted((one, other) => Number(one) - Number(other))[0];
  const provenAt = proven.find(({ key }) => keys.some(({ id }) => id === key))?.at;
  const waiting = waitingFor(it, { keySince, provenAt }, parts.clock.now());
  return { ...waiting, application: it.id, organisation: it.organisation, tier: it.tier, version: it.version };
}

export async function exportFor(tx: Transaction, parts: VettingParts, named: string, reader: string) {
  const found = await parts.membership.findOrganisationIn(tx, named);
  if (!found.ok) return found;
  const { id: organisation } = found.value;
  const store = createApplicationStore(tx);
  await store.recordLook({ organisation, what: 'everything', reader, purpose: 'export', at: parts.clock.now() });
  const applications = [];
  for (const it of await readWhole((ask) => store.page(ask, organisation))) {
    const keyed = await find(tx, it.id);
    const files = [];
    for (const file of await createEvidenceStore(tx).list(it.id)) {
      const sealed = await createEvidenceStore(tx).find(file.id);
      const opened = sealed && keyed.ok ? await unseal(tx, parts, keyed.value.keyId, sealed) : undefined;
      files.push({ ...file, ...(opened?.ok ? { name: opened.value.name, content: opened.value.content } : {}) });
    }
    applications.push({ application: it, files });
  }
  const countries = await parts.membership.openCountries(tx, organisation);
  return ok({
    organisation: found.value,
    countries,
    applications,
    looks: await readWhole((ask) => store.pageLooks(ask, organisation)),
  });
}

/** What is kept of one person: who they are here, what was attested of them, what was done with it and by whom. */
export async function exportPerson(tx: Transaction, parts: VettingParts, id: string, reader: string) {
  const found = await parts.membership.findPerson(id);
  if (!found.ok) return found;
  const person = found.value;
  const organisation = person.forOrganisation ?? person.organisation;
  const look = { organisation, what: `person ${person.id}`, reader, purpose: 'export', at: parts.clock.now() } as const;
  await createApplicationStore(tx).recordLook(look);
  const countries = await parts.membership.openCountries(tx, person.organisation);
  return ok({
    person,
    countries: countries.filter(({ subject }) => subject === person.id),
    history: await parts.membership.history(person.id),
    looks: (await readWhole((ask) => createApplicationStore(tx).pageLooks(ask, organisation))).filter(
      ({ what }) => what === 'countries' || what === 'everything' || what === `person ${person.id}`,
    ),
  });
}
