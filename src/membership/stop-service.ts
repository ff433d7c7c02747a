/**
 * Stop switches: counted before they act, in force at once, lifted in stages.
 *
 * Stopping is the safe direction: one person may stop anything, but a wide stop that nobody else confirms lapses after
 * four hours. Letting through again is the other direction: what two persons confirmed, two persons lift.
 */
import { createId } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  type AuthorityBook,
  createAuthorityBook,
  createAuthorityStore,
  createPresenceStore,
  findGrant,
  isEmpty,
  isInForce,
  isWide,
  type LiveCalls,
  matchesStop,
  namedAttributes,
  readCountryTerm,
  type Stop,
  type StopTerms,
  type Tier,
  toStopAttributes,
  UNCONFIRMED_STOP_HOURS,
} from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readWhole } from '../store/page.ts';
import { countryKey } from './country-service.ts';
import { createHistoryStore } from './history-store.ts';
import { createMemberStore } from './member-store.ts';
import { createChange, type MembershipParts } from './membership.ts';
import { createStopStore } from './stop-store.ts';

export interface StopRequest {
  readonly model?: string | undefined;
  /** Ids. */
  readonly organisation?: string | undefined;
  readonly person?: string | undefined;
  readonly key?: string | undefined;
  /** `CC`, or `!CC` for everyone but. */
  readonly country?: string | undefined;
  readonly tier?: Tier | undefined;
  readonly tool?: string | undefined;
  readonly reason: string;
  /** Needed with a country, as is an expiry. */
  readonly legalOrder?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

export interface StopCount {
  /** Keys that could make a call which is stopped now. */
  readonly affectedKeys: number;
  /** Calls that gateways carry at this moment and that are ended. */
  readonly affectedStreams: number;
  readonly isWide: boolean;
}

export type StopRefusal =
  | { readonly kind: 'no-attribute' }
  | { readonly kind: 'malformed'; readonly what: string }
  | { readonly kind: 'no-legal-order' }
  | { readonly kind: 'not-found'; readonly what: 'stop'; readonly named: string }
  | { readonly kind: 'lifted'; readonly stop: string }
  | { readonly kind: 'confirmed'; readonly stop: string }
  /** The same person cannot be both. */
  | { readonly kind: 'second-person-needed'; readonly stop: string };

/** Who acts, and who else agrees. */
export interface Hands {
  readonly actor: string;
  readonly second?: string | undefined;
}

export const STOPPED = 'headstart/stop/v1';
export const CONFIRMED = 'headstart/stop-confirmed/v1';
export const RESTORED = 'headstart/stop-restored/v1';
export const LIFTED = 'headstart/stop-lifted/v1';

const HOUR_MS = 3_600_000;
const MAX_TEXT = 500;

type Outcome<T> = Promise<Result<T, StopRefusal>>;
export interface StopSet extends StopCount {
  readonly stop: Stop;
}

export type Stops = ReturnType<typeof createStops>;

export function createStops(parts: Omit<MembershipParts, 'setCap'>) {
  const { database, clock } = parts;
  const change = createChange(database);
  return {
    /** What a stop would touch, without setting it. Who counts by country is on record: a count can tell of persons. */
    dryRun: async (request: StopRequest, actor?: string): Outcome<StopCount> => {
      const terms = toTerms(parts, request);
      if (!terms.ok) return terms;
      if (terms.value.country && actor !== undefined) {
        const event = { subject: 'stops', event: 'counted-by-country', actor, at: clock.now() };
        await createHistoryStore(database).record(event);
      }
      return ok(await countAffected(database, terms.value, clock.now()));
    },
    set: (request: StopRequest, hands: Hands): Outcome<StopSet> => change((tx) => set(tx, parts, request, hands)),
    /** In the caller's transaction. */
    setIn: (tx: Transaction, request: StopRequest, hands: Hands): Outcome<StopSet> => set(tx, parts, request, hands),
    /** Another person than the one who asked agrees; `expiresAt` replaces the four hours. For who signs in as a person. */
    confirm: (id: string, actor: string, expiresAt?: Date): Outcome<Stop> =>
      change((tx) => confirm(tx, parts, id, actor, expiresAt)),
    /** Lets these organisations, persons and keys through again while the stop stands for all others. */
    restore: (id: string, subjects: readonly string[], hands: Hands): Outcome<StopSet> =>
      change((tx) => restore(tx, parts, id, subjects, hands)),
    lift: (id: string, hands: Hands): Outcome<StopSet> => change((tx) => lift(tx, parts, id, hands)),
    find: (id: string): Promise<Stop | undefined> => createStopStore(database).find(id),
    page: (ask: PageAsk): Promise<Page<Stop>> => createStopStore(database).page(ask),
    list: (): Promise<readonly Stop[]> => readWhole((ask) => createStopStore(database).page(ask)),
  };
}

function toTerms(parts: Pick<MembershipParts, 'vault'>, request: StopRequest): Result<StopTerms, StopRefusal> {
  const { model, organisation, person, key, country: text, tier, tool } = request;
  const country = text === undefined ? undefined : readCountryTerm(text, countryKey(parts.vault));
  if (text !== undefined && !country) return refuse({ kind: 'malformed', what: 'the country: CC or !CC' });
  const terms = { model, organisation, person, country, tier, tool, key };
  return isEmpty(terms) ? refuse({ kind: 'no-attribute' }) : ok(terms);
}

/** By the very rules a gateway stops by. */
async function countAffected(tx: Transaction, terms: StopTerms, now: Date): Promise<StopCount> {
  const book = createAuthorityBook();
  await createAuthorityStore(tx).readAll(book);
  const live = await createPresenceStore(tx).live(now);
  return countIn(book, live, { terms, restored: [] }, now);
}

function countIn(
  book: AuthorityBook,
  live: readonly LiveCalls[],
  stop: Pick<Stop, 'terms' | 'restored'>,
  now: Date,
): StopCount {
  // Whatever tool it names, a key may be used with it.
  const anyTool = stop.terms.tool === undefined ? [] : [stop.terms.tool];
  const affectedKeys = book
    .callers(now)
    .filter((caller) =>
      [...caller.grants.keys()].some(
        (model) => findGrant(caller, model, now) && matchesStop(stop, toStopAttributes(caller, model, anyTool)),
      ),
    ).length;
  const affectedStreams = live.reduce((sum, { key, model, tools, count }) => {
    const caller = book.findKey(key, now);
    return caller && matchesStop(stop, toStopAttributes(caller, model, tools)) ? sum + count : sum;
  }, 0);
  return { affectedKeys, affectedStreams, isWide: isWide(stop.terms, affectedKeys) };
}

async function set(
  tx: Transaction,
  parts: Omit<MembershipParts, 'setCap'>,
  request: StopRequest,
  { actor, second }: Hands,
): Outcome<StopSet> {
  const now = parts.clock.now();
  const { reason, legalOrder, expiresAt } = request;
  const terms = toTerms(parts, request);
  if (!terms.ok) return terms;
  if ([reason, legalOrder ?? ''].some((text) => text.length > MAX_TEXT)) {
    return refuse({ kind: 'malformed', what: `a text: at most ${MAX_TEXT} characters` });
  }
  if (expiresAt && expiresAt <= now) return refuse({ kind: 'malformed', what: 'the expiry: it is past' });
  if (terms.value.country && (!legalOrder?.trim() || !expiresAt)) return refuse({ kind: 'no-legal-order' });
  if (second === actor) return refuse({ kind: 'second-person-needed', stop: '' });
  const count = await countAffected(tx, terms.value, now);
  const lapsesAt = new Date(now.getTime() + UNCONFIRMED_STOP_HOURS * HOUR_MS);
  const isProvisional = count.isWide && second === undefined;
  const stop: Stop = {
    id: createId('stop', parts.random),
    terms: terms.value,
    restored: [],
    reason,
    legalOrder,
    isWide: count.isWide,
    askedBy: actor,
    askedAt: now,
    confirmedBy: second,
    expiresAt: isProvisional ? earlier(expiresAt, lapsesAt) : expiresAt,
    liftedAt: undefined,
  };
  await createStopStore(tx).insert(stop);
  await note(tx, parts, stop, STOPPED, { actor, second });
  return ok({ stop, ...count });
}

const earlier = (one: Date | undefined, other: Date): Date => (one && one < other ? one : other);

async function confirm(
  tx: Transaction,
  parts: Omit<MembershipParts, 'setCap'>,
  id: string,
  actor: string,
  expiresAt: Date | undefined,
): Outcome<Stop> {
  const found = await findStanding(tx, parts, id);
  if (!found.ok) return found;
  const stop = found.value;
  if (stop.confirmedBy !== undefined) return refuse({ kind: 'confirmed', stop: id });
  if (await createMemberStore(tx).isSamePerson(actor, stop.askedBy))
    return refuse({ kind: 'second-person-needed', stop: id });
  if (stop.terms.country && !expiresAt) return refuse({ kind: 'no-legal-order' });
  if (expiresAt && expiresAt <= parts.clock.now()) return refuse({ kind: 'malformed', what: 'the expiry: it is past' });
  await createStopStore(tx).confirm(stop.id, actor, expiresAt);
  await note(tx, parts, stop, CONFIRMED, { actor });
  return ok({ ...stop, confirmedBy: actor, expiresAt });
}

async function restore(
  tx: Transaction,
  parts: Omit<MembershipParts, 'setCap'>,
  id: string,
  subjects: readonly string[],
  hands: Hands,
): Outcome<StopSet> {
  const found = await findStanding(tx, parts, id);
  if (!found.ok) return found;
  const stop = found.value;
  if (subjects.length === 0) return refuse({ kind: 'malformed', what: 'the list: it is empty' });
  if (takesTwo(stop) && !areTwo(hands)) return refuse({ kind: 'second-person-needed', stop: id });
  const before = await countAffected(tx, stop.terms, parts.clock.now());
  await createStopStore(tx).restore(stop.id, subjects);
  await note(tx, parts, stop, RESTORED, hands, `${subjects.length} restored`);
  return ok({ stop: { ...stop, restored: [...new Set([...stop.restored, ...subjects])].sort() }, ...before });
}

async function lift(
  tx: Transaction,
  parts: Omit<MembershipParts, 'setCap'>,
  id: string,
  hands: Hands,
): Outcome<StopSet> {
  const stop = await createStopStore(tx).find(id);
  if (!stop) return refuse({ kind: 'not-found', what: 'stop', named: id });
  if (stop.liftedAt) return refuse({ kind: 'lifted', stop: id });
  if (takesTwo(stop) && !areTwo(hands)) return refuse({ kind: 'second-person-needed', stop: id });
  const now = parts.clock.now();
  const count = await countAffected(tx, stop.terms, now);
  await createStopStore(tx).lift(stop.id, hands.actor, now);
  await note(tx, parts, stop, LIFTED, hands);
  return ok({ stop: { ...stop, liftedAt: now }, ...count });
}

/** What one person set alone, one person undoes. */
const takesTwo = ({ isWide: wide, confirmedBy }: Stop): boolean => wide && confirmedBy !== undefined;
const areTwo = ({ actor, second }: Hands): boolean => second !== undefined && second !== actor;

async function findStanding(tx: Transaction, { clock }: Pick<MembershipParts, 'clock'>, id: string): Outcome<Stop> {
  const stop = await createStopStore(tx).find(id);
  if (!stop) return refuse({ kind: 'not-found', what: 'stop', named: id });
  return isInForce(stop, clock.now()) ? ok(stop) : refuse({ kind: 'lifted', stop: id });
}

/** Into the history and the public log: by which attributes, never which country, person or organisation. */
async function note(
  tx: Transaction,
  { log, clock }: Pick<MembershipParts, 'log' | 'clock'>,
  stop: Stop,
  predicateType: string,
  { actor, second }: Hands,
  more = '',
): Promise<void> {
  const by = second === undefined ? [actor] : [actor, second];
  await createHistoryStore(tx).record({
    subject: stop.id,
    event: predicateType,
    actor: by.join(' and '),
    at: clock.now(),
    note: more,
  });
  const facts = {
    attributes: namedAttributes(stop.terms),
    ...(stop.legalOrder !== undefined && { legalOrder: stop.legalOrder }),
    ...(stop.expiresAt !== undefined && { until: stop.expiresAt.toISOString() }),
    by,
  };
  const said = await log.append(tx, { type: 'statement', predicateType, subject: stop.id, documents: [], facts });
  if (!said.ok) throw new Error(`the log refuses ${predicateType} of ${stop.id}: ${said.refusal.kind}`);
}
