/**
 * May this caller make this call now? Everything is looked up in memory, so a decision takes no turn of the event loop.
 * A model that is not the caller's and one that does not exist end at the same look-up, with the same answer.
 */
import type { CallRequest, Dialect, JsonDocument, Refusal } from '../dialect/index.ts';
import { isObject, readJsonDocument } from '../dialect/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  type Authority,
  type Caller,
  type CallerGrant,
  findGrant,
  type StopAttributes,
  selectLevel,
  toStopAttributes,
} from '../program/index.ts';
import type { RatedSubject, RateLimiter } from './gcra.ts';

export interface Asked {
  readonly dialect: Dialect;
  readonly caller: Caller;
  readonly body: Buffer;
  /** The header `headstart-scope`. */
  readonly scope: string | undefined;
  readonly userProfile: string | undefined;
  readonly now: Date;
  readonly nowMs: number;
}

/** What is looked up in memory. */
export interface AdmissionParts {
  readonly authority: Pick<Authority, 'findStop'>;
  readonly rates: RateLimiter;
}

export interface Judged {
  readonly document: JsonDocument;
  readonly request: CallRequest;
  /** Of each attempt, in order. */
  readonly grants: readonly [CallerGrant, ...CallerGrant[]];
  readonly scope: string | null;
  /** Of the provider, where the caller named one. */
  readonly userProfile: string | undefined;
  /** What a stop looks at, for each attempt. */
  readonly attributes: readonly StopAttributes[];
}

type Judgement<T> = Result<T, Refusal>;

const PLAIN_NAME = /^[a-z0-9_.-]+$/;
/** Receipts hold it, and are checked as a whole. */
const MAX_DECLARED_CHARS = 16_384;

/** Names one end user at Anthropic, so that a hold meets only them. It is passed on and kept in the receipt. */
export const USER_PROFILE_HEADER = 'anthropic-user-profile-id';
const USER_PROFILE = /^[A-Za-z0-9_-]{1,128}$/;

const invalid = (detail: string) => refuse<Refusal>({ kind: 'invalid-request', detail });

export function judge({ authority, rates }: AdmissionParts, asked: Asked): Judgement<Judged> {
  const { dialect, caller, now } = asked;
  const document = readJsonDocument(asked.body);
  if (!document.ok) return invalid(document.refusal.detail);
  // Some parsers take "Model" for "model": one model would be judged here, and another one answer.
  if (!Object.keys(document.value.value).every((name) => PLAIN_NAME.test(name))) {
    return invalid('The names of the fields of a request are in lower case letters');
  }
  const request = readRequest(dialect, document.value);
  if (!request.ok) return request;
  if (charsOf(request.value.declared) > MAX_DECLARED_CHARS) {
    return invalid(
      `What the receipt keeps of a request (metadata, fallbacks) is at most ${MAX_DECLARED_CHARS} characters`,
    );
  }
  if (asked.userProfile !== undefined && !USER_PROFILE.test(asked.userProfile)) {
    return invalid(`The header ${USER_PROFILE_HEADER} is letters, digits, _ and -, at most 128`);
  }
  const grants = findGrants(asked, request.value);
  if (!grants.ok) return grants;
  const { tools } = request.value;
  const attributes = grants.value.map(({ model }) => toStopAttributes(caller, model.id, tools));
  for (const each of attributes) {
    const stop = authority.findStop(each);
    if (stop) return refuse({ kind: 'stopped', stop: stop.id });
  }
  const scope = chooseScope(caller, asked.scope, now);
  if (!scope.ok) return scope;
  const level = checkLevel(caller, request.value);
  if (!level.ok) return level;
  const slowed = takeStepRates(rates, grants.value, asked);
  if (slowed) return refuse(slowed);
  return ok({
    document: document.value,
    request: request.value,
    grants: grants.value,
    scope: scope.value,
    userProfile: asked.userProfile,
    attributes,
  });
}

