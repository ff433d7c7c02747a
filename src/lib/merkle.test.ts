import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  consistencyRanges,
  createMemoryTree,
  EMPTY_EDGE,
  EMPTY_ROOT,
  edgeRoot,
  extendEdge,
  type Hash,
  inclusionRanges,
  isConsistent,
  isIncluded,
  isSubtreeConsistent,
  leafHash,
  perfectNodes,
  rangeHash,
} from './merkle.ts';

/** The second opinion: RFC 6962 section 2.1 read aloud, sharing no line with the code under test. */
const H = (...parts: (Uint8Array | string)[]) => {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
};
const ZERO = Uint8Array.of(0);
const ONE = Uint8Array.of(1);
const k = (n: number) => 2 ** (Math.ceil(Math.log2(n)) - 1);
const MTH = (D: readonly Uint8Array[]): Buffer =>
  D.length === 0
    ? H('')
    : D.length === 1
      ? H(ZERO, D[0] ?? '')
      : H(ONE, MTH(D.slice(0, k(D.length))), MTH(D.slice(k(D.length))));
const PATH = (m: number, D: readonly Uint8Array[]): Buffer[] => {
  if (D.length === 1) return [];
  const split = k(D.length);
  return m < split
    ? [...PATH(m, D.slice(0, split)), MTH(D.slice(split))]
    : [...PATH(m - split, D.slice(split)), MTH(D.slice(0, split))];
};
const SUBPROOF = (m: number, D: readonly Uint8Array[], b: boolean): Buffer[] => {
  if (m === D.length) return b ? [] : [MTH(D)];
  const split = k(D.length);
  return m <= split
    ? [...SUBPROOF(m, D.slice(0, split), b), MTH(D.slice(split))]
    : [...SUBPROOF(m - split, D.slice(split), false), MTH(D.slice(0, split))];
};

