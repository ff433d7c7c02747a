/** A new end of the embargo that those concerned agreed on: the deadline moves, within what the policy allows. */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Case } from './case.ts';
import type { CaseRefusal, ClockChange, StepTaken } from './case-step.ts';
import { policyOf } from './clock-policy.ts';
import { brokenInvariants } from './cross-machine.ts';
import { advanceEmbargo, isInForce } from './embargo.ts';
import { followAll } from './machine.ts';
import { type ClockFacts, deadlineOf, latestEnd } from './timeline.ts';

export type AgreedEndRefusal =
  | CaseRefusal
  | { readonly kind: 'embargo-over' }
  | { readonly kind: 'in-the-past' }
  | { readonly kind: 'beyond-policy'; readonly limit: Date };

export interface EmbargoTerms {
  readonly isInForce: boolean;
  readonly dueAt: Date | null;
  /** No agreement can go beyond it; null where the policy sets none. */
  readonly limit: Date | null;
}

export function termsOf(it: Case): EmbargoTerms {
  if (!('dueAt' in it)) return { isInForce: false, dueAt: null, limit: null };
  return { isInForce: isInForce(it.embargo), dueAt: it.dueAt, limit: latestEnd(policyOf(it.policy), factsOf(it)) };
}

export function agreeEnd(from: Case, dueAt: Date, now: Date): Result<StepTaken, AgreedEndRefusal> {
  const terms = termsOf(from);
  if (!('dueAt' in from) || !terms.isInForce) return refuse({ kind: 'embargo-over' });
  if (!(dueAt > now)) return refuse({ kind: 'in-the-past' });
  if (terms.limit && dueAt > terms.limit) return refuse({ kind: 'beyond-policy', limit: terms.limit });
  const embargo = followAll(advanceEmbargo, from.embargo, ['propose', 'accept']);
  if (!embargo.ok) {
    const { machine, state, event } = embargo.refusal;
    return refuse({ kind: 'machine-refused', machine, state, event });
  }
  const unextended = deadlineOf(policyOf(from.policy), { ...factsOf(from), isExtended: false });
  const isExtended = from.isExtended || (unextended !== null && dueAt > unextended.at);
  const agreed = { ...from, version: from.version + 1, embargo: embargo.value, dueAt, isExtended };
  const invariants = brokenInvariants(agreed);
  if (invariants.length > 0) return refuse({ kind: 'broken-invariant', invariants });
  const change: ClockChange = { clock: 'disclosure', change: from.dueAt ? 'move' : 'start', dueAt };
  return ok({ case: agreed, clocks: [change] });
}

/** What the policy's clock goes by, of a case whose report was sent. */
export function factsOf(it: Case): ClockFacts {
  const sentAt = 'notifiedAt' in it ? it.notifiedAt : null;
  return {
    sentAt,
    firstPostAt: it.firstPostAt ?? null,
    fixReadyAt: it.facts.F ?? null,
    fixReleasedAt: it.facts.D ?? null,
    publicAt: it.facts.P ?? it.facts.X ?? null,
    exploitedAt: it.facts.A ?? null,
    isEngaged: it.stage !== 'notified',
    isExtended: 'isExtended' in it && it.isExtended,
  };
}
