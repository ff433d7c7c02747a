/** What a set of scopes says about a target, and until when calls pass under a scope. */
import { type Asset, assetText, covers } from './asset.ts';
import type { Scope, ScopedAsset, ScopeId } from './scope-store.ts';
import { type Basis, isStanding } from './standing.ts';

export interface Holding {
  readonly scope: Scope;
  readonly assets: readonly ScopedAsset[];
}

export type Answer =
  | {
      readonly allowed: true;
      readonly scope: ScopeId;
      readonly asset: string;
      readonly basis: Basis;
      readonly until: Date;
    }
  | { readonly allowed: false; readonly reason: string };

/** Own assets before lent ones, and among those the one that stands longest. */
export function answer(holdings: readonly Holding[], target: Asset, now: Date): Answer {
  let best: Extract<Answer, { allowed: true }> | undefined;
  let fallen: ScopedAsset | undefined;
  for (const { scope, assets } of holdings) {
    if (scope.withdrawnAt || (scope.endsAt && scope.endsAt <= now)) continue;
    for (const it of assets) {
      if (!covers(it.asset, target)) continue;
      if (!isStanding(it.standing, now)) {
        fallen ??= it;
        continue;
      }
      const { basis } = it.standing;
      const until = earlier(it.standing.until, scope.endsAt);
      if (best && rank(basis, until) <= rank(best.basis, best.until)) continue;
      best = { allowed: true, scope: scope.id, asset: assetText(it.asset), basis, until };
    }
  }
  if (best) return best;
  const reason = fallen
    ? `${assetText(fallen.asset)} is ${fallen.standing.state === 'waiting' ? 'not proven yet' : 'no longer proven'}`
    : `${assetText(target)} is in no scope of this organisation`;
  return { allowed: false, reason };
}

export function isOwn(basis: Basis): boolean {
  return basis.by === 'operator' || basis.by === 'proof';
}

/** Above every instant in milliseconds. */
const OWN_FIRST = 1e15;
const rank = (basis: Basis, until: Date): number => until.getTime() + (isOwn(basis) ? OWN_FIRST : 0);

/** As long as one asset stands, and the scope itself does. */
export function passUntil(scope: Scope, assets: readonly ScopedAsset[], now: Date): Date | undefined {
  if (scope.withdrawnAt) return undefined;
  const ends = assets.flatMap(({ standing }) => (isStanding(standing, now) ? [standing.until.getTime()] : []));
  if (ends.length === 0) return undefined;
  const until = earlier(new Date(Math.max(...ends)), scope.endsAt);
  return until > now ? until : undefined;
}

export function earlier(left: Date, right: Date | undefined): Date {
  return right && right < left ? right : left;
}
