/** What each role may do. The one place that says so; whatever is not listed is not allowed. */
import type { Assurance } from './session.ts';

export const ROLES = ['admin', 'safeguards-lead', 'reviewer', 'approver', 'coordinator', 'member', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

const ACTS = {
  /** Own keys: see, make, revoke. */
  'own-keys': ['member', 'admin', 'safeguards-lead', 'coordinator', 'reviewer'],
  'see-organisation': ['member', 'admin', 'safeguards-lead', 'coordinator', 'reviewer', 'approver', 'auditor'],
  /** Scopes, applications, terms and signers of one's own organisation. */
  'change-organisation': ['member', 'admin'],
  /** Everybody's organisations, persons, grants, keys and credit. */
  'see-programme': ['admin', 'safeguards-lead', 'reviewer', 'approver', 'auditor'],
  'change-programme': ['admin'],
  /** Vetting files and nationality: every look is logged. */
  'see-vetting': ['reviewer', 'approver'],
  'review-vetting': ['reviewer'],
  'approve-outside': ['approver'],
  'ask-stop': ['admin', 'safeguards-lead'],
  'confirm-stop': ['safeguards-lead'],
  'see-cases': ['coordinator', 'safeguards-lead'],
  /** Moves cases, decides about records, writes to maintainers. To publish takes two signatures besides. */
  'work-cases': ['coordinator', 'safeguards-lead'],
  /** Money for maintainers: two of them, neither who proposed it. */
  'approve-funding': ['safeguards-lead'],
  'see-audit': ['auditor', 'safeguards-lead', 'admin'],
} as const satisfies Readonly<Record<string, readonly Role[]>>;

export type Act = keyof typeof ACTS;
export const ACT_NAMES = Object.keys(ACTS) as readonly Act[];

/** Roles that another person's approval or stop can hang on: nobody makes a second self into one alone. */
const WEIGHTY: ReadonlySet<Role> = new Set(['admin', 'safeguards-lead', 'reviewer', 'approver']);
export const isWeighty = (role: Role): boolean => WEIGHTY.has(role);

/** Acts that change who may use a model, or show what is sealed: only from a sign-in that phishing cannot take over. */
const NEEDS_RESISTANCE: ReadonlySet<Act> = new Set([
  'change-organisation',
  'change-programme',
  'see-vetting',
  'review-vetting',
  'approve-outside',
  'ask-stop',
  'confirm-stop',
  'see-cases',
  'work-cases',
  'approve-funding',
]);

export type RoleRefusal =
  | { readonly kind: 'not-your-role'; readonly act: Act; readonly roles: readonly Role[] }
  | { readonly kind: 'stronger-sign-in-needed'; readonly why: string };

export function checkAct(roles: readonly Role[], assurance: Assurance, act: Act): RoleRefusal | undefined {
  const allowed: readonly Role[] = ACTS[act];
  if (!roles.some((role) => allowed.includes(role))) return { kind: 'not-your-role', act, roles };
  if (NEEDS_RESISTANCE.has(act) && !assurance.isResistant) {
    return { kind: 'stronger-sign-in-needed', why: `${act} needs a sign-in with a passkey` };
  }
  return undefined;
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}
