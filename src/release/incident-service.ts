/**
 * Incidents: taken in, and in the same transaction what they close is closed. Every clock that runs is put in the log with its
 * due instant, and every notice when it has gone out, so that lateness is visible to anybody.
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
import type { Database, Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import { createDecisionStore } from './decision-store.ts';
import {
  advanceIncident,
  closesModel,
  type Incident,
  type IncidentEvent,
  type IncidentState,
  type IncidentStep,
  moreSevere,
  type Severity,
  severityOf,
} from './incident.ts';
import { createIncidentStore } from './incident-store.ts';
import type { Release, ReleaseParts, ReleaseRefusal } from './release.ts';

export type IncidentOutcomeRefusal =
  | IncidentRefusal
  | ClockRefusal
  | ReleaseRefusal
  | { readonly kind: 'step-refused'; readonly step: string; readonly state: IncidentState }
  | { readonly kind: 'no-such-clock'; readonly clause: string };

export interface NewIncident {
  readonly record: Json;
  readonly model?: string | undefined;
  readonly summary: string;
  readonly owner: string;
  /** Raises what the record shows; never lowers it. */
  readonly severity?: Severity | undefined;
}

export interface OpenedIncident {
  readonly incident: Incident;
  readonly clocks: readonly RunningClock[];
  /** The suspension that closed the model, where it did. */
  readonly suspension: string | undefined;
}

export const INCIDENT = 'headstart/incident/v1';
export const INCIDENT_STEP = 'headstart/incident-step/v1';
export const INCIDENT_NOTICE = 'headstart/incident-notice/v1';

const MAX_TEXT = 5_000;
type Outcome<T> = Promise<Result<T, IncidentOutcomeRefusal>>;

export interface IncidentParts extends Pick<ReleaseParts, 'clock' | 'random' | 'log'> {
  readonly database: Database;
  readonly release: Pick<Release, 'suspendIn'>;
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
    step: (id: string, step: IncidentStep, by: { readonly actor: string; readonly note?: string }): Outcome<Incident> =>
      within(database, (tx) => takeStep(tx, parts, id, step, by)),
    /** The notice that a clock asks for has gone out. */
    noticed: (id: string, clause: string, actor: string): Outcome<RunningClock> =>
      within(database, (tx) => noteNotice(tx, { ...parts, clocksOf }, id, clause, actor)),
    find: async (id: string): Promise<(OpenedIncident & { readonly events: readonly IncidentEvent[] }) | undefined> => {
      const store = createIncidentStore(database);
      const incident = await store.find(id);
      if (!incident) return undefined;
      const clocks = clocksOf(incident.record);
      return { incident, clocks: clocks.ok ? clocks.value : [], suspension: undefined, events: await store.events(id) };
    },
    list: () => createIncidentStore(database).list(),
  };
}

type ClocksOf = { readonly clocksOf: (record: Json) => Result<readonly RunningClock[], IncidentOutcomeRefusal> };

async function openIncident(
  tx: Transaction,
  parts: IncidentParts & ClocksOf,
  { record, model, summary, owner, severity: raised = 'low' }: NewIncident,
  actor: string,
): Outcome<OpenedIncident> {
  const clocks = parts.clocksOf(record);
  if (!clocks.ok) return clocks;
  if (summary.trim() === '' || summary.length > MAX_TEXT || owner.trim() === '' || owner.length > MAX_TEXT)
    return refuse({ kind: 'malformed', what: `summary and owner: 1 to ${MAX_TEXT} characters` });
  const { facts = {} } = record as { readonly facts?: { readonly [name: string]: Json } };
  const severity = moreSevere(severityOf(facts), raised);
  const openedAt = parts.clock.now();
  const id = createId('incident', parts.random);
  const incident: Incident = { id, model, severity, state: 'open', record, owner, summary, version: 1, openedAt };
  const store = createIncidentStore(tx);
  await store.insert(incident);
  await store.note(id, { at: openedAt, actor, event: 'opened', note: '' });
  let suspension: string | undefined;
  if (model !== undefined && closesModel(severity)) {
    const closed = await parts.release.suspendIn(tx, { model, kind: 'incident', reason: id, askedBy: actor });
    if (!closed.ok) return closed;
    suspension = closed.value.id;
    await store.note(id, { at: openedAt, actor, event: 'model closed', note: suspension });
  }
  await say(tx, parts, INCIDENT, id, {
    severity,
    recordSha256: sha256Hex(canonicalJson(record)),
    clocks: clocks.value.map(({ clause, due }) => ({ clause, due })),
    closedModel: suspension !== undefined,
    demonstration: await isOfDemonstration(tx, model),
  });
  return ok({ incident, clocks: clocks.value, suspension });
}

const isOfDemonstration = async (tx: Transaction, model: string | undefined): Promise<boolean> =>
  model !== undefined && ((await createDecisionStore(tx).findModel(model))?.isDemonstration ?? false);

async function takeStep(
  tx: Transaction,
  parts: IncidentParts,
  id: string,
  step: IncidentStep,
  { actor, note = '' }: { readonly actor: string; readonly note?: string },
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
  await store.move(incident, state, learnt);
  await store.note(id, { at, actor, event: state, note });
  await say(tx, parts, INCIDENT_STEP, id, { state });
  return ok({ ...incident, state, record: learnt, version: incident.version + 1 });
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
  await store.note(id, { at, actor, event: `notice sent: ${clause}`, note: '' });
  await say(tx, parts, INCIDENT_NOTICE, id, { clause, due: clock.due, late: at > new Date(clock.due) });
  return ok(clock);
}

async function say(
  tx: Transaction,
  { log }: Pick<IncidentParts, 'log'>,
  predicateType: string,
  subject: string,
  facts: { readonly [name: string]: Json },
): Promise<void> {
  const said = await log.append(tx, { type: 'statement', predicateType, subject, documents: [], facts });
  if (!said.ok) throw new Error(`the log refuses ${predicateType} of ${subject}: ${said.refusal.kind}`);
}
