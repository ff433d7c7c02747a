/**
 * Disclosure policies as data. Add a policy by adding an entry; code reads only the fields.
 *
 * Every duration is in days of 24 hours, counted from an instant, so a change of daylight saving moves no deadline.
 */
import { addDays } from '../lib/clock.ts';

export interface ClockPolicy {
  readonly title: string;
  readonly source: string;
  /** The event from which `defaultDays` counts. */
  readonly origin: 'report-sent' | 'first-post';
  readonly defaultDays: number;
  /** Added once, on request of a party that has acknowledged. 0: no extension. */
  readonly extensionDays: number;
  /** From the first known attack; shortens the deadline, never lengthens it. */
  readonly exploitedDays: number;
  /** From the released fix until reproducer and technical details may follow. */
  readonly detailsAfterFixDays: number;
  /** Without an answer, an outside coordinator is asked after so many days; the deadline stands. Null: no rule. */
  readonly silenceDays: number | null;
}

export const CLOCK_POLICIES = {
  'anthropic-2026': {
    title: 'Anthropic coordinated vulnerability disclosure, 6 March 2026',
    source: 'https://www.anthropic.com/coordinated-vulnerability-disclosure',
    origin: 'report-sent',
    defaultDays: 90,
    extensionDays: 14,
    exploitedDays: 7,
    detailsAfterFixDays: 45,
    silenceDays: 30,
  },
  'project-zero-2025': {
    title: 'Project Zero, Policy and Disclosure: 2025 Edition',
    source: 'https://googleprojectzero.blogspot.com/p/vulnerability-disclosure-policy.html',
    origin: 'report-sent',
    defaultDays: 90,
    extensionDays: 14,
    exploitedDays: 7,
    detailsAfterFixDays: 30,
    silenceDays: null,
  },
  'linux-distros': {
    title: 'linux-distros list: 14 days from the first post',
    source: 'https://oss-security.openwall.org/wiki/mailing-lists/distros',
    origin: 'first-post',
    defaultDays: 14,
    extensionDays: 0,
    exploitedDays: 0,
    detailsAfterFixDays: 0,
    silenceDays: null,
  },
} as const satisfies Readonly<Record<string, ClockPolicy>>;

export type PolicyName = keyof typeof CLOCK_POLICIES;

export const policyOf = (name: PolicyName): ClockPolicy => CLOCK_POLICIES[name];

/** By when a sealed commitment is promised to be opened: as if it were reported the day it was sealed. */
export function openingDueAt(policy: ClockPolicy, sealedAt: Date): Date {
  return addDays(sealedAt, policy.defaultDays + policy.detailsAfterFixDays);
}
