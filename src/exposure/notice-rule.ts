/**
 * May partners be told of a case before the public is? Only under its own policy or by an agreement, never before its
 * maintainers, and of nothing that is played. What cannot be decided is refused. Pure.
 */
import type { Case } from '../disclosure/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export type NoticeRefusal =
  | { readonly kind: 'demonstration' }
  /** The maintainers come first. */
  | { readonly kind: 'maintainers-first' }
  /** It is public, or will never be: there is no head start to give. */
  | { readonly kind: 'over'; readonly stage: Case['stage'] }
  | { readonly kind: 'fix-first'; readonly policy: string }
  | { readonly kind: 'needs-agreement'; readonly policy: string };

/** As much of a case's policy as says when partners may be told. */
export interface PartnerPolicy {
  readonly partners: 'from-report' | 'from-fix' | 'by-agreement';
  readonly title: string;
}

/** `agreedWith`: the words of a person on what was agreed with the maintainers, where the policy leaves it to that. */
export function mayTellPartners(
  it: Case,
  policy: PartnerPolicy,
  agreedWith: string | undefined,
): Result<undefined, NoticeRefusal> {
  if (it.kind !== 'real' || it.time !== 'real') return refuse({ kind: 'demonstration' });
  switch (it.stage) {
    case 'received':
    case 'confirmed':
      return refuse({ kind: 'maintainers-first' });
    case 'notified':
    case 'acknowledged':
    case 'patched':
      return byPolicy(it, policy, agreedWith);
    default:
      return refuse({ kind: 'over', stage: it.stage });
  }
}

function byPolicy(
  { facts }: Case,
  { partners, title: policy }: PartnerPolicy,
  agreedWith: string | undefined,
): Result<undefined, NoticeRefusal> {
  switch (partners) {
    case 'from-report':
      return ok(undefined);
    case 'from-fix':
      return facts.F ? ok(undefined) : refuse({ kind: 'fix-first', policy });
    case 'by-agreement':
      return agreedWith ? ok(undefined) : refuse({ kind: 'needs-agreement', policy });
    default:
      return refuse({ kind: 'needs-agreement', policy });
  }
}
