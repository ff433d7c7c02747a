/**
 * The programme: who takes part and what they may use. Every change is one transaction with its epoch, its history and,
 * where the public may know of it, its statement in the log. Countries and keys enter none of these.
 */
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  changedFields,
  createNoticeStore,
  isCountry,
  isEmail,
  isName,
  type LimitId,
  lockEpoch,
  type Model,
  type ModelInput,
  type ModelRefusal,
  type Organisation,
  type OrganisationId,
  openTo,
  type Person,
  type PersonId,
  readModel,
  type Stage,
  stricter,
  type Tier,
  versionOf,
} from '../program/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import { type PageAsk, readWhole } from '../store/page.ts';
import type { Vault } from '../store/vault.ts';
import type { Tlog } from '../tlog/index.ts';
import { attest, forgetCountries, forgetLeft, openCountries, scheduleForgetting } from './country-service.ts';
import { createHistoryStore, type HistoryEvent } from './history-store.ts';
import { createMemberStore } from './member-store.ts';
import { createModelStore } from './model-store.ts';

export interface MembershipParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open' | 'shred' | 'derive'>;
  readonly log: Pick<Tlog, 'append'>;
  /** Sets a cap in the ledger, in the same transaction. */
  readonly setCap?: (tx: Transaction, limit: LimitId, microDollars: number) => Promise<void>;
}

export type Named = 'organisation' | 'person' | 'model' | 'key' | 'grant' | 'stop';

export type MembershipRefusal =
  | ModelRefusal
  | { readonly kind: 'not-found'; readonly what: Named; readonly named: string }
  | { readonly kind: 'ambiguous'; readonly what: Named; readonly named: string }
  | { readonly kind: 'malformed'; readonly what: string }
  | { readonly kind: 'exists'; readonly what: Named; readonly named: string }
  | { readonly kind: 'ended'; readonly what: Named; readonly named: string }
  | { readonly kind: 'not-approved'; readonly organisation: string }
  | { readonly kind: 'tier-too-high'; readonly asked: Tier; readonly highest: Tier }
  | { readonly kind: 'replaced'; readonly model: string }
  /** Release holds its stage: nobody's word opens it. */
  | { readonly kind: 'by-decision'; readonly model: string }
  | { readonly kind: 'not-open'; readonly model: string; readonly openTo: Stage; readonly tier: Tier }
  | { readonly kind: 'no-ledger' };

export interface ModelBy {
  readonly actor: string;
  readonly replace?: boolean;
  /** Of the state that was looked at: `versionOf`. */
  readonly expected?: string | undefined;
}

export type Outcome<T> = Promise<Result<T, MembershipRefusal>>;

export interface NewPerson {
  readonly organisation: string;
  readonly forOrganisation?: string | undefined;
  readonly email: string;
  readonly country?: string | undefined;
  readonly limitMicro?: number | undefined;
}

/** Of one mail address: who works for more organisations than that is found by the first of them. */
const MAX_ENGAGEMENTS = 100;

export type Membership = ReturnType<typeof createMembership>;

/** Names of the statements in the public log. */
export const APPROVED = 'headstart/organisation-approved/v1';
export const ENDED = 'headstart/organisation-ended/v1';

/** What hashes keys: held by who holds the master key. */
export const keyPepper = (vault: Pick<Vault, 'derive'>): Buffer => vault.derive('program/key-pepper');

