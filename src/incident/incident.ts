/**
 * Incidents: taken in, and in the same transaction what they close is closed. Every clock that runs is put in the log with its
 * due instant, and every notice when it has gone out, so that lateness is visible to anybody. What is learnt later counts as if it
 * had been known: it may make an incident worse, and never better.
 */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  type ClockRefusal,
  type IncidentRefusal,
  type RunningClock,
  readIncident,
  runningClocks,
  shippedFrameworks,
} from '../policy/index.ts';
import type { Release, ReleaseParts, ReleaseRefusal } from '../release/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import {
  advanceIncident,
  closesModel,
  type Incident,
  type IncidentEvent,
  type IncidentState,
  type IncidentStep,
  moreSevere,
  pausesRollout,
  type Severity,
  severityOf,
} from './course.ts';
import { createIncidentStore } from './incident-store.ts';
import { type IncidentReview, NOTICE_SENT, type ReviewRefusal, readReview, toPublicIncident } from './review.ts';

export type IncidentOutcomeRefusal =
  | IncidentRefusal
  | ClockRefusal
  | ReleaseRefusal
  | ReviewRefusal
  | { readonly kind: 'step-refused'; readonly step: string; readonly state: IncidentState }
  /** What the incident was to stop, the gate does not know, or not by these hands. */
  | { readonly kind: 'not-stopped'; readonly why: string }
  | { readonly kind: 'no-such-clock'; readonly clause: string };

export interface NewIncident {
  readonly record: Json;
  readonly model?: string | undefined;
  readonly summary: string;
  readonly owner: string;
  /** Raises what the record shows; never lowers it. */
  readonly severity?: Severity | undefined;
  /** Each is stopped at the gate, in the transaction that takes the incident in. */
  readonly stops?: readonly IncidentStop[] | undefined;
}

/** By id; all that is named holds of whom it stops. */
export interface IncidentStop {
  readonly organisation?: string | undefined;
  readonly person?: string | undefined;
  readonly key?: string | undefined;
  readonly tool?: string | undefined;
}

export interface OpenedIncident {
  readonly incident: Incident;
  readonly clocks: readonly RunningClock[];
  /** The suspension that closed the model, where it did. */
  readonly suspension: string | undefined;
  readonly rolloutPaused: boolean;
  readonly stops: readonly string[];
}

export const INCIDENT = 'headstart/incident/v1';
export const INCIDENT_STEP = 'headstart/incident-step/v1';
export const INCIDENT_NOTICE = 'headstart/incident-notice/v1';
export const INCIDENT_AMENDED = 'headstart/incident-amended/v1';
export const INCIDENT_RECORD = 'headstart/incident-record/v1';

const MAX_TEXT = 5_000;
type Outcome<T> = Promise<Result<T, IncidentOutcomeRefusal>>;

export interface IncidentParts extends Pick<ReleaseParts, 'clock' | 'random' | 'log'> {
  readonly database: Database;
  readonly release: Pick<Release, 'suspendIn' | 'stageIn'>;
  /** Of a model: its rollout waits for a person. False where none runs. */
  readonly pauseRollout?: (tx: Transaction, model: string) => Promise<boolean>;
  /** At the gate; gives the stop's id. */
  readonly stop?: (
    tx: Transaction,
    asked: IncidentStop & { readonly reason: string },
    actor: string,
  ) => Promise<Result<string, { readonly kind: string }>>;
}

export type Incidents = ReturnType<typeof createIncidents>;

