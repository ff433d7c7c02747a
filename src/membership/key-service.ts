/** Keys and grants: what a person may use, from when to when. Revoking acts in every gateway within a second. */
import { addDays } from '../lib/clock.ts';
import { createId } from '../lib/id.ts';
import { isThumbprint } from '../lib/jwk.ts';
import { ok, refuse } from '../lib/result.ts';
import {
  type AccessKey,
  actsFor,
  createAccessKey,
  createKeyMac,
  type Grant,
  type GrantId,
  isTier,
  isWithin,
  type KeyId,
  type OrganisationId,
  openTo,
  type Person,
  rightsOf,
  type Tier,
} from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type PageAsk, readWhole } from '../store/page.ts';
import { createKeyStore } from './key-store.ts';
import {
  createChange,
  findOrganisation,
  findPerson,
  keyPepper,
  type MembershipParts,
  type Outcome,
  record,
} from './membership.ts';
import { createModelStore } from './model-store.ts';

export interface GrantRequest {
  readonly organisation: string;
  readonly person: string;
  readonly models: readonly string[];
  /** The organisation's highest where absent. */
  readonly tier?: string | undefined;
}

export interface KeyRequest extends GrantRequest {
  readonly bind?: 'none' | 'dpop';
  readonly jkt?: string | undefined;
  readonly expiresAt?: Date | undefined;
  readonly limitMicro?: number | undefined;
}

export type Keys = ReturnType<typeof createKeys>;

export function createKeys(parts: MembershipParts) {
  const { database } = parts;
  const change = createChange(database);
  return {
    /** The key is in the answer and nowhere else. Makes the grant it needs unless there is one. */
    createKey: (request: KeyRequest, actor: string): Outcome<{ readonly id: KeyId; readonly key: string }> =>
      change((tx) => createKey(tx, parts, request, actor)),
    /** Whose it would be, where nothing speaks against it now. */
    checkRequest: async (request: GrantRequest): Outcome<Person> => {
      const holder = await findHolder(database, request);
      if (!holder.ok) return holder;
      const open = await checkModels(database, holder.value.tier, request.models);
      return open.ok ? ok(holder.value.person) : open;
    },
    findKey: (id: string) => createKeyStore(database).findKey(id),
    pageKeys: (ask: PageAsk, organisation?: OrganisationId) => createKeyStore(database).pageKeys(ask, organisation),
    listKeys: (organisation?: OrganisationId): Promise<readonly AccessKey[]> =>
      readWhole((ask) => createKeyStore(database).pageKeys(ask, organisation)),
    revokeKey: (id: string, actor: string): Outcome<KeyId> =>
      change(async (tx) => {
        const key = await createKeyStore(tx).findKey(id);
        if (!key) return refuse({ kind: 'not-found', what: 'key', named: id });
        await createKeyStore(tx).revokeKey(key.id, parts.clock.now());
        await record(tx, parts, { subject: key.id, event: 'revoked', actor });
        return ok(key.id);
      }),
    /** So that the person can make keys of their own. */
    grantModels: (request: GrantRequest, actor: string): Outcome<readonly GrantId[]> =>
      change((tx) => grantModels(tx, parts, request, actor)),
    /** Whether there is a model that they may use now. */
    async holdsGrant(person: Person): Promise<boolean> {
      return (await createKeyStore(database).grantsFor(actsFor(person), person.id, parts.clock.now())).length > 0;
    },
    pageGrants: (ask: PageAsk, organisation: OrganisationId) => createKeyStore(database).pageGrants(ask, organisation),
    listGrants: (organisation: OrganisationId): Promise<readonly Grant[]> =>
      readWhole((ask) => createKeyStore(database).pageGrants(ask, organisation)),
    revokeGrant: (id: string, actor: string): Outcome<string> =>
      change(async (tx) => {
        const grant = await createKeyStore(tx).revokeGrant(id, parts.clock.now());
        if (!grant) return refuse({ kind: 'not-found', what: 'grant', named: id });
        await record(tx, parts, { subject: grant.organisation, event: 'grant-revoked', actor, note: id });
        return ok(id);
      }),
  };
}

