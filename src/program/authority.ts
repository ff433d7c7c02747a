/**
 * What a gateway knows: the rows of the programme held in memory, and what they mean for a caller. Whatever is missing,
 * ended or not approved yields no caller and no grant.
 */
import type { AccessKey, Country, Grant, GrantId, KeyId, Organisation, OrganisationId, OwnRate } from './member.ts';
import { actsFor, type Person, type PersonId, type ScopeNotice } from './member.ts';
import { type Model, type ModelView, modelAt, openTo } from './model.ts';
import { UNKNOWN_COUNTRY } from './nationality.ts';
import { isLetIn, type RolloutNotice, type StepRates } from './rollout.ts';
import { isInForce, matchesStop, type Stop, type StopAttributes } from './stop.ts';
import { isWithin, type Rate, rightsOf, type Tier } from './tier.ts';

/** As the ledger names them. The organisation's is money, the others are caps on it. */
export type LimitId = `organisation:${string}` | `person:${string}` | `key:${string}`;

export interface RateLimits {
  readonly key: Rate;
  readonly person: Rate;
  readonly organisation: Rate;
}

export interface CallerGrant {
  readonly id: GrantId;
  readonly model: ModelView;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  /** Where a step of a rollout, by which the caller was let in, limits how often. */
  readonly stepRates?: StepRates;
}

export interface Caller {
  readonly key: KeyId;
  readonly person: PersonId;
  /** The one the person belongs to. */
  readonly organisation: OrganisationId;
  /** On whose behalf, where that is another one: then its grants and its money are used. */
  readonly forOrganisation: OrganisationId | undefined;
  readonly tier: Tier;
  readonly countryTags: readonly string[];
  /** A proof is needed with every call of a bound key; `first-use`: the first one binds it. */
  readonly bind: 'none' | 'first-use' | { readonly jkt: string };
  /** By the model's public name: the only look-up of models there is. */
  readonly grants: ReadonlyMap<string, CallerGrant>;
  readonly scopes: readonly { readonly id: string; readonly expiresAt: number }[];
  readonly limits: readonly LimitId[];
  readonly rate: RateLimits;
}

/** The rows by kind; each has an `id`. */
export interface AuthorityRows {
  readonly organisations: Organisation;
  readonly persons: Person;
  readonly countries: Country;
  readonly models: Model;
  readonly grants: Grant;
  readonly keys: AccessKey;
  readonly stops: Stop;
  readonly scopes: ScopeNotice;
  readonly rates: OwnRate;
  readonly rollouts: RolloutNotice;
}

export type RowKind = keyof AuthorityRows;
export const ROW_KINDS = [
  'organisations',
  'persons',
  'countries',
  'models',
  'grants',
  'keys',
  'stops',
  'scopes',
  'rates',
  'rollouts',
] as const satisfies readonly RowKind[];

/** A person has so many times the rate of their key, an organisation so many times that of a person. */
const PERSON_RATE = 2;
const ORGANISATION_RATE = 5;

type Shelves = { readonly [Kind in RowKind]: Shelf<AuthorityRows[Kind]> };

export type AuthorityBook = ReturnType<typeof createAuthorityBook>;

