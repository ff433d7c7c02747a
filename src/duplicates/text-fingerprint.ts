/**
 * How alike two texts are, without keeping them side by side: MinHash estimates the share of common word triples,
 * SimHash puts like texts a few bits apart. Numbers, addresses and quoted code of a report vary without meaning,
 * so digits are one and the same.
 */

/** Hash functions of a MinHash; its error is about 1/√n. */
const MINHASH_SIZE = 64;
const BITS = 64n;
const MASK = (1n << BITS) - 1n;
const SHINGLE_WORDS = 3;
/** Most words of a text that are read. */
const MAX_WORDS = 2_000;

/** Runs of three words as hashes; a shorter text is one run. */
export function shinglesOf(text: string): readonly number[] {
  const words = text
    .toLowerCase()
    .replaceAll(/0x[0-9a-f]+|\d+/g, '0')
    .split(/[^a-z0-9_]+/)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS);
  if (words.length === 0) return [];
  const hashes = new Set<number>();
  for (let at = 0; at + SHINGLE_WORDS <= Math.max(words.length, SHINGLE_WORDS); at += 1) {
    hashes.add(hash32(words.slice(at, at + SHINGLE_WORDS).join(' ')));
  }
  return [...hashes];
}

export function minHash(shingles: readonly number[]): readonly number[] {
  if (shingles.length === 0) return [];
  return Array.from({ length: MINHASH_SIZE }, (_, row) => {
    let least = 0xffff_ffff;
    for (const shingle of shingles) least = Math.min(least, mix(shingle ^ mix(row + 1)));
    return least;
  });
}

/** Estimated share of common runs, 0 to 1. */
export function minHashLikeness(left: readonly number[], right: readonly number[]): number {
  if (left.length === 0 || left.length !== right.length) return 0;
  return left.filter((value, row) => value === right[row]).length / left.length;
}

export function simHash(shingles: readonly number[]): bigint {
  const votes = new Array<number>(Number(BITS)).fill(0);
  for (const shingle of shingles) {
    const halves = [mix(shingle), mix(shingle ^ 0x5bd1_e995)];
    for (let bit = 0; bit < votes.length; bit += 1) {
      const isSet = ((halves[bit >> 5] ?? 0) >>> (bit & 31)) & 1;
      votes[bit] = (votes[bit] ?? 0) + (isSet ? 1 : -1);
    }
  }
  return votes.reduce((hash, vote, bit) => (vote > 0 ? hash | (1n << BigInt(bit)) : hash), 0n) & MASK;
}

/** Bits in which two SimHashes differ. */
export function simHashDistance(left: bigint, right: bigint): number {
  let rest = left ^ right;
  let bits = 0;
  for (; rest > 0n; rest &= rest - 1n) bits += 1;
  return bits;
}

/** FNV-1a, 32 bits. Not for secrets. */
export function hash32(text: string): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  return hash >>> 0;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0_aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
