/**
 * The embargo of a case (Vultron's embargo management).
 *
 *   none ⇄ proposed ──▶ active ⇄ revise
 *                          └───────┴──▶ exited
 *
 * While a revision is discussed the earlier agreement holds. Nothing leads out of `exited`.
 */
import type { Result } from '../lib/result.ts';
import { type Arrow, follow, type NoArrow } from './machine.ts';

export type EmbargoState = 'none' | 'proposed' | 'active' | 'revise' | 'exited';
export type EmbargoEvent = 'propose' | 'reject' | 'accept' | 'terminate';

const EMBARGO_ARROWS: readonly Arrow<EmbargoState, EmbargoEvent>[] = [
  { from: 'none', event: 'propose', to: 'proposed' },
  { from: 'proposed', event: 'propose', to: 'proposed' },
  { from: 'proposed', event: 'reject', to: 'none' },
  { from: 'proposed', event: 'accept', to: 'active' },
  { from: 'active', event: 'propose', to: 'revise' },
  { from: 'active', event: 'terminate', to: 'exited' },
  { from: 'revise', event: 'propose', to: 'revise' },
  { from: 'revise', event: 'accept', to: 'active' },
  { from: 'revise', event: 'reject', to: 'active' },
  { from: 'revise', event: 'terminate', to: 'exited' },
];

export const advanceEmbargo = (from: EmbargoState, event: EmbargoEvent): Result<EmbargoState, NoArrow> =>
  follow('embargo', EMBARGO_ARROWS, from, event);

/** Somebody is bound to silence. */
export const isInForce = (state: EmbargoState): boolean => state === 'active' || state === 'revise';

/** Of several proposals the shortest is taken; a longer one is a revision to be agreed on afterwards. */
export function shortest(proposals: readonly Date[]): Date | undefined {
  return proposals.reduce<Date | undefined>((least, each) => (least && least <= each ? least : each), undefined);
}
