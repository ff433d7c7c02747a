/**
 * Puts the records of a list into clusters of one flaw each. The likeliest pairs are joined first, and two clusters only
 * if their members agree on the average, so that a chain of doubtful pairs does not run through the whole list.
 */
import { candidateKeys, MAX_BUCKET } from './candidate-key.ts';
import { type Census, takeCensus } from './census.ts';
import type { DuplicateRecord } from './duplicate-record.ts';
import { judge, MERGE_AT } from './judge.ts';
import { type Signature, signatureOf } from './signature.ts';

export interface Clustered {
  readonly id: string;
  /** The id of the first record of its cluster. */
  readonly cluster: string;
}

/** Members of each side that are asked when two clusters are to be joined. */
const ASKED_MEMBERS = 12;

export type LikelinessOf = (a: Signature, b: Signature, census: Census) => number;

export function cluster(records: readonly DuplicateRecord[]): readonly Clustered[] {
  return clusterSignatures(records.map(signatureOf), (a, b, census) => judge(a, b, census).probability);
}

export function clusterSignatures(signatures: readonly Signature[], likelinessOf: LikelinessOf): readonly Clustered[] {
  const census = takeCensus(signatures);
  const known = new Map<string, number>();
  const likeliness = (left: number, right: number): number => {
    const [low, high] = left < right ? [left, right] : [right, left];
    const key = `${low} ${high}`;
    let found = known.get(key);
    if (found === undefined) {
      const [a, b] = [signatures[low], signatures[high]];
      found = a && b ? likelinessOf(a, b, census) : 0;
      known.set(key, found);
    }
    return found;
  };
  const edges = candidatePairs(signatures)
    .map(([left, right]) => ({ left, right, likeliness: likeliness(left, right) }))
    .filter((edge) => edge.likeliness >= MERGE_AT)
    .sort((one, other) => other.likeliness - one.likeliness || one.left - other.left || one.right - other.right);
  const clusterOf = signatures.map((_, at) => [at]);
  for (const { left, right } of edges) {
    const [one, other] = [clusterOf[left] ?? [], clusterOf[right] ?? []];
    if (one === other || agreement(one, other, likeliness) < MERGE_AT) continue;
    const joined = [...one, ...other].sort((a, b) => a - b);
    for (const member of joined) clusterOf[member] = joined;
  }
  return signatures.map(({ id }, at) => ({ id, cluster: signatures[clusterOf[at]?.[0] ?? at]?.id ?? id }));
}

function agreement(
  one: readonly number[],
  other: readonly number[],
  likeliness: (left: number, right: number) => number,
): number {
  const [asked, against] = [one.slice(0, ASKED_MEMBERS), other.slice(0, ASKED_MEMBERS)];
  const sum = asked.reduce((all, left) => all + against.reduce((each, right) => each + likeliness(left, right), 0), 0);
  return sum / (asked.length * against.length);
}

/** Pairs that share a key which is not everybody's, each once. */
export function candidatePairs(signatures: readonly Signature[]): readonly (readonly [left: number, right: number])[] {
  const buckets = new Map<string, number[]>();
  signatures.forEach((signature, at) => {
    for (const key of candidateKeys(signature)) {
      const bucket = buckets.get(key);
      if (bucket) bucket.push(at);
      else buckets.set(key, [at]);
    }
  });
  const seen = new Set<number>();
  const pairs: (readonly [number, number])[] = [];
  for (const bucket of buckets.values()) {
    if (bucket.length > MAX_BUCKET) continue;
    bucket.forEach((left, at) => {
      for (const right of bucket.slice(at + 1)) {
        const key = left * signatures.length + right;
        if (seen.has(key)) continue;
        seen.add(key);
        pairs.push([left, right]);
      }
    });
  }
  return pairs;
}
