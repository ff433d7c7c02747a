/** How often somebody may do something: a bucket that fills again, in the memory of this process. */

export interface RateLimits {
  readonly perSecond: number;
  /** At once, after a while of nothing. */
  readonly burst: number;
  /** Who is remembered; beyond that the one that waited longest starts afresh. */
  readonly most: number;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Seconds to wait, or undefined where it may go on. */
export function createRate({ perSecond, burst, most }: RateLimits) {
  const buckets = new Map<string, Bucket>();
  return (who: string, nowMs: number): number | undefined => {
    const { tokens, atMs } = buckets.get(who) ?? { tokens: burst, atMs: nowMs };
    const filled = Math.min(burst, tokens + ((nowMs - atMs) / 1_000) * perSecond);
    buckets.delete(who);
    buckets.set(who, { tokens: filled < 1 ? filled : filled - 1, atMs: nowMs });
    if (buckets.size > most) buckets.delete(buckets.keys().next().value ?? who);
    return filled < 1 ? Math.ceil((1 - filled) / perSecond) : undefined;
  };
}
