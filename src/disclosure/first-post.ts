/**
 * The flaw was posted on a closed list, by us or by somebody else before us. A policy that counts from there has its deadline
 * moved: earlier, never later; every other policy only has it written down. Pure.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Case, isClosed } from './case.ts';
import { type CaseRefusal, type ClockChange, deadlineAfter, type StepTaken } from './case-step.ts';
import { policyOf } from './clock-policy.ts';
import { brokenInvariants } from './cross-machine.ts';
import { advanceEmbargo, isInForce } from './embargo.ts';
import { followAll } from './machine.ts';

export type FirstPostRefusal =
  | CaseRefusal
  | { readonly kind: 'post-in-the-future' }
  /** An earlier post is known, or this very one. */
  | { readonly kind: 'post-known'; readonly at: Date }
  | { readonly kind: 'case-over' };

export function noteFirstPost(from: Case, at: Date, now: Date): Result<StepTaken, FirstPostRefusal> {
  if (isClosed(from)) return refuse({ kind: 'case-over' });
  if (Number.isNaN(at.getTime()) || at > now) return refuse({ kind: 'post-in-the-future' });
  if (from.firstPostAt && from.firstPostAt <= at) return refuse({ kind: 'post-known', at: from.firstPostAt });
  const posted = { ...from, version: from.version + 1, firstPostAt: at };
  const moved = sooner(posted);
  if (!moved.ok) return moved;
  const invariants = brokenInvariants(moved.value.case);
  return invariants.length > 0 ? refuse({ kind: 'broken-invariant', invariants }) : moved;
}

/** The shortest wins: a date that was agreed on, or that the policy has by now, stands where it is earlier. */
function sooner(it: Case): Result<StepTaken, CaseRefusal> {
  if (!('dueAt' in it) || !isInForce(it.embargo)) return ok({ case: it, clocks: [] });
  const dueAt = deadlineAfter(policyOf(it.policy), it);
  if (!dueAt || (it.dueAt && it.dueAt <= dueAt)) return ok({ case: it, clocks: [] });
  const embargo = followAll(advanceEmbargo, it.embargo, ['propose', 'accept']);
  if (!embargo.ok) {
    const { machine, state, event } = embargo.refusal;
    return refuse({ kind: 'machine-refused', machine, state, event });
  }
  const change: ClockChange = { clock: 'disclosure', change: it.dueAt ? 'move' : 'start', dueAt };
  return ok({ case: { ...it, embargo: embargo.value, dueAt }, clocks: [change] });
}
