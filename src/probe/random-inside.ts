/** Draws for the search: the same seed and name give the same order. Not for secrets. */
export interface Draw {
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number;
  shuffled<T>(items: readonly T[]): T[];
}

/** FNV-1a over the name, mixed with the seed. */
function startOf(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ (seed | 0);
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash | 0;
}

export function drawFrom(seed: number, name: string): Draw {
  let state = startOf(seed, name);
  const next = (): number => {
    // SplitMix32.
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit);
  return {
    below,
    shuffled(items) {
      const left = [...items];
      for (let at = left.length - 1; at > 0; at--) {
        const other = below(at + 1);
        const kept = left[at];
        left[at] = left[other] as (typeof left)[number];
        left[other] = kept as (typeof left)[number];
      }
      return left;
    },
  };
}

/** The first `core` items as they are, the others in an order drawn by the seed. */
export function drawOrder<T>(items: readonly T[], core: number, draw: Draw): T[] {
  return [...items.slice(0, core), ...draw.shuffled(items.slice(core))];
}
