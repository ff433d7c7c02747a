/**
 * The Merkle tree of RFC 6962 section 2.1 and RFC 9162 section 2.1: hashing, and proofs made and checked.
 *
 *             root                 A perfect node covers 2^height leaves; node (height, index) covers the leaves from
 *           /      \               index * 2^height on. Every hash of a tree is a fold of perfect nodes, so whoever
 *      (2,0)        \              can look up perfect nodes (memory, tiles, a table) can make every proof.
 *     /     \        \
 *  (1,0)   (1,1)    (0,4)          Sizes are plain numbers up to 2^53 - 1; above that everything is refused.
 */
import { equalBytes } from './bytes.ts';
import { sha256 } from './hash.ts';

/** 32 bytes of SHA-256. */
export type Hash = Uint8Array;

export const HASH_BYTES = 32;

/** The leaves from `start` (inclusive) to `end` (exclusive). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Looks up a complete node. Called only for nodes that lie wholly within the tree. */
export type PerfectNode = (height: number, index: number) => Hash;

export const EMPTY_ROOT: Hash = sha256('');

export function leafHash(data: Uint8Array): Hash {
  const input = Buffer.allocUnsafe(1 + data.length);
  input[0] = 0x00;
  input.set(data, 1);
  return sha256(input);
}

function nodeHash(left: Hash, right: Hash): Hash {
  const input = Buffer.allocUnsafe(1 + left.length + right.length);
  input[0] = 0x01;
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return sha256(input);
}

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isOdd = (value: number): boolean => value % 2 === 1;
const halve = (value: number): number => Math.floor(value / 2);

/** The largest power of two smaller than `count` (which is at least 2). */
function splitPoint(count: number): number {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
}

/** The perfect nodes a range is folded from, left to right. The range must start at a multiple of its own width, rounded up to a power of two. */
export function perfectNodes({ start, end }: Range): { height: number; index: number }[] {
  const nodes: { height: number; index: number }[] = [];
  let from = start;
  while (from < end) {
    let height = 0;
    let width = 1;
    while (from % (width * 2) === 0 && from + width * 2 <= end) {
      width *= 2;
      height += 1;
    }
    nodes.push({ height, index: from / width });
    from += width;
  }
  return nodes;
}

/** MTH(D[start:end]) of RFC 6962. */
export function rangeHash(range: Range, perfect: PerfectNode): Hash {
  const hashes = perfectNodes(range).map(({ height, index }) => perfect(height, index));
  return foldRight(hashes);
}

function foldRight(hashes: readonly Hash[]): Hash {
  const last = hashes.at(-1);
  if (!last) return EMPTY_ROOT;
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** The ranges whose hashes prove leaf `index` in a tree of `size`: PATH(m, D[n]), leaf's sibling first. */
export function inclusionRanges(index: number, size: number): Range[] {
  if (!isSize(index) || !isSize(size) || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const ranges: Range[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.unshift({ start: middle, end });
      end = middle;
    } else {
      ranges.unshift({ start, end: middle });
      start = middle;
    }
  }
  return ranges;
}

/** The ranges that prove the tree of `size1` to be a prefix of the one of `size2`: PROOF(m, D[n]). */
export function consistencyRanges(size1: number, size2: number): Range[] {
  if (!isSize(size1) || !isSize(size2) || size1 < 1 || size1 > size2) {
    throw new RangeError(`no consistency proof from ${size1} to ${size2}`);
  }
  const ranges: Range[] = [];
  let start = 0;
  let end = size2;
  let isWholeSubtree = true;
  while (end !== size1) {
    const middle = start + splitPoint(end - start);
    if (size1 <= middle) {
      ranges.unshift({ start: middle, end });
      end = middle;
    } else {
      ranges.unshift({ start, end: middle });
      start = middle;
      isWholeSubtree = false;
    }
  }
  return isWholeSubtree ? ranges : [{ start, end }, ...ranges];
}

export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leaf: Hash;
  readonly root: Hash;
  readonly proof: readonly Hash[];
}

/** RFC 9162 section 2.1.3.2. */
export function isIncluded({ index, size, leaf, root, proof }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || leaf.length !== HASH_BYTES) return false;
  let position = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0 || sibling.length !== HASH_BYTES) return false;
    if (isOdd(position) || position === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(position) && position !== 0) {
        position = halve(position);
        last = halve(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    position = halve(position);
    last = halve(last);
  }
  return last === 0 && equalBytes(hash, root);
}

export interface ConsistencyClaim {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Hash;
  readonly root2: Hash;
  readonly proof: readonly Hash[];
}

/** RFC 9162 section 2.1.4.2. From size 0 nothing can be proven, so it is refused, the empty proof from 0 to 0 included. */
export function isConsistent({ size1, size2, root1, root2, proof }: ConsistencyClaim): boolean {
  if (size1 === 0) return false;
  return isSubtreeConsistent({ start: 0, end: size1, size: size2, subtreeRoot: root1, root: root2, proof });
}

