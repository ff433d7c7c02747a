/**
 * Whether an asset of a scope stands:
 *
 *   waiting ──vouch / prove / authorise──▶ standing ──expiry──▶ lapsed
 *                                           ▲   │                 │
 *                                           └───┴──── prove ──────┘
 *   any ──withdraw──▶ withdrawn
 *
 * A proof stands for PROOF_DAYS and is looked at again from REPROOF_DAYS on, every day; a look that failed for reasons of
 * the network changes nothing, so the owner of a host that is down for a week loses nothing.
 */
import { addDays } from '../lib/clock.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Method } from './proof.ts';

export const PROOF_DAYS = 90;
export const REPROOF_DAYS = 60;
/** The operator's word, an authorisation or a list may say less, never more. */
export const MAX_STANDING_DAYS = 366;

export type Basis =
  | { readonly by: 'operator' }
  | { readonly by: 'proof'; readonly method: Method; readonly seen: string }
  | { readonly by: 'authorisation'; readonly from: string; readonly document: string }
  | { readonly by: 'critical-list'; readonly document: string };

export type Standing =
  | { readonly state: 'waiting' }
  | { readonly state: 'standing'; readonly basis: Basis; readonly since: Date; readonly until: Date }
  | { readonly state: 'lapsed'; readonly basis: Basis; readonly since: Date; readonly until: Date }
  | { readonly state: 'withdrawn'; readonly at: Date };

export type Step =
  | { readonly step: 'establish'; readonly basis: Basis; readonly until: Date | undefined }
  | { readonly step: 'expire' }
  | { readonly step: 'withdraw' };

export interface StandingRefusal {
  readonly kind: 'no-such-step';
  readonly state: Standing['state'];
  readonly step: Step['step'];
  readonly why: string;
}

/** Fails closed: every pair that is not named here is refused. */
export function advance(from: Standing, step: Step, now: Date): Result<Standing, StandingRefusal> {
  const no = (why: string) =>
    refuse<StandingRefusal>({ kind: 'no-such-step', state: from.state, step: step.step, why });
  if (from.state === 'withdrawn') return no('it was withdrawn');
  switch (step.step) {
    case 'withdraw':
      return ok({ state: 'withdrawn', at: now });
    case 'expire':
      if (from.state !== 'standing') return no('it does not stand');
      return from.until > now ? no('its time is not over') : ok({ ...from, state: 'lapsed' });
    case 'establish': {
      const limit = addDays(now, step.basis.by === 'proof' ? PROOF_DAYS : MAX_STANDING_DAYS);
      const until = step.until !== undefined && step.until < limit ? step.until : limit;
      if (until <= now) return no('its end has passed');
      return ok({ state: 'standing', basis: step.basis, since: now, until });
    }
  }
}

/** By the clock, whatever the row says: a job that is late extends nothing. */
export function isStanding(standing: Standing, now: Date): standing is Extract<Standing, { state: 'standing' }> {
  return standing.state === 'standing' && standing.until > now;
}

/** When to look again; undefined where nothing can be looked at. */
export function nextLook(standing: Standing, now: Date): Date | undefined {
  if (standing.state !== 'standing' || standing.basis.by !== 'proof') return undefined;
  const due = addDays(standing.since, REPROOF_DAYS);
  return due > now ? due : addDays(now, 1);
}