export function createIncidents(parts: IncidentParts) {
  const { database } = parts;
  const frameworks = [...shippedFrameworks().values()];
  const clocksOf = (record: Json): Result<readonly RunningClock[], IncidentOutcomeRefusal> => {
    const read = readIncident(record);
    return read.ok ? runningClocks(read.value, frameworks) : read;
  };
  return {
    open: (fresh: NewIncident, actor: string): Outcome<OpenedIncident> =>
      within(database, (tx) => openIncident(tx, { ...parts, clocksOf }, fresh, actor)),
    /** Looking back is a step of its own: `review`. */
    step: (id: string, step: Exclude<IncidentStep, 'review'>, by: StepBy): Outcome<Incident> =>
      within(database, (tx) => takeStep(tx, parts, id, step, by)),
    /** What is known now beside what was: members of the record, and facts. */
    amend: (id: string, learnt: Json, actor: string): Outcome<OpenedIncident> =>
      within(database, (tx) => amend(tx, { ...parts, clocksOf }, id, learnt, actor)),
    /** Once resolved; the log has its hash. */
    review: (id: string, review: Json, actor: string): Outcome<Incident> =>
      within(database, (tx) => takeReview(tx, parts, id, review, actor)),
    /** Puts the record of a reviewed incident into the public log, as it is now. Takes two. */
    publish: (id: string, hands: Hands): Outcome<{ readonly sha256: string; readonly entry: string }> =>
      within(database, (tx) => publish(tx, { ...parts, clocksOf }, id, hands)),
    /** The notice that a clock asks for has gone out. */
    noticed: (id: string, clause: string, actor: string): Outcome<RunningClock> =>
      within(database, (tx) => noteNotice(tx, { ...parts, clocksOf }, id, clause, actor)),
    find: (id: string): Promise<FoundIncident | undefined> => find(database, clocksOf, id),
    list: () => createIncidentStore(database).list(),
  };
}

export interface FoundIncident extends Pick<OpenedIncident, 'incident' | 'clocks'> {
  readonly events: readonly IncidentEvent[];
  readonly review: IncidentReview | undefined;
  readonly published: { readonly sha256: string; readonly entry: string } | undefined;
}

interface StepBy {
  readonly actor: string;
  readonly note?: string;
}

interface Hands {
  readonly actor: string;
  readonly second?: string | undefined;
}

async function find(
  database: Database,
  clocksOf: ClocksOf['clocksOf'],
  id: string,
): Promise<FoundIncident | undefined> {
  const store = createIncidentStore(database);
  const incident = await store.find(id);
  if (!incident) return undefined;
  const clocks = clocksOf(incident.record);
  return {
    incident,
    clocks: clocks.ok ? clocks.value : [],
    events: await store.events(id),
    review: await store.findReview(id),
    published: await store.findRecord(id),
  };
}

type ClocksOf = { readonly clocksOf: (record: Json) => Result<readonly RunningClock[], IncidentOutcomeRefusal> };

async function openIncident(
  tx: Transaction,
  parts: IncidentParts & ClocksOf,
  { record, model, summary, owner, severity: raised = 'low', stops: asked = [] }: NewIncident,
  actor: string,
): Outcome<OpenedIncident> {
  const clocks = parts.clocksOf(record);
  if (!clocks.ok) return clocks;
  if (summary.trim() === '' || summary.length > MAX_TEXT || owner.trim() === '' || owner.length > MAX_TEXT)
    return refuse({ kind: 'malformed', what: `summary and owner: 1 to ${MAX_TEXT} characters` });
  const severity = moreSevere(severityOf(factsOf(record)), raised);
  const openedAt = parts.clock.now();
  const id = createId('incident', parts.random);
  const incident: Incident = { id, model, severity, state: 'open', record, owner, summary, version: 1, openedAt };
  const store = createIncidentStore(tx);
  await store.insert(incident);
  await store.note(id, { at: openedAt, actor, event: 'opened', note: '' });
  const stops = await stopAll(tx, parts, incident, asked, actor);
  if (!stops.ok) return stops;
  const effects = await takeEffect(tx, parts, incident, actor);
  if (!effects.ok) return effects;
  await say(tx, parts, INCIDENT, id, {
    ...saidOf(incident, clocks.value, effects.value),
    stops: stops.value.length,
    demonstration: model !== undefined && (await parts.release.stageIn(tx, model)).isDemonstration,
  });
  return ok({ incident, clocks: clocks.value, ...effects.value, stops: stops.value });
}

type Facts = { readonly [name: string]: Json };
const factsOf = (record: Json): Facts => (record as { readonly facts?: Facts }).facts ?? {};
type Effects = Pick<OpenedIncident, 'suspension' | 'rolloutPaused'>;