/** Whether a range can be a subtree: non-empty, and starting at a multiple of its width rounded up to a power of two. */
function isSubtree({ start, end }: Range): boolean {
  if (!isSize(start) || !isSize(end) || start >= end) return false;
  let width = 1;
  while (width < end - start) width *= 2;
  return start % width === 0;
}

export interface SubtreeInclusionClaim extends Range {
  readonly index: number;
  readonly leaf: Hash;
  readonly subtreeRoot: Hash;
  readonly proof: readonly Hash[];
}

/** draft-ietf-plants-merkle-tree-certs, "Verifying a Subtree Inclusion Proof". */
export function isIncludedInSubtree({ start, end, index, leaf, subtreeRoot, proof }: SubtreeInclusionClaim): boolean {
  if (!isSubtree({ start, end }) || !isSize(index) || index < start) return false;
  return isIncluded({ index: index - start, size: end - start, leaf, root: subtreeRoot, proof });
}

export interface SubtreeConsistencyClaim extends Range {
  readonly size: number;
  readonly subtreeRoot: Hash;
  readonly root: Hash;
  readonly proof: readonly Hash[];
}

/** draft-ietf-plants-merkle-tree-certs, "Verifying a Subtree Consistency Proof"; with start 0 it is that of RFC 9162. */
export function isSubtreeConsistent(claim: SubtreeConsistencyClaim): boolean {
  const { start, end, size, subtreeRoot, root } = claim;
  if (!isSize(start) || !isSize(size) || end > size) return false;
  // An empty subtree is part of every tree; that says nothing, which is why isConsistent does not ask it.
  if (start === end) return claim.proof.length === 0 && equalBytes(subtreeRoot, EMPTY_ROOT);
  if (!isSubtree({ start, end })) return false;
  let first = start;
  let last = end - 1;
  let treeLast = size - 1;
  const shift = (): void => {
    first = halve(first);
    last = halve(last);
    treeLast = halve(treeLast);
  };
  while (first !== last && (last === treeLast || isOdd(last))) shift();

  const proof = [...claim.proof];
  const seed = first === last ? subtreeRoot : proof.shift();
  if (!seed) return false;
  let subtreeHash = seed;
  let treeHash = seed;
  for (const sibling of proof) {
    if (treeLast === 0 || sibling.length !== HASH_BYTES) return false;
    if (isOdd(last) || last === treeLast) {
      if (first < last) subtreeHash = nodeHash(sibling, subtreeHash);
      treeHash = nodeHash(sibling, treeHash);
      while (!isOdd(last) && last !== 0) shift();
    } else {
      treeHash = nodeHash(treeHash, sibling);
    }
    shift();
  }
  return treeLast === 0 && equalBytes(subtreeHash, subtreeRoot) && equalBytes(treeHash, root);
}

/** A growing tree of which only the right edge is kept: one perfect node per binary digit of the size. */
export interface TreeEdge {
  readonly size: number;
  /** Perfect nodes, widest first. */
  readonly nodes: readonly Hash[];
}

export const EMPTY_EDGE: TreeEdge = { size: 0, nodes: [] };

/** Told of every perfect node, of height 0 upwards, as it is completed. */
export type OnNode = (height: number, index: number, hash: Hash) => void;

/** Appends leaves in order and gives the new edge. */
export function extendEdge(edge: TreeEdge, leaves: Iterable<Hash>, onNode?: OnNode): TreeEdge {
  const nodes = [...edge.nodes];
  let { size } = edge;
  for (const leaf of leaves) {
    let hash = leaf;
    let index = size;
    onNode?.(0, index, hash);
    for (let height = 1; isOdd(index); height++) {
      const left = nodes.pop();
      if (!left) throw new Error(`the edge of a tree of ${size} leaves lacks a node`);
      hash = nodeHash(left, hash);
      index = halve(index);
      onNode?.(height, index, hash);
    }
    nodes.push(hash);
    size += 1;
  }
  return { size, nodes };
}

export function edgeRoot({ nodes }: TreeEdge): Hash {
  return foldRight(nodes);
}

/** A whole tree in memory, for field trees and small logs. */
export function createMemoryTree(leaves: readonly Hash[]): { readonly root: Hash; readonly perfect: PerfectNode } {
  const levels: Hash[][] = [];
  const edge = extendEdge(EMPTY_EDGE, leaves, (height, _index, hash) => {
    const level = levels[height] ?? [];
    level.push(hash);
    levels[height] = level;
  });
  const perfect: PerfectNode = (height, index) => {
    const hash = levels[height]?.[index];
    if (!hash) throw new RangeError(`no complete node at height ${height}, index ${index}`);
    return hash;
  };
  return { root: edgeRoot(edge), perfect };
}