export function createMembership(parts: MembershipParts) {
  const { database } = parts;
  const change = createChange(database);
  return {
    /** Throws on nothing a person could have written; `replace` keeps the stage. */
    addModel: (input: ModelInput, by: ModelBy): Outcome<Model> => change((tx) => addModel(tx, parts, input, by)),
    findModel: (id: string): Promise<Model | undefined> => createModelStore(database).findModel(id),
    /** Undefined: no decision speaks, and the lowest tier that the operator named binds alone. */
    setStage: (id: string, stage: Stage | undefined, actor: string): Outcome<Model> =>
      change((tx) => setStage(tx, parts, { id, stage, actor })),
    pageModels: (ask: PageAsk) => createModelStore(database).pageModels(ask),
    listModels: (): Promise<readonly Model[]> => readWhole((ask) => createModelStore(database).pageModels(ask)),

    addOrganisation: (fresh: { name: string; country?: string | undefined }, actor: string): Outcome<OrganisationId> =>
      change((tx) => addOrganisation(tx, parts, fresh, actor)),
    findOrganisation: (named: string) => findOrganisation(database, named),
    findOrganisationIn: findOrganisation,
    /** An organisation's id by its id or its unambiguous name, for modules that keep something of organisations. */
    organisationNamed: async (tx: Transaction, named: string): Promise<OrganisationId | undefined> => {
      const found = await findOrganisation(tx, named);
      return found.ok ? found.value.id : undefined;
    },
    pageOrganisations: (ask: PageAsk) => createMemberStore(database).pageOrganisations(ask),
    listOrganisations: (): Promise<readonly Organisation[]> =>
      readWhole((ask) => createMemberStore(database).pageOrganisations(ask)),
    /** In the transaction of the vetting that ends so; `approvals` say by whom, in words for the public. */
    approve: (tx: Transaction, named: string, tier: Tier, by: { actor: string; approvals: readonly string[] }) =>
      approve(tx, parts, named, tier, by),
    /** The operator's word stands for vetting and reviewers, and the log says that it was. */
    approveAsOperator: (named: string, tier: Tier, actor: string): Outcome<OrganisationId> =>
      change((tx) => approve(tx, parts, named, tier, { actor, approvals: [`${actor}, alone, without vetting`] })),
    endOrganisation: (named: string, actor: string): Outcome<OrganisationId> =>
      change((tx) => endOrganisation(tx, parts, named, actor)),

    addPerson: (fresh: NewPerson, actor: string): Outcome<PersonId> =>
      change((tx) => addPerson(tx, parts, fresh, actor)),
    findPerson: (named: string, organisation?: OrganisationId) => findPerson(database, organisation, named),
    /** One human with two engagements is one person. */
    isSamePerson: (one: string, other: string): Promise<boolean> =>
      createMemberStore(database).isSamePerson(one, other),
    pagePersons: (ask: PageAsk, organisation?: OrganisationId) =>
      createMemberStore(database).pagePersons(ask, organisation),
    listPersons: (organisation?: OrganisationId): Promise<readonly Person[]> =>
      readWhole((ask) => createMemberStore(database).pagePersons(ask, organisation)),
    /** Active engagements of one mail address. */
    findByEmail: (email: string): Promise<readonly Person[]> =>
      createMemberStore(database).findByEmail(email.trim(), MAX_ENGAGEMENTS),
    /** Every key of theirs ends with it. */
    removePerson: (named: string, actor: string): Outcome<PersonId> =>
      change(async (tx) => {
        const person = await findPerson(tx, undefined, named);
        if (!person.ok) return person;
        await createMemberStore(tx).leave(person.value.id, parts.clock.now());
        await scheduleForgetting(tx, parts, person.value.id);
        await record(tx, parts, { subject: person.value.id, event: 'left', actor });
        return ok(person.value.id);
      }),

    /** Countries of an organisation and its persons as they were attested. The caller has logged the look. */
    openCountries: (tx: Transaction, organisation: OrganisationId) => openCountries(tx, parts, organisation),
    /** What is encrypted of them goes; the tags stay as long as there is access, so that stops still find them. */
    forgetCountries: (tx: Transaction, organisation: OrganisationId) => forgetCountries(tx, parts, organisation),
    /** Tags and all, of those who left long enough ago. */
    forgetLeft: (): Promise<void> => database.transaction((tx) => forgetLeft(tx, parts)),

    pageHistory: (ask: PageAsk, subject: string) => createHistoryStore(database).pageEvents(ask, subject),
    history: (subject: string): Promise<readonly HistoryEvent[]> =>
      readWhole((ask) => createHistoryStore(database).pageEvents(ask, subject)),
  };
}

/** One change of what gateways know, whole or not at all. */
export function createChange(database: Database) {
  return <T, R>(work: (tx: Transaction) => Promise<Result<T, R>>): Promise<Result<T, R>> =>
    decide(database, async (tx) => {
      await lockEpoch(tx);
      return work(tx);
    });
}

export function record(
  tx: Transaction,
  { clock }: Pick<MembershipParts, 'clock'>,
  event: Omit<HistoryEvent, 'at'>,
): Promise<void> {
  return createHistoryStore(tx).record({ ...event, at: clock.now() });
}

async function say(
  tx: Transaction,
  { log }: Pick<MembershipParts, 'log'>,
  predicateType: string,
  subject: string,
  facts: { readonly [name: string]: string | readonly string[] },
): Promise<void> {
  const said = await log.append(tx, { type: 'statement', predicateType, subject, documents: [], facts });
  if (!said.ok) throw new Error(`the log refuses ${predicateType} of ${subject}: ${said.refusal.kind}`);
}

/** A model that opens by decisions alone is narrowed by anyone's word, and widened by nobody's. */
async function setStage(
  tx: Transaction,
  parts: MembershipParts,
  { id, stage, actor }: { readonly id: string; readonly stage: Stage | undefined; readonly actor: string },
): Outcome<Model> {
  const before = await createModelStore(tx).findModel(id);
  if (!before) return refuse({ kind: 'not-found', what: 'model', named: id });
  const after: Model = { ...before, stage };
  const { stageEndsAt: endsAt, isByDecision = false } = before;
  if (isByDecision && (stage === undefined || stricter(openTo(before), openTo(after)) !== openTo(after)))
    return refuse({ kind: 'by-decision', model: id });
  await createNoticeStore(tx).setStage(id, { stage, endsAt, isByDecision });
  await record(tx, parts, { subject: id, event: 'stage-set', actor, note: stage ?? 'none' });
  return ok(after);
}

