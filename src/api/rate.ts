/** How often one person may ask: a bucket that fills again, in the memory of this process. */

export const REQUESTS_PER_SECOND = 20;
export const BURST = 200;
/** Persons remembered; beyond that the one that waited longest starts afresh. */
const MAX_PERSONS = 10_000;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Seconds to wait, or undefined where the request may go on. */
export function createRate() {
  const buckets = new Map<string, Bucket>();
  return (person: string, nowMs: number): number | undefined => {
    const { tokens, atMs } = buckets.get(person) ?? { tokens: BURST, atMs: nowMs };
    const filled = Math.min(BURST, tokens + ((nowMs - atMs) / 1_000) * REQUESTS_PER_SECOND);
    buckets.delete(person);
    buckets.set(person, { tokens: filled < 1 ? filled : filled - 1, atMs: nowMs });
    if (buckets.size > MAX_PERSONS) buckets.delete(buckets.keys().next().value ?? person);
    return filled < 1 ? Math.ceil((1 - filled) / REQUESTS_PER_SECOND) : undefined;
  };
}