export function createAuthorityBook() {
  const shelves: Shelves = {
    organisations: createShelf(() => ''),
    persons: createShelf(() => ''),
    countries: createShelf(({ subject }) => subject),
    models: createShelf(() => ''),
    grants: createShelf(({ organisation }) => organisation),
    keys: createShelf(({ mac }) => mac),
    stops: createShelf(() => ''),
    scopes: createShelf(({ organisation }) => organisation),
    rates: createShelf(() => ''),
    rollouts: createShelf(() => ''),
  };
  let callers = new Map<string, Caller | undefined>();
  /** Of the database's clock, as far as it is known. It never goes back: what has ended stays closed. */
  let instant = new Date(0);

  const callerOf = (key: AccessKey, now: Date): Caller | undefined => {
    if (key.expiresAt !== undefined && now >= key.expiresAt) return undefined;
    if (callers.has(key.id)) return callers.get(key.id);
    const caller = toCaller(shelves, key, instant);
    callers.set(key.id, caller);
    return caller;
  };
  return {
    put<Kind extends RowKind>(kind: Kind, rows: readonly AuthorityRows[Kind][]): void {
      for (const row of rows) shelves[kind].put(row);
      callers = new Map();
    },
    remove(kind: RowKind, ids: Iterable<string>): void {
      for (const id of ids) shelves[kind].remove(id);
      callers = new Map();
    },
    /** What ends by the database's clock has ended up to this instant of it. True where a stage did. */
    passTo(at: Date): boolean {
      const isPassed = ({ stageEndsAt }: Model): boolean =>
        stageEndsAt !== undefined && stageEndsAt > instant && stageEndsAt <= at;
      const hasEnded = [...shelves.models.all()].some(isPassed);
      if (at > instant) instant = at;
      if (hasEnded) callers = new Map();
      return hasEnded;
    },
    /** `mac` in hexadecimal. */
    findCaller(mac: string, now: Date): Caller | undefined {
      const [key] = shelves.keys.of(mac);
      return key && callerOf(key, now);
    },
    /** The same by the key's id: is a live call still allowed? */
    findKey(id: string, now: Date): Caller | undefined {
      const key = shelves.keys.find(id);
      return key && callerOf(key, now);
    },
    findStop: (call: StopAttributes, now: Date): Stop | undefined => {
      for (const stop of shelves.stops.all()) if (isInForce(stop, now) && matchesStop(stop, call)) return stop;
      return undefined;
    },
    stopsAmong: (ids: ReadonlySet<string> | 'all'): Stop[] =>
      [...shelves.stops.all()].filter(({ id }) => ids === 'all' || ids.has(id)),
    nameOf: (organisation: string): string | undefined => shelves.organisations.find(organisation)?.name,
    /** Everyone who could make a call now. */
    callers: (now: Date): Caller[] =>
      [...shelves.keys.all()].flatMap((key) => {
        const caller = callerOf(key, now);
        return caller ? [caller] : [];
      }),
  };
}

/** What a stop looks at, of a call of this caller. */
export function toStopAttributes(caller: Caller, model: string, tools: readonly string[]): StopAttributes {
  const { key, person, organisation, forOrganisation, tier, countryTags } = caller;
  return { model, key, person, organisation, forOrganisation, tier, countryTags, tools };
}

/** The grant for a model, where there is one at this instant. */
export function findGrant(caller: Caller, model: string, now: Date): CallerGrant | undefined {
  const grant = caller.grants.get(model);
  return grant && (grant.expiresAt === undefined || now.getTime() < grant.expiresAt) ? grant : undefined;
}

function toCaller(shelves: Shelves, key: AccessKey, at: Date): Caller | undefined {
  const person = shelves.persons.find(key.person);
  if (!person || key.revokedAt || person.standing !== 'active' || actsFor(person) !== key.organisation)
    return undefined;
  const { organisation, forOrganisation } = person;
  for (const id of [organisation, key.organisation]) {
    if (shelves.organisations.find(id)?.standing !== 'approved') return undefined;
  }
  const highest = shelves.organisations.find(key.organisation)?.tier;
  if (!highest || !isWithin(highest, key.tier)) return undefined;
  const limits: LimitId[] = [`organisation:${key.organisation}`];
  if (person.isCapped) limits.push(`person:${person.id}`);
  if (key.isCapped) limits.push(`key:${key.id}`);
  return {
    key: key.id,
    person: person.id,
    organisation,
    forOrganisation,
    tier: key.tier,
    countryTags: countryTagsOf(shelves, person),
    bind: key.bind === 'none' ? 'none' : key.jkt === undefined ? 'first-use' : { jkt: key.jkt },
    grants: grantsOf(shelves, key, [organisation, ...(forOrganisation === undefined ? [] : [forOrganisation])], at),
    scopes: [...shelves.scopes.of(key.organisation)].map(({ id, expiresAt }) => ({
      id,
      expiresAt: expiresAt.getTime(),
    })),
    limits,
    rate: ratesOf(shelves, key),
  };
}

