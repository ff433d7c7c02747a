/**
 * An incident: how bad it is, what that closes at once, how it is worked through, and what is drafted for whom.
 *
 *   open ──contain──▶ contained ──resolve──▶ resolved ──review──▶ reviewed
 *     └──────────────resolve────────────────────▲
 */
import type { Json } from '../lib/canonical-json.ts';
import type { Id } from '../lib/id.ts';
import type { RunningClock } from '../policy/index.ts';

export type IncidentId = Id<'incident'>;

export const SEVERITIES = ['low', 'moderate', 'serious', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export type IncidentState = 'open' | 'contained' | 'resolved' | 'reviewed';
export const INCIDENT_STEPS = ['contain', 'resolve', 'review'] as const;
export type IncidentStep = (typeof INCIDENT_STEPS)[number];

export interface Incident {
  readonly id: IncidentId;
  readonly model: string | undefined;
  readonly severity: Severity;
  readonly state: IncidentState;
  /** As it was taken in, with what was learnt since; clocks are computed from it. */
  readonly record: Json;
  readonly owner: string;
  readonly summary: string;
  readonly version: number;
  readonly openedAt: Date;
}

export interface IncidentEvent {
  readonly at: Date;
  readonly actor: string;
  readonly event: string;
  readonly note: string;
}

type Facts = { readonly [name: string]: Json };

/** What the record itself shows; a person may raise it and never lower it. */
export function severityOf(facts: Facts): Severity {
  const isSo = (name: string): boolean => facts[name] === true || Number(facts[name] ?? 0) > 0;
  if (['deaths', 'imminentRisk', 'criticalInfrastructure', 'weightsExfiltrated'].some(isSo)) return 'critical';
  if (['cyberBreach', 'activelyExploited'].some(isSo)) return 'serious';
  return facts.seriousHarmExcluded === true ? 'low' : 'moderate';
}

export const moreSevere = (left: Severity, right: Severity): Severity =>
  SEVERITIES.indexOf(left) >= SEVERITIES.indexOf(right) ? left : right;

/** Whether the model is closed at once, before anybody has looked. */
export const closesModel = (severity: Severity): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf('serious');

/** Whether a rollout of the model waits until a person lets it go on. */
export const pausesRollout = (severity: Severity): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf('moderate');

const NEXT: Readonly<Record<IncidentState, Partial<Record<IncidentStep, IncidentState>>>> = {
  open: { contain: 'contained', resolve: 'resolved' },
  contained: { resolve: 'resolved' },
  resolved: { review: 'reviewed' },
  reviewed: {},
};

/** Undefined where the step is not open to it. */
export const advanceIncident = (state: IncidentState, step: IncidentStep): IncidentState | undefined =>
  NEXT[state][step];

/** One draft for each clock that runs, in Markdown. Facts of the record and nothing else: no text of ours claims more. */
export function draftNotices(incident: Incident, clocks: readonly RunningClock[]): readonly string[] {
  return clocks.map((clock) =>
    [
      `# DRAFT: ${clock.event}`,
      '',
      '**Not legal advice. No lawyer has reviewed the clocks. A person decides whether, what and to whom to report.**',
      '',
      `- To: ${clock.recipient}`,
      `- Under: ${clock.source} (${clock.force}, ${clock.modality})`,
      `- Due: ${clock.dueLocal} (${clock.due}), ${clock.duration} from ${clock.origin} at ${clock.from}`,
      ...(clock.inForce ? [] : [`- This rule takes effect on ${clock.inForceFrom}`]),
      `- Incident: ${incident.id}, severity ${incident.severity}, opened ${incident.openedAt.toISOString()}`,
      ...(incident.model === undefined ? [] : [`- Model: ${incident.model}`]),
      '',
      incident.summary,
      '',
      '```json',
      JSON.stringify(incident.record, null, 2),
      '```',
      '',
    ].join('\n'),
  );
}

/** What is published of it afterwards: times and states, no note of those who worked on it. */
export function renderIncident(incident: Incident, events: readonly IncidentEvent[]): string {
  return [
    `# Incident ${incident.id}`,
    '',
    `Severity ${incident.severity}, ${incident.state}. Opened ${incident.openedAt.toISOString()}.`,
    '',
    incident.summary,
    '',
    '| When | What |',
    '|---|---|',
    ...events.map(({ at, event }) => `| ${at.toISOString()} | ${event} |`),
    '',
  ].join('\n');
}
