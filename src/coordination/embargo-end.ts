/**
 * What becomes of a proposed end of the embargo. A shorter one wins at once; a longer one, or a first date where the
 * policy sets none, needs the agreement of everybody who is bound, within the policy's own limit.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Proposal, SharedCase } from './shared-case.ts';

/** Of the case, as disclosure knows it. */
export interface Agreement {
  /** Somebody is bound to silence: the embargo is in force. */
  readonly isInForce: boolean;
  /** What is agreed now; null where there is no date. */
  readonly dueAt: Date | null;
  /** No agreement can go beyond it; null where the policy sets none. */
  readonly limit: Date | null;
}

export type ProposalRefusal =
  | { readonly kind: 'embargo-over' }
  | { readonly kind: 'in-the-past'; readonly end: Date }
  | { readonly kind: 'beyond-policy'; readonly limit: Date }
  | { readonly kind: 'same-end'; readonly end: Date };

export function judgeProposal(end: Date, agreement: Agreement, now: Date): Result<undefined, ProposalRefusal> {
  if (!agreement.isInForce) return refuse({ kind: 'embargo-over' });
  if (Number.isNaN(end.getTime()) || end <= now) return refuse({ kind: 'in-the-past', end });
  if (agreement.limit && end > agreement.limit) return refuse({ kind: 'beyond-policy', limit: agreement.limit });
  if (end.getTime() === agreement.dueAt?.getTime()) return refuse({ kind: 'same-end', end });
  return ok(undefined);
}

/** The end that now holds because of these proposals: the shortest that is decided; undefined where none is. */
export function decidedEnd(it: SharedCase, agreement: Agreement, now: Date): Proposal | undefined {
  const open = [...it.proposals.values()].filter(
    (each) => each.state === 'open' && judgeProposal(each.end, agreement, now).ok,
  );
  const decided = open.filter((each) => isShorter(each, agreement) || everybodyAgrees(it, each));
  return decided.reduce<Proposal | undefined>(
    (least, each) => (least && least.end <= each.end ? least : each),
    undefined,
  );
}

const isShorter = ({ end }: Proposal, { dueAt }: Agreement): boolean => dueAt !== null && end < dueAt;

function everybodyAgrees(it: SharedCase, { agreed }: Proposal): boolean {
  return [...it.participants.values()].every(({ id, stance }) => stance !== 'bound' || agreed.has(id));
}
