/**
 * What every policy says about one history: each date with the rule it comes from. Several dates may end the private
 * time; the earliest does. A party's dates are given in UTC instants; how they are shown is `lib/zoned-time.ts`.
 */
import { addDays } from '../lib/clock.ts';
import { addDuration } from '../lib/local-time.ts';
import type { ClockPolicy } from './clock-policy.ts';

/** What has happened, and when; null where it has not. */
export interface ClockFacts {
  readonly sentAt: Date | null;
  /** On a closed list; may come before our own report. */
  readonly firstPostAt: Date | null;
  readonly fixReadyAt: Date | null;
  readonly fixReleasedAt: Date | null;
  readonly publicAt: Date | null;
  /** An attack became known. */
  readonly exploitedAt: Date | null;
  /** The vendor has answered. */
  readonly isEngaged: boolean;
  /** The extension was asked for and granted. */
  readonly isExtended: boolean;
}

export type Because = 'policy' | 'extension' | 'exploited' | 'public' | 'fix-released';

export interface Deadline {
  readonly at: Date;
  readonly because: Because;
}

/** When the private time ends: whichever comes first. Null where no deadline runs (yet). */
export function deadlineOf(policy: ClockPolicy, facts: ClockFacts): Deadline | null {
  const ends: Deadline[] = [];
  const origin = originOf(policy, facts);
  if (origin && policy.defaultDays !== null) {
    const extension = facts.isExtended ? policy.extensionDays : 0;
    ends.push({
      at: addDays(origin, policy.defaultDays + extension),
      because: extension > 0 ? 'extension' : 'policy',
    });
  }
  const attacked = facts.exploitedAt && exploitedEnd(policy, facts.exploitedAt, facts.isEngaged);
  if (attacked) ends.push({ at: attacked, because: 'exploited' });
  if (facts.publicAt) ends.push({ at: facts.publicAt, because: 'public' });
  if (facts.fixReleasedAt && policy.endsAtFix) ends.push({ at: facts.fixReleasedAt, because: 'fix-released' });
  return ends.reduce<Deadline | null>((first, each) => (first && first.at <= each.at ? first : each), null);
}

/** The latest day that agreement can move the deadline to. Null where the policy sets none. */
export function latestEnd(policy: ClockPolicy, facts: ClockFacts): Date | null {
  const origin = originOf(policy, facts);
  if (!origin || policy.defaultDays === null) return null;
  return addDays(origin, policy.defaultDays + policy.extensionDays);
}

/** After an attack became known; null where the policy has no rule for it. */
export function exploitedEnd(policy: ClockPolicy, exploitedAt: Date, isEngaged: boolean): Date | null {
  if (policy.exploitedDays === null) return null;
  return addDays(exploitedAt, policy.exploitedDays + (isEngaged ? policy.exploitedEngagedDays : 0));
}

function originOf({ origin }: ClockPolicy, { sentAt, firstPostAt, fixReadyAt }: ClockFacts): Date | null {
  switch (origin) {
    case 'report-sent':
      return sentAt;
    case 'first-post':
      return firstPostAt ?? sentAt;
    case 'fix-ready':
      return fixReadyAt;
  }
}

export interface TimelineEntry {
  readonly at: Date;
  readonly what:
    | 'announcement'
    | 'escalation'
    | 'private-time-ends'
    | 'details'
    | 'early-warning'
    | 'notification'
    | 'final-report';
  readonly rule: string;
}

/** All dates of a history under one policy, the earliest first. */
export function timelineOf(policy: ClockPolicy, facts: ClockFacts): readonly TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const deadline = deadlineOf(policy, facts);
  if (facts.sentAt && policy.announceDays !== null) {
    const rule = `${policy.announceDays} d after the report: that there is one, nothing technical`;
    entries.push({ at: addDays(facts.sentAt, policy.announceDays), what: 'announcement', rule });
  }
  if (facts.sentAt && policy.silenceDays !== null && !facts.isEngaged) {
    const rule = `${policy.silenceDays} d of silence: an outside coordinator is asked, the deadline stands`;
    entries.push({ at: addDays(facts.sentAt, policy.silenceDays), what: 'escalation', rule });
  }
  if (deadline) entries.push({ at: deadline.at, what: 'private-time-ends', rule: RULES[deadline.because](policy) });
  if (facts.fixReleasedAt && policy.detailsAfterFixDays > 0) {
    const rule = `${policy.detailsAfterFixDays} d after the fix`;
    entries.push({ at: addDays(facts.fixReleasedAt, policy.detailsAfterFixDays), what: 'details', rule });
  }
  return inOrder(entries);
}

const RULES: Readonly<Record<Because, (policy: ClockPolicy) => string>> = {
  policy: ({ defaultDays, origin }) => `${defaultDays} d from ${origin}`,
  extension: ({ defaultDays, extensionDays, origin }) => `${defaultDays} + ${extensionDays} d from ${origin}, as asked`,
  exploited: ({ exploitedDays }) => `${exploitedDays} d from the first known attack`,
  public: () => 'it is public',
  'fix-released': () => 'a fix is released',
};

/**
 * What a manufacturer owes authorities, whatever its disclosure policy. EU Cyber Resilience Act, Art. 14 (Regulation (EU)
 * 2024/2847), in force since 11 September 2026: counted from awareness of active exploitation, or of a severe incident.
 */
export const CRA_DUTIES = {
  title: 'EU Cyber Resilience Act, Article 14',
  source: 'https://eur-lex.europa.eu/eli/reg/2024/2847/oj',
  earlyWarningHours: 24,
  notificationHours: 72,
  finalAfterFixDays: 14,
  /** After the notification of an incident; a calendar month. */
  incidentFinalMonths: 1,
} as const;

export interface DutyFacts {
  readonly kind: 'exploited-vulnerability' | 'severe-incident';
  readonly awareAt: Date;
  /** A corrective or mitigating measure is available. */
  readonly fixAvailableAt: Date | null;
  /** When the notification was handed in; its deadline stands in for it until then. */
  readonly notifiedAt: Date | null;
  /** Of the authority: a calendar month ends on its wall. */
  readonly zone: string;
}

export function dutiesOf(facts: DutyFacts): readonly TimelineEntry[] {
  const hours = (count: number): Date => addDays(facts.awareAt, count / 24);
  const { earlyWarningHours, notificationHours, finalAfterFixDays, incidentFinalMonths } = CRA_DUTIES;
  const notification = hours(notificationHours);
  const entries: TimelineEntry[] = [
    { at: hours(earlyWarningHours), what: 'early-warning', rule: `${earlyWarningHours} h from awareness` },
    { at: notification, what: 'notification', rule: `${notificationHours} h from awareness` },
  ];
  if (facts.kind === 'severe-incident') {
    const at = addDuration(
      facts.notifiedAt ?? notification,
      { months: incidentFinalMonths, days: 0, ms: 0 },
      facts.zone,
    );
    entries.push({ at, what: 'final-report', rule: `${incidentFinalMonths} month from the notification` });
  } else if (facts.fixAvailableAt) {
    const at = addDays(facts.fixAvailableAt, finalAfterFixDays);
    entries.push({ at, what: 'final-report', rule: `${finalAfterFixDays} d from the fix` });
  }
  return inOrder(entries);
}

const inOrder = (entries: readonly TimelineEntry[]): readonly TimelineEntry[] =>
  entries.toSorted((left, right) => left.at.getTime() - right.at.getTime());