const saidOf = ({ severity, record }: Incident, clocks: readonly RunningClock[], effects: Effects): Facts => ({
  severity,
  recordSha256: sha256Hex(canonicalJson(record)),
  clocks: clocks.map(({ clause, due }) => ({ clause, due })),
  closedModel: effects.suspension !== undefined,
  pausedRollout: effects.rolloutPaused,
});

/** Each once, whatever is learnt later. */
async function takeEffect(
  tx: Transaction,
  parts: IncidentParts,
  { id, model, severity }: Incident,
  actor: string,
): Outcome<Effects> {
  if (model === undefined) return ok({ suspension: undefined, rolloutPaused: false });
  const store = createIncidentStore(tx);
  const at = parts.clock.now();
  const done = new Set((await store.events(id)).map(({ event }) => event));
  const rolloutPaused =
    pausesRollout(severity) && !done.has(PAUSED) && ((await parts.pauseRollout?.(tx, model)) ?? false);
  if (rolloutPaused) await store.note(id, { at, actor, event: PAUSED, note: '' });
  if (!closesModel(severity) || done.has(CLOSED)) return ok({ suspension: undefined, rolloutPaused });
  const closed = await parts.release.suspendIn(tx, { model, kind: 'incident', reason: id, askedBy: actor });
  if (!closed.ok) return closed;
  await store.note(id, { at, actor, event: CLOSED, note: closed.value.id });
  return ok({ suspension: closed.value.id, rolloutPaused });
}

const CLOSED = 'model closed';
const PAUSED = 'rollout paused';

async function stopAll(
  tx: Transaction,
  parts: IncidentParts,
  { id, openedAt: at }: Incident,
  asked: readonly IncidentStop[],
  actor: string,
): Outcome<readonly string[]> {
  const stops: string[] = [];
  for (const each of asked) {
    const stopped = await parts.stop?.(tx, { ...each, reason: id }, actor);
    if (!stopped?.ok) return refuse({ kind: 'not-stopped', why: stopped?.refusal.kind ?? 'no gate is joined' });
    stops.push(stopped.value);
    await createIncidentStore(tx).note(id, { at, actor, event: 'stopped at the gate', note: stopped.value });
  }
  return ok(stops);
}

async function amend(
  tx: Transaction,
  parts: IncidentParts & ClocksOf,
  id: string,
  learnt: Json,
  actor: string,
): Outcome<OpenedIncident> {
  const store = createIncidentStore(tx);
  const before = await store.find(id);
  if (!before) return refuse({ kind: 'not-found', what: 'incident', named: id });
  if (before.state === 'reviewed') return refuse({ kind: 'step-refused', step: 'amend', state: before.state });
  if (typeof learnt !== 'object' || learnt === null || Array.isArray(learnt))
    return refuse({ kind: 'malformed', what: 'what was learnt: one JSON object' });
  const record: Json = {
    ...(before.record as Facts),
    ...(learnt as Facts),
    facts: { ...factsOf(before.record), ...factsOf(learnt) },
  };
  const clocks = parts.clocksOf(record);
  if (!clocks.ok) return clocks;
  const severity = moreSevere(before.severity, severityOf(factsOf(record)));
  const incident: Incident = { ...before, record, severity, version: before.version + 1 };
  await store.move(before, incident);
  await store.note(id, { at: parts.clock.now(), actor, event: 'record amended', note: '' });
  const effects = await takeEffect(tx, parts, incident, actor);
  if (!effects.ok) return effects;
  await say(tx, parts, INCIDENT_AMENDED, id, saidOf(incident, clocks.value, effects.value));
  return ok({ incident, clocks: clocks.value, ...effects.value, stops: [] });
}