async function createKey(
  tx: Transaction,
  parts: MembershipParts,
  request: KeyRequest,
  actor: string,
): Outcome<{ readonly id: KeyId; readonly key: string }> {
  const now = parts.clock.now();
  const holder = await findHolder(tx, request);
  if (!holder.ok) return holder;
  const { organisation, person, tier } = holder.value;
  if (request.jkt !== undefined && !isThumbprint(request.jkt)) return refuse({ kind: 'malformed', what: 'thumbprint' });
  if (request.expiresAt && request.expiresAt <= now) return refuse({ kind: 'malformed', what: 'the expiry' });
  const granted = await ensureGrants(tx, parts, holder.value, request.models, actor);
  if (!granted.ok) return granted;
  const id = createId('apikey', parts.random);
  const key = createAccessKey(parts.random);
  const isCapped = request.limitMicro !== undefined;
  if (isCapped && !parts.setCap) return refuse({ kind: 'no-ledger' });
  await createKeyStore(tx).insertKey({
    id,
    mac: createKeyMac(keyPepper(parts.vault))(key),
    organisation,
    person: person.id,
    models: [...new Set(request.models)],
    tier,
    bind: request.jkt === undefined ? (request.bind ?? 'none') : 'dpop',
    jkt: request.jkt,
    isCapped,
    createdBy: actor,
    createdAt: now,
    expiresAt: request.expiresAt,
  });
  if (request.limitMicro !== undefined) await parts.setCap?.(tx, `key:${id}`, request.limitMicro);
  await record(tx, parts, { subject: id, event: 'created', actor });
  return ok({ id, key });
}

interface Holder {
  readonly organisation: OrganisationId;
  readonly person: Person;
  readonly tier: Tier;
}

/** Who would hold the key, and at which tier. */
async function findHolder(tx: Transaction, request: GrantRequest): Outcome<Holder> {
  if (request.tier !== undefined && !isTier(request.tier)) return refuse({ kind: 'malformed', what: 'the tier' });
  const organisation = await findOrganisation(tx, request.organisation);
  if (!organisation.ok) return organisation;
  const { id, tier: highest } = organisation.value;
  const person = await findPerson(tx, id, request.person);
  if (!person.ok) return person;
  if (person.value.standing !== 'active') return refuse({ kind: 'ended', what: 'person', named: person.value.id });
  const employer = await findOrganisation(tx, person.value.organisation);
  if (!employer.ok) return employer;
  for (const each of [organisation.value, employer.value]) {
    if (each.standing !== 'approved') return refuse({ kind: 'not-approved', organisation: each.name });
  }
  if (!highest) return refuse({ kind: 'not-approved', organisation: organisation.value.name });
  const tier = request.tier ?? highest;
  if (!isWithin(highest, tier)) return refuse({ kind: 'tier-too-high', asked: tier, highest });
  return ok({ organisation: actsFor(person.value), person: person.value, tier });
}

async function grantModels(
  tx: Transaction,
  parts: MembershipParts,
  request: GrantRequest,
  actor: string,
): Outcome<readonly GrantId[]> {
  const holder = await findHolder(tx, request);
  return holder.ok ? await ensureGrants(tx, parts, holder.value, request.models, actor) : holder;
}

/** The grants by which the holder has each of these models: those that are there, and new ones. */
async function ensureGrants(
  tx: Transaction,
  parts: MembershipParts,
  holder: Holder,
  models: readonly string[],
  actor: string,
): Outcome<readonly GrantId[]> {
  const open = await checkModels(tx, holder.tier, models);
  if (!open.ok) return open;
  const grants: GrantId[] = [];
  for (const id of new Set(models)) grants.push(await ensureGrant(tx, parts, { ...holder, model: id, actor }));
  return ok(grants);
}

async function checkModels(tx: Transaction, tier: Tier, models: readonly string[]): Outcome<undefined> {
  if (models.length === 0) return refuse({ kind: 'malformed', what: 'the list of models' });
  for (const id of new Set(models)) {
    const model = await createModelStore(tx).findModel(id);
    if (!model) return refuse({ kind: 'not-found', what: 'model', named: id });
    if (!isWithin(tier, openTo(model))) return refuse({ kind: 'not-open', model: id, openTo: openTo(model), tier });
  }
  return ok(undefined);
}

async function ensureGrant(
  tx: Transaction,
  parts: MembershipParts,
  it: Holder & { readonly model: string; readonly actor: string },
): Promise<GrantId> {
  const now = parts.clock.now();
  const store = createKeyStore(tx);
  const existing = await store.findGrants(it.organisation, it.person.id, it.model, now);
  const enough = existing.find(({ tier }) => isWithin(tier, it.tier));
  if (enough) return enough.id;
  const id = createId('grant', parts.random);
  await store.insertGrant({
    id,
    organisation: it.organisation,
    person: it.person.id,
    model: it.model,
    tier: it.tier,
    grantedBy: it.actor,
    grantedAt: now,
    expiresAt: addDays(now, rightsOf(it.tier).grantDays),
  });
  await record(tx, parts, { subject: it.organisation, event: 'granted', actor: it.actor, note: id });
  return id;
}
