/**
 * Disclosure policies as data. Add a policy by adding an entry; code reads only the fields.
 *
 * Every duration is in days of 24 hours, counted from an instant, so a change of daylight saving moves no deadline.
 */
import { addDays } from '../lib/clock.ts';

export interface ClockPolicy {
  readonly title: string;
  readonly source: string;
  /**
   * The event from which `defaultDays` counts. A `first-post` is to a closed list and may come before our own report;
   * with `fix-ready` no deadline runs until there is a fix.
   */
  readonly origin: 'report-sent' | 'first-post' | 'fix-ready';
  /** Null: open-ended; public by consent, or when it is out anyway. */
  readonly defaultDays: number | null;
  /** Added once, on request of a party that has acknowledged. 0: no extension. */
  readonly extensionDays: number;
  /** From the first known attack; shortens the deadline, never lengthens it. Null: the policy has no rule for it. */
  readonly exploitedDays: number | null;
  /** Added to these where the vendor has answered. */
  readonly exploitedEngagedDays: number;
  /** A released fix ends the private time ("90 days or at patch, whichever first"). */
  readonly endsAtFix: boolean;
  /** From the released fix until reproducer and technical details may follow. */
  readonly detailsAfterFixDays: number;
  /** Without an answer, an outside coordinator is asked after so many days; the deadline stands. Null: no rule. */
  readonly silenceDays: number | null;
  /** Name, date and deadline of the report are told to the public after so many days, nothing technical. Null: never. */
  readonly announceDays: number | null;
  /**
   * When partners whose products it hits may be told: once the report is sent, once there is a fix, or only as agreed with
   * the maintainers.
   */
  readonly partners: 'from-report' | 'from-fix' | 'by-agreement';
  /** A person has read every report before it is sent. */
  readonly personReads: boolean;
  /** By when a sealed commitment is promised to be opened, counted from its sealing. */
  readonly promiseDays: number;
}

const NO_EXTRAS = {
  extensionDays: 0,
  exploitedEngagedDays: 0,
  endsAtFix: true,
  detailsAfterFixDays: 0,
  silenceDays: null,
  announceDays: null,
  // Where a policy is silent on it, its maintainers are asked.
  partners: 'by-agreement',
  // Also where a policy does not ask: no text of a machine reaches a stranger unread.
  personReads: true,
} as const;

export const CLOCK_POLICIES = {
  'anthropic-2026': {
    ...NO_EXTRAS,
    title: 'Anthropic coordinated vulnerability disclosure, 6 March 2026',
    source: 'https://www.anthropic.com/coordinated-vulnerability-disclosure',
    origin: 'report-sent',
    defaultDays: 90,
    extensionDays: 14,
    exploitedDays: 7,
    exploitedEngagedDays: 7,
    detailsAfterFixDays: 45,
    silenceDays: 30,
    partners: 'from-report',
    promiseDays: 135,
  },
  'project-zero-2025': {
    ...NO_EXTRAS,
    title: 'Project Zero, Policy and Disclosure: 2025 Edition',
    source: 'https://googleprojectzero.blogspot.com/p/vulnerability-disclosure-policy.html',
    origin: 'report-sent',
    defaultDays: 90,
    extensionDays: 14,
    exploitedDays: 7,
    detailsAfterFixDays: 30,
    announceDays: 7,
    promiseDays: 120,
  },
  'openai-outbound': {
    ...NO_EXTRAS,
    title: 'OpenAI outbound coordinated disclosure policy',
    source: 'https://openai.com/policies/outbound-coordinated-disclosure-policy',
    origin: 'report-sent',
    defaultDays: null,
    exploitedDays: 0,
    promiseDays: 365,
  },
  'linux-kernel': {
    ...NO_EXTRAS,
    title: 'Linux kernel security team: 7 days from the fix, 14 in exceptional cases',
    source: 'https://docs.kernel.org/process/security-bugs.html',
    origin: 'fix-ready',
    defaultDays: 7,
    extensionDays: 7,
    // No copy to distributions until the fix is accepted.
    partners: 'from-fix',
    exploitedDays: 0,
    promiseDays: 365,
  },
  'linux-distros': {
    ...NO_EXTRAS,
    title: 'linux-distros list: 14 days from the first post',
    source: 'https://oss-security.openwall.org/wiki/mailing-lists/distros',
    origin: 'first-post',
    defaultDays: 14,
    exploitedDays: 0,
    promiseDays: 14,
  },
  'cert-cc': {
    ...NO_EXTRAS,
    title: 'CERT/CC: 45 days from the report, fix or no fix',
    source: 'https://certcc.github.io/certcc_disclosure_policy/',
    origin: 'report-sent',
    defaultDays: 45,
    // It tells the vendors it knows to be affected.
    partners: 'from-report',
    exploitedDays: null,
    promiseDays: 45,
  },
} as const satisfies Readonly<Record<string, ClockPolicy>>;

export type PolicyName = keyof typeof CLOCK_POLICIES;

export const policyOf = (name: PolicyName): ClockPolicy => CLOCK_POLICIES[name];

export const isPolicyName = (text: string): text is PolicyName => Object.hasOwn(CLOCK_POLICIES, text);

/** By when a sealed commitment is promised to be opened: as if it were reported the day it was sealed. */
export function openingDueAt(policy: ClockPolicy, sealedAt: Date): Date {
  return addDays(sealedAt, policy.promiseDays);
}