const entriesOf = (count: number) => Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index}`));
const treeOf = (entries: readonly Uint8Array[]) => createMemoryTree(entries.map(leafHash));
const hex = (hashes: readonly Hash[]) => hashes.map((hash) => Buffer.from(hash).toString('hex'));

test('the root of every size up to 300 is the one RFC 6962 defines', () => {
  for (const size of [...Array.from({ length: 70 }, (_, index) => index), 127, 128, 129, 255, 256, 257, 300]) {
    const entries = entriesOf(size);
    assert.deepEqual(Buffer.from(treeOf(entries).root), MTH(entries), `size ${size}`);
  }
  assert.equal(Buffer.from(EMPTY_ROOT).toString('hex'), H('').toString('hex'));
});

test('every proof of every tree up to 40 leaves is the one RFC 6962 defines, and is accepted', () => {
  for (let size = 1; size <= 40; size++) {
    const entries = entriesOf(size);
    const { root, perfect } = treeOf(entries);
    for (let index = 0; index < size; index++) {
      const proof = inclusionRanges(index, size).map((range) => rangeHash(range, perfect));
      assert.deepEqual(hex(proof), hex(PATH(index, entries)));
      assert.ok(isIncluded({ index, size, leaf: leafHash(entries[index] ?? ZERO), root, proof }));
    }
    for (let size1 = 1; size1 <= size; size1++) {
      const proof = consistencyRanges(size1, size).map((range) => rangeHash(range, perfect));
      assert.deepEqual(hex(proof), hex(SUBPROOF(size1, entries, true)));
      const root1 = MTH(entries.slice(0, size1));
      assert.ok(isConsistent({ size1, size2: size, root1, root2: root, proof }));
    }
  }
});

test('a tree of 70,000 leaves grown one by one has the root and the proofs of one computed at once', () => {
  const leaves = entriesOf(70_000).map(leafHash);
  let level: readonly Hash[] = leaves;
  // Level by level, an odd last node moving up: the third way to say the same tree.
  while (level.length > 1) {
    const next: Hash[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = [level[index] ?? ZERO, level[index + 1]];
      next.push(right ? H(ONE, left, right) : left);
    }
    level = next;
  }
  let edge = EMPTY_EDGE;
  for (let from = 0; from < leaves.length; from += 997) edge = extendEdge(edge, leaves.slice(from, from + 997));
  const root = edgeRoot(edge);
  assert.deepEqual(hex([root]), hex(level));
  const { perfect } = createMemoryTree(leaves);
  for (const index of [0, 1, 255, 256, 65_535, 65_536, 69_999]) {
    const proof = inclusionRanges(index, 70_000).map((range) => rangeHash(range, perfect));
    assert.ok(isIncluded({ index, size: 70_000, leaf: leaves[index] ?? ZERO, root, proof }));
  }
  for (const size1 of [1, 256, 65_535, 65_536, 69_999, 70_000]) {
    const root1 = edgeRoot(extendEdge(EMPTY_EDGE, leaves.slice(0, size1)));
    const proof = consistencyRanges(size1, 70_000).map((range) => rangeHash(range, perfect));
    assert.ok(isConsistent({ size1, size2: 70_000, root1, root2: root, proof }));
  }
});

test('no changed, shortened, lengthened or reordered proof is accepted', () => {
  const shape = fc.integer({ min: 2, max: 200 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      index: fc.integer({ min: 0, max: size - 1 }),
      size1: fc.integer({ min: 1, max: size - 1 }),
      at: fc.nat(),
      bit: fc.integer({ min: 0, max: 255 }),
    }),
  );
  fc.assert(
    fc.property(shape, ({ size, index, size1, at, bit }) => {
      const entries = entriesOf(size);
      const { root, perfect } = treeOf(entries);
      const leaf = leafHash(entries[index] ?? ZERO);
      const inclusion = inclusionRanges(index, size).map((range) => rangeHash(range, perfect));
      const consistency = consistencyRanges(size1, size).map((range) => rangeHash(range, perfect));
      const root1 = MTH(entries.slice(0, size1));
      for (const bad of mutations(inclusion, at, bit)) {
        assert.ok(!isIncluded({ index, size, leaf, root, proof: bad }));
      }
      for (const bad of mutations(consistency, at, bit)) {
        assert.ok(!isConsistent({ size1, size2: size, root1, root2: root, proof: bad }));
      }
      assert.ok(!isIncluded({ index: index === 0 ? 1 : 0, size, leaf, root, proof: inclusion }));
      assert.ok(!isConsistent({ size1, size2: size, root1: flip(root1, bit), root2: root, proof: consistency }));
      assert.ok(!isConsistent({ size1, size2: size, root1, root2: flip(root, bit), proof: consistency }));
    }),
    { numRuns: 200 },
  );
});

test('from an empty tree nothing is proven, not even that nothing became nothing', () => {
  const empty = { size1: 0, size2: 0, root1: EMPTY_ROOT, root2: EMPTY_ROOT, proof: [] };
  assert.equal(isConsistent(empty), false);
  assert.throws(() => consistencyRanges(0, 4), RangeError);
});

test('every subtree of a tree of 40 leaves is consistent with it by its own proof only', () => {
  const entries = entriesOf(40);
  const { root, perfect } = treeOf(entries);
  for (const [start, end] of [
    [0, 40],
    [8, 16],
    [32, 40],
    [32, 37],
    [16, 29],
    [39, 40],
  ] as const) {
    const subtreeRoot = rangeHash({ start, end }, perfect);
    assert.deepEqual(Buffer.from(subtreeRoot), MTH(entries.slice(start, end)));
    const isWhole = isSubtreeConsistent({ start, end, size: 40, subtreeRoot, root, proof: [] });
    assert.equal(isWhole, start === 0 && end === 40);
  }
});

test('a range is covered by its perfect nodes exactly once', () => {
  assert.deepEqual(perfectNodes({ start: 0, end: 7 }), [
    { height: 2, index: 0 },
    { height: 1, index: 2 },
    { height: 0, index: 6 },
  ]);
});

test('sizes beyond exact integers are refused rather than rounded', () => {
  const huge = Number.MAX_SAFE_INTEGER + 1;
  assert.equal(isIncluded({ index: 0, size: huge, leaf: EMPTY_ROOT, root: EMPTY_ROOT, proof: [] }), false);
  assert.equal(isConsistent({ size1: huge, size2: huge, root1: EMPTY_ROOT, root2: EMPTY_ROOT, proof: [] }), false);
});

function* mutations(proof: readonly Hash[], at: number, bit: number): Generator<readonly Hash[]> {
  const chosen = proof[at % Math.max(1, proof.length)];
  yield [...proof, EMPTY_ROOT];
  if (!chosen) return;
  yield proof.map((hash) => (hash === chosen ? flip(hash, bit) : hash));
  yield proof.slice(1);
  yield proof.slice(0, -1);
  if (proof.length > 1) yield proof.toReversed();
}

function flip(hash: Hash, bit: number): Hash {
  const copy = Buffer.from(hash);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