async function addModel(
  tx: Transaction,
  parts: MembershipParts,
  input: ModelInput,
  { actor, replace = false, expected }: ModelBy,
): Outcome<Model> {
  const model = readModel(input);
  if (!model.ok) return model;
  const store = createModelStore(tx);
  const before = await store.findModel(input.id);
  if (before && !replace) return refuse({ kind: 'exists', what: 'model', named: input.id });
  if (expected !== undefined && versionOf(before) !== expected) return refuse({ kind: 'replaced', model: input.id });
  await store.putModel(model.value, parts.clock.now());
  const note = before ? changedFields(before, model.value).join(', ') : model.value.url;
  await record(tx, parts, { subject: input.id, event: before ? 'model-replaced' : 'model-added', actor, note });
  const { stage, stageEndsAt, isByDecision } = before ?? {};
  return ok({ ...model.value, stage, ...(stageEndsAt && { stageEndsAt }), ...(isByDecision && { isByDecision }) });
}

async function addOrganisation(
  tx: Transaction,
  parts: MembershipParts,
  { name, country }: { readonly name: string; readonly country?: string | undefined },
  actor: string,
): Outcome<OrganisationId> {
  if (!isName(name)) return refuse({ kind: 'malformed', what: 'the name' });
  if (country !== undefined && !isCountry(country)) return refuse({ kind: 'malformed', what: 'the country' });
  const id = createId('organisation', parts.random);
  await createMemberStore(tx).insertOrganisation({ id, name }, parts.clock.now());
  if (country) await attest(tx, parts, { subject: id, kind: 'jurisdiction', country, actor });
  await record(tx, parts, { subject: id, event: 'added', actor });
  return ok(id);
}

export async function findOrganisation(tx: Transaction, named: string): Outcome<Organisation> {
  const [first, second] = await createMemberStore(tx).findOrganisations(named);
  if (!first) return refuse({ kind: 'not-found', what: 'organisation', named });
  if (second && first.id !== named) return refuse({ kind: 'ambiguous', what: 'organisation', named });
  return ok(first);
}

export async function findPerson(
  tx: Transaction,
  organisation: OrganisationId | undefined,
  named: string,
): Outcome<Person> {
  const [first, second] = await createMemberStore(tx).findPersons(organisation, named);
  if (!first) return refuse({ kind: 'not-found', what: 'person', named });
  if (second && first.id !== named) return refuse({ kind: 'ambiguous', what: 'person', named });
  return ok(first);
}

async function approve(
  tx: Transaction,
  parts: MembershipParts,
  named: string,
  tier: Tier,
  { actor, approvals }: { readonly actor: string; readonly approvals: readonly string[] },
): Outcome<OrganisationId> {
  await lockEpoch(tx);
  const found = await findOrganisation(tx, named);
  if (!found.ok) return found;
  const { id, standing } = found.value;
  if (standing === 'ended') return refuse({ kind: 'ended', what: 'organisation', named });
  await createMemberStore(tx).approve(id, tier, parts.clock.now());
  await record(tx, parts, { subject: id, event: 'approved', actor, note: tier });
  await say(tx, parts, APPROVED, id, { tier, approvals });
  return ok(id);
}

async function endOrganisation(
  tx: Transaction,
  parts: MembershipParts,
  named: string,
  actor: string,
): Outcome<OrganisationId> {
  const found = await findOrganisation(tx, named);
  if (!found.ok) return found;
  const { id, standing } = found.value;
  if (standing === 'ended') return refuse({ kind: 'ended', what: 'organisation', named });
  await createMemberStore(tx).end(id, parts.clock.now());
  await scheduleForgetting(tx, parts, id);
  await record(tx, parts, { subject: id, event: 'ended', actor });
  await say(tx, parts, ENDED, id, {});
  return ok(id);
}

async function addPerson(
  tx: Transaction,
  parts: MembershipParts,
  { organisation, forOrganisation, email, country, limitMicro }: NewPerson,
  actor: string,
): Outcome<PersonId> {
  if (!isEmail(email)) return refuse({ kind: 'malformed', what: 'the address' });
  if (country !== undefined && !isCountry(country)) return refuse({ kind: 'malformed', what: 'the country' });
  const own = await findOrganisation(tx, organisation);
  if (!own.ok) return own;
  const other = forOrganisation === undefined ? undefined : await findOrganisation(tx, forOrganisation);
  if (other && !other.ok) return other;
  const behalf = other?.value.id === own.value.id ? undefined : other?.value.id;
  for (const each of [own, other]) {
    if (each?.value.standing === 'ended') return refuse({ kind: 'ended', what: 'organisation', named: each.value.id });
  }
  const id = createId('person', parts.random);
  const isCapped = limitMicro !== undefined;
  if (isCapped && !parts.setCap) return refuse({ kind: 'no-ledger' });
  const person = { id, organisation: own.value.id, forOrganisation: behalf, email, isCapped };
  if (!(await createMemberStore(tx).insertPerson(person, parts.clock.now()))) {
    return refuse({ kind: 'exists', what: 'person', named: email });
  }
  if (isCapped) await parts.setCap?.(tx, `person:${id}`, limitMicro);
  if (country) await attest(tx, parts, { subject: id, kind: 'nationality', country, actor });
  await record(tx, parts, { subject: id, event: 'added', actor });
  return ok(id);
}
