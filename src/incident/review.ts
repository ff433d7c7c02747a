/**
 * What was learnt from an incident, as those write it who looked back, and the record of it that everybody may read: times, states,
 * effects, clocks and the review; no name of anybody, no note of those at work.
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { RunningClock } from '../policy/index.ts';
import type { Incident, IncidentEvent } from './course.ts';

export interface IncidentReview {
  readonly schema: 'headstart-incident-review/1';
  readonly happened: string;
  readonly causes: readonly string[];
  readonly effects: readonly string[];
  readonly changes: readonly {
    readonly what: string;
    /** Who sees to it; not published. */
    readonly owner: string;
    /** A day. */
    readonly due: string;
  }[];
}

export interface ReviewRefusal {
  readonly kind: 'malformed-review';
  readonly place: string;
  readonly why: string;
}

export interface PublicIncident {
  readonly schema: 'headstart-incident-record/1';
  readonly incident: string;
  readonly severity: Incident['severity'];
  readonly state: Incident['state'];
  readonly openedAt: string;
  readonly summary: string;
  readonly timeline: readonly { readonly at: string; readonly event: string }[];
  readonly clocks: readonly {
    readonly clause: string;
    readonly source: string;
    readonly due: string;
    readonly noticedAt: string | null;
  }[];
  readonly review: Omit<IncidentReview, 'schema' | 'changes'> & {
    readonly changes: readonly { readonly what: string; readonly due: string }[];
  };
}

/** Of the entry that the record becomes. */
const MAX_TEXT = 5_000;
const MAX_ITEM = 1_000;
const MAX_ITEMS = 20;
export const NOTICE_SENT = 'notice sent: ';

type Loose = { readonly [name: string]: Json };

export function readReview(value: Json): Result<IncidentReview, ReviewRefusal> {
  const wrong = (place: string, why: string) => refuse<ReviewRefusal>({ kind: 'malformed-review', place, why });
  if (!isObject(value)) return wrong('', 'it is not a JSON object');
  const unknown = Object.keys(value).find(
    (name) => !['schema', 'happened', 'causes', 'effects', 'changes'].includes(name),
  );
  if (unknown !== undefined) return wrong(`/${unknown}`, 'there is no such member');
  if (value.schema !== 'headstart-incident-review/1') return wrong('/schema', 'it is headstart-incident-review/1');
  if (!isText(value.happened, MAX_TEXT)) return wrong('/happened', `1 to ${MAX_TEXT} characters`);
  for (const name of ['causes', 'effects'] as const) {
    const list = value[name];
    if (!Array.isArray(list) || list.length === 0 || list.length > MAX_ITEMS)
      return wrong(`/${name}`, `1 to ${MAX_ITEMS} of them`);
    const at = (list as readonly Json[]).findIndex((each) => !isText(each, MAX_ITEM));
    if (at >= 0) return wrong(`/${name}/${at}`, `1 to ${MAX_ITEM} characters`);
  }
  const { changes } = value;
  if (!Array.isArray(changes) || changes.length > MAX_ITEMS) return wrong('/changes', `at most ${MAX_ITEMS} of them`);
  for (const [at, change] of (changes as readonly Json[]).entries()) {
    if (!isObject(change) || Object.keys(change).sort().join() !== 'due,owner,what')
      return wrong(`/changes/${at}`, 'it has what, owner and due, and nothing else');
    if (!isText(change.what, MAX_ITEM) || !isText(change.owner, MAX_ITEM))
      return wrong(`/changes/${at}`, `what and owner: 1 to ${MAX_ITEM} characters`);
    if (!isDay(change.due)) return wrong(`/changes/${at}/due`, 'a day: 2026-12-31');
  }
  return ok(value as unknown as IncidentReview);
}

export function toPublicIncident(
  { id, severity, state, openedAt, summary }: Incident,
  events: readonly IncidentEvent[],
  clocks: readonly RunningClock[],
  { happened, causes, effects, changes }: IncidentReview,
): PublicIncident {
  const noticedAt = (clause: string): string | null =>
    events.find(({ event }) => event === `${NOTICE_SENT}${clause}`)?.at.toISOString() ?? null;
  return {
    schema: 'headstart-incident-record/1',
    ...{ incident: id, severity, state, openedAt: openedAt.toISOString(), summary },
    timeline: events.map(({ at, event }) => ({ at: at.toISOString(), event })),
    clocks: clocks.map(({ clause, source, due }) => ({ clause, source, due, noticedAt: noticedAt(clause) })),
    review: { happened, causes, effects, changes: changes.map(({ what, due }) => ({ what, due })) },
  };
}

const isText = (value: Json | undefined, most: number): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.length <= most;
const isObject = (value: Json): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);

function isDay(value: Json | undefined): boolean {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value) || Number.isNaN(Date.parse(value))) return false;
  return new Date(value).toISOString().startsWith(value);
}
