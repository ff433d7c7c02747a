/**
 * Generic cell rate algorithm: one number a subject, the time at which its bucket would be empty again. Several gateways
 * share a rate by each taking its part, so the sum never exceeds it.
 */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimiter {
  /** All of them or none. Undefined where the call may pass, else which one refuses and for how long. */
  take(subjects: readonly RatedSubject[], nowMs: number): RateRefusal | undefined;
}

export interface RatedSubject {
  readonly kind: 'key' | 'person' | 'organisation' | 'model';
  readonly id: string;
  readonly rate: Rate;
}

export interface RateRefusal {
  readonly kind: RatedSubject['kind'];
  readonly retryAfterMs: number;
}

/** Past this many subjects those whose bucket is full again are forgotten. */
const MAX_SUBJECTS = 100_000;

/** Told to who has a rate of nothing. */
const NEVER_MS = 3_600_000;

/** `shares` is how many gateways are live. */
export function createRateLimiter(shares: () => number): RateLimiter {
  const emptyAtMs = new Map<string, number>();
  const emptyAfter = (id: string, intervalMs: number, nowMs: number): number =>
    Math.max(nowMs, emptyAtMs.get(id) ?? 0) + intervalMs;
  return {
    take(subjects, nowMs) {
      const parts = Math.max(1, shares());
      for (const { kind, id, rate } of subjects) {
        if (!(rate.perSecond > 0)) return { kind, retryAfterMs: NEVER_MS };
        const intervalMs = (1_000 * parts) / rate.perSecond;
        const toleranceMs = intervalMs * Math.max(1, rate.burst / parts);
        const aheadMs = emptyAfter(id, intervalMs, nowMs) - nowMs;
        if (aheadMs > toleranceMs) return { kind, retryAfterMs: Math.max(1, aheadMs - toleranceMs) };
      }
      for (const { id, rate } of subjects) {
        emptyAtMs.set(id, emptyAfter(id, (1_000 * parts) / rate.perSecond, nowMs));
      }
      if (emptyAtMs.size > MAX_SUBJECTS) for (const [id, at] of emptyAtMs) if (at <= nowMs) emptyAtMs.delete(id);
      return undefined;
    },
  };
}
