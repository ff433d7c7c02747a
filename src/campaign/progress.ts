/**
 * What a campaign tells while it runs, and how a line of it reads. Pure: events in, text out.
 * Events of a case that is not a demonstration carry counts only: no target, class or position leaves the seal here.
 */
import type { FlawClass } from '../formats/flaw-class.ts';

export type CampaignEvent =
  | { readonly kind: 'started'; readonly targets: number; readonly profile: string; readonly demonstration: boolean }
  | { readonly kind: 'fetched'; readonly target: string; readonly dependencies: number }
  | { readonly kind: 'unavailable'; readonly target: string; readonly reason: string }
  | {
      readonly kind: 'scanned';
      readonly target: string;
      readonly candidates: number;
      readonly runs: number;
      readonly cpuMs: number;
      readonly cached: boolean;
      readonly skipped: number;
    }
  | { readonly kind: 'rejected'; readonly target: string; readonly flaw: FlawClass; readonly reason: string }
  | {
      readonly kind: 'confirmed';
      readonly target: string;
      readonly flaw: FlawClass;
      readonly entry: string;
      readonly sink: string;
      readonly reproduced: string;
      readonly severity: string;
    }
  | { readonly kind: 'sealed'; readonly caseId: string; readonly root: string }
  | { readonly kind: 'kept-sealed'; readonly count: number }
  | { readonly kind: 'measured'; readonly caseId: string; readonly versions: number; readonly range: string }
  | { readonly kind: 'notified'; readonly caseId: string; readonly due: string; readonly simulated: boolean }
  | {
      readonly kind: 'patch';
      readonly caseId: string;
      readonly source: string;
      readonly verdict: string;
      readonly why: string;
    }
  | { readonly kind: 'fix-released'; readonly caseId: string; readonly version: string; readonly simulated: boolean }
  | { readonly kind: 'published'; readonly caseId: string; readonly documents: readonly string[] }
  | { readonly kind: 'log'; readonly size: number; readonly verified: boolean; readonly detail: string };

/** One line for people, without colour: mark, what, details. */
export function toLine(event: CampaignEvent): string {
  switch (event.kind) {
    case 'started':
      return `▶ ${event.targets} targets, sandbox profile ${event.profile}${event.demonstration ? ', demonstration: maintainers and time are simulated' : ''}`;
    case 'fetched':
      return `  fetched    ${event.target} (${event.dependencies} dependencies)`;
    case 'unavailable':
      return `✗ unavailable ${event.target}: ${event.reason}`;
    case 'scanned':
      return `  scanned    ${event.target}: ${event.candidates} candidates, ${event.runs} sandboxed runs, ${seconds(event.cpuMs)} CPU${event.cached ? ' (from the cache)' : ''}${event.skipped > 0 ? `, ${event.skipped} parts skipped` : ''}`;
    case 'rejected':
      return `  rejected   ${event.target} ${event.flaw}: ${event.reason}`;
    case 'confirmed':
      return `✔ confirmed  ${event.target} ${event.flaw} ${event.reproduced}, ${event.severity}\n             ${event.entry} → ${event.sink}`;
    case 'sealed':
      return `  sealed     ${event.caseId}: commitment ${event.root.slice(0, 16)}… promised to the log`;
    case 'kept-sealed':
      return `● sealed     ${event.count} finding${event.count === 1 ? '' : 's'} without a known public advisory: under embargo, real clock, details not shown`;
    case 'measured':
      return `  measured   ${event.caseId}: ${event.range} (${event.versions} versions run)`;
    case 'notified':
      return `  notified   ${event.caseId}: ${event.simulated ? 'SIMULATED maintainer' : 'maintainer'}, embargo until ${event.due}`;
    case 'patch':
      return `${event.verdict === 'fixes' ? '✔' : ' '} patch      ${event.caseId}: ${event.source} → ${event.verdict}${event.why ? ` (${event.why})` : ''}`;
    case 'fix-released':
      return `  fixed      ${event.caseId}: ${event.version}${event.simulated ? ' (SIMULATED answer)' : ''}`;
    case 'published':
      return `✔ published  ${event.caseId}: ${event.documents.join(', ')}`;
    case 'log':
      return `${event.verified ? '✔' : '✗'} log        ${event.size} entries, ${event.detail}`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