/** Of the person and of every organisation in play; where nothing is known of one of them, that counts as a country. */
function countryTagsOf(shelves: Shelves, { id, organisation, forOrganisation }: Person): readonly string[] {
  const tags = new Set<string>();
  for (const [subject, kind] of [
    [id, 'nationality'],
    [organisation, 'jurisdiction'],
    [forOrganisation, 'jurisdiction'],
  ] as const) {
    if (subject === undefined) continue;
    const known = [...shelves.countries.of(subject)];
    if (!known.some((country) => country.kind === kind)) tags.add(UNKNOWN_COUNTRY);
    for (const { tag } of known) tags.add(tag);
  }
  return [...tags];
}

/** Of several grants for a model, the one that lasts longest. */
function grantsOf(
  shelves: Shelves,
  key: AccessKey,
  organisations: readonly string[],
  at: Date,
): ReadonlyMap<string, CallerGrant> {
  const grants = new Map<string, CallerGrant>();
  for (const { id, person, model, tier, expiresAt, revokedAt } of shelves.grants.of(key.organisation)) {
    const view = shelves.models.find(model);
    if (!view || revokedAt || !key.models.includes(model)) continue;
    if (person !== undefined && person !== key.person) continue;
    if (!isWithin(tier, key.tier) || !isWithin(key.tier, openTo(modelAt(view, at)))) continue;
    const step = shelves.rollouts.find(model);
    if (step && !isLetIn(step, key.tier, key.organisation, jurisdictionsOf(shelves, organisations))) continue;
    const until = expiresAt.getTime();
    const stepRates = step && !isWithin(key.tier, step.base) ? { stepRates: step.rates } : {};
    if ((grants.get(model)?.expiresAt ?? 0) < until)
      grants.set(model, { id, model: view, expiresAt: until, ...stepRates });
  }
  return grants;
}

/** Of each organisation the tags of all jurisdictions that are evidenced for it. */
const jurisdictionsOf = (shelves: Shelves, organisations: readonly string[]): string[][] =>
  organisations.map((id) =>
    [...shelves.countries.of(id)].flatMap(({ kind, tag }) => (kind === 'jurisdiction' ? [tag] : [])),
  );

function ratesOf(shelves: Shelves, key: AccessKey): RateLimits {
  const { rate } = rightsOf(key.tier);
  return {
    key: shelves.rates.find(key.id) ?? rate,
    person: shelves.rates.find(key.person) ?? times(rate, PERSON_RATE),
    organisation: shelves.rates.find(key.organisation) ?? times(rate, PERSON_RATE * ORGANISATION_RATE),
  };
}

const times = ({ perSecond, burst }: Rate, factor: number): Rate => ({
  perSecond: perSecond * factor,
  burst: burst * factor,
});

/** Rows by id, and by one other value they are looked up by. */
interface Shelf<Row extends { readonly id: string }> {
  put(row: Row): void;
  remove(id: string): void;
  find(id: string): Row | undefined;
  of(group: string): Iterable<Row>;
  all(): Iterable<Row>;
}

function createShelf<Row extends { readonly id: string }>(groupOf: (row: Row) => string): Shelf<Row> {
  const rows = new Map<string, Row>();
  const groups = new Map<string, Map<string, Row>>();
  const remove = (id: string): void => {
    const row = rows.get(id);
    if (!row) return;
    rows.delete(id);
    const group = groups.get(groupOf(row));
    group?.delete(id);
    if (group?.size === 0) groups.delete(groupOf(row));
  };
  return {
    remove,
    put(row) {
      remove(row.id);
      rows.set(row.id, row);
      const name = groupOf(row);
      const group = groups.get(name) ?? new Map<string, Row>();
      group.set(row.id, row);
      groups.set(name, group);
    },
    find: (id) => rows.get(id),
    of: (group) => groups.get(group)?.values() ?? [],
    all: () => rows.values(),
  };
}