function charsOf(declared: CallRequest['declared']): number {
  for (const _ in declared) return JSON.stringify(declared).length;
  return 0;
}

function readRequest(dialect: Dialect, { value }: JsonDocument): Judgement<CallRequest> {
  const read = dialect.readRequest(value);
  if (read.ok) return read;
  if (read.refusal.kind === 'unpriced') {
    return invalid(`This gateway has no price for ${read.refusal.feature}, so it cannot meter it`);
  }
  if (read.refusal.kind === 'stored') {
    return invalid(
      `What is stored at the provider (${read.refusal.what}) could be anybody's: send it with the request`,
    );
  }
  return invalid(`The field ${read.refusal.field} is missing or wrong: it takes ${read.refusal.expected}`);
}

function findGrants({ caller, dialect, now }: Asked, { attempts }: CallRequest): Judgement<Judged['grants']> {
  const [first, ...others] = attempts.map(({ model }) => findGrant(caller, model, now));
  if (!first || !others.every((grant) => grant !== undefined)) return refuse({ kind: 'model-not-found' });
  const grants: Judged['grants'] = [first, ...others];
  for (const { model } of grants) {
    if (model.protocol !== dialect.protocol) return refuse({ kind: 'wrong-protocol', path: PATHS[model.protocol] });
    // One request goes to one provider, whose fallbacks are its own.
    if (model.url !== first.model.url) return invalid('The fallbacks are not served by the same provider');
  }
  return ok(grants);
}

/** What a step of a rollout lets through of a model, for each organisation and for all together. */
function takeStepRates(
  rates: RateLimiter,
  grants: Judged['grants'],
  { caller: { organisation, forOrganisation = organisation }, nowMs }: Asked,
): Refusal | undefined {
  const subjects: RatedSubject[] = [];
  for (const { model, stepRates } of grants) {
    if (stepRates === undefined) continue;
    const { organisation: ofEach, model: ofAll } = stepRates;
    if (ofEach) subjects.push({ kind: 'organisation', id: `${model.id} ${forOrganisation}`, rate: ofEach });
    if (ofAll) subjects.push({ kind: 'model', id: `${model.id} all`, rate: ofAll });
  }
  const slowed = subjects.length === 0 ? undefined : rates.take(subjects, nowMs);
  if (!slowed) return undefined;
  return { kind: 'rate-limited', limit: slowed.kind, retryAfterSeconds: Math.ceil(slowed.retryAfterMs / 1_000) };
}

const PATHS = { anthropic: '/v1/messages', openai: '/v1/chat/completions and /v1/responses' } as const;

function chooseScope({ scopes }: Caller, named: string | undefined, now: Date): Judgement<string | null> {
  if (scopes.length === 0 && named === undefined) return ok(null);
  const standing = scopes.filter(({ expiresAt }) => now.getTime() < expiresAt);
  if (named !== undefined) {
    return standing.some(({ id }) => id === named) ? ok(named) : refuse({ kind: 'scope-unknown' });
  }
  const [only, ...others] = standing;
  if (!only) return refuse({ kind: 'scope-unknown' });
  return others.length === 0 ? ok(only.id) : refuse({ kind: 'scope-required', scopes: standing.map(({ id }) => id) });
}

/** The provider's own switch of behaviour: it selects, the tier grants. */
function checkLevel({ tier }: Caller, { declared }: CallRequest): Judgement<undefined> {
  const programs = declared.access_programs;
  if (programs === undefined || programs === null) return ok(undefined);
  const known = isObject(programs) && Object.keys(programs).every((name) => name === 'cyber');
  if (!known) return invalid('The field access_programs names what this gateway does not know');
  const asked = programs.cyber ?? null;
  if (asked === null) return ok(undefined);
  if (typeof asked !== 'string') return invalid('The field access_programs.cyber is not text');
  const level = selectLevel(tier, asked);
  return level.ok ? ok(undefined) : refuse({ kind: 'invalid-access-program', unlocked: level.refusal.unlocked });
}