async function takeStep(
  tx: Transaction,
  parts: IncidentParts,
  id: string,
  step: IncidentStep,
  { actor, note = '' }: StepBy,
  facts: Facts = {},
): Outcome<Incident> {
  const store = createIncidentStore(tx);
  const incident = await store.find(id);
  if (!incident) return refuse({ kind: 'not-found', what: 'incident', named: id });
  const state = advanceIncident(incident.state, step);
  if (!state) return refuse({ kind: 'step-refused', step, state: incident.state });
  const at = parts.clock.now();
  // Resolved, other clocks run: from now on, unless the record says since when.
  const record = incident.record as { readonly resolvedAt?: Json } & { readonly [name: string]: Json };
  const learnt = step === 'resolve' && !record.resolvedAt ? { ...record, resolvedAt: at.toISOString() } : record;
  await store.move(incident, { ...incident, state, record: learnt });
  await store.note(id, { at, actor, event: state, note });
  await say(tx, parts, INCIDENT_STEP, id, { state, ...facts });
  return ok({ ...incident, state, record: learnt, version: incident.version + 1 });
}

async function takeReview(
  tx: Transaction,
  parts: IncidentParts,
  id: string,
  given: Json,
  actor: string,
): Outcome<Incident> {
  const review = readReview(given);
  if (!review.ok) return review;
  const sha256 = sha256Hex(canonicalJson(given));
  const moved = await takeStep(tx, parts, id, 'review', { actor, note: sha256 }, { reviewSha256: sha256 });
  if (!moved.ok) return moved;
  const kept = { review: review.value, sha256, at: parts.clock.now(), by: actor };
  await createIncidentStore(tx).putReview(id, kept);
  return moved;
}

async function publish(
  tx: Transaction,
  parts: IncidentParts & ClocksOf,
  id: string,
  { actor, second }: Hands,
): Outcome<{ readonly sha256: string; readonly entry: string }> {
  const store = createIncidentStore(tx);
  const incident = await store.find(id);
  if (!incident) return refuse({ kind: 'not-found', what: 'incident', named: id });
  const review = await store.findReview(id);
  if (!review) return refuse({ kind: 'step-refused', step: 'publish', state: incident.state });
  if (second === undefined || second === actor) return refuse({ kind: 'second-person-needed' });
  const clocks = parts.clocksOf(incident.record);
  if (!clocks.ok) return clocks;
  const record = toPublicIncident(incident, await store.events(id), clocks.value, review) as unknown as Json;
  const sha256 = sha256Hex(canonicalJson(record));
  const before = await store.findRecord(id);
  if (before?.sha256 === sha256) return ok(before);
  const entry = await say(tx, parts, INCIDENT_RECORD, id, { record, by: [actor, second] }, sha256);
  await store.putRecord(id, { record, sha256, entry, at: parts.clock.now(), by: `${actor} and ${second}` });
  return ok({ sha256, entry });
}

async function noteNotice(
  tx: Transaction,
  parts: IncidentParts & ClocksOf,
  id: string,
  clause: string,
  actor: string,
): Outcome<RunningClock> {
  const store = createIncidentStore(tx);
  const incident = await store.find(id);
  if (!incident) return refuse({ kind: 'not-found', what: 'incident', named: id });
  const clocks = parts.clocksOf(incident.record);
  if (!clocks.ok) return clocks;
  const clock = clocks.value.find((each) => each.clause === clause);
  if (!clock) return refuse({ kind: 'no-such-clock', clause });
  const at = parts.clock.now();
  await store.note(id, { at, actor, event: `${NOTICE_SENT}${clause}`, note: '' });
  await say(tx, parts, INCIDENT_NOTICE, id, { clause, due: clock.due, late: at > new Date(clock.due) });
  return ok(clock);
}

async function say(
  tx: Transaction,
  { log }: Pick<IncidentParts, 'log'>,
  predicateType: string,
  subject: string,
  facts: Facts,
  recordSha256?: string,
): Promise<string> {
  const documents = recordSha256 === undefined ? [] : [{ name: 'record', sha256: recordSha256 }];
  const said = await log.append(tx, { type: 'statement', predicateType, subject, documents, facts });
  if (!said.ok) throw new Error(`the log refuses ${predicateType} of ${subject}: ${said.refusal.kind}`);
  return said.value;
}
