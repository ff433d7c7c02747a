/** Foreign vectors for the log: Merkle proofs, a golden log, Ed25519 edge cases, canonical JSON. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toBase64 } from '../../src/lib/bytes.ts';
import { canonicalJson } from '../../src/lib/canonical-json.ts';
import { verifyEd25519 } from '../../src/lib/ed25519.ts';
import {
  createMemoryTree,
  isConsistent,
  isIncluded,
  isIncludedInSubtree,
  isSubtreeConsistent,
  leafHash,
} from '../../src/lib/merkle.ts';
import { auditLog } from '../../src/tlog/audit.ts';
import { formatCheckpointBody, readCheckpoint } from '../../src/tlog/checkpoint.ts';
import { readVerifierKey, verifyNote } from '../../src/tlog/note.ts';
import { decodeBundle, encodeBundle, tilePath } from '../../src/tlog/tile.ts';
import { trustOnly } from '../../src/tlog/witness-policy.ts';
import { needs, vectorPath } from './vectors.ts';

const vectors = vectorPath('.');
const options = needs('merkle');

const bytes = (text: string | null | undefined) => Buffer.from(text ?? '', 'base64');

/** How many vectors there must be: a folder that moved must not look like success. */
const MERKLE_VECTORS = { inclusion: 98, consistency: 98, subtreeinclusion: 204, subtreeconsistency: 118 } as const;

const merkleChecks = {
  inclusion: (v: MerkleVector) =>
    isIncluded({ index: v.leafIdx, size: v.treeSize, leaf: bytes(v.leafHash), root: bytes(v.root), proof: v.path }),
  consistency: (v: MerkleVector) =>
    isConsistent({ size1: v.size1, size2: v.size2, root1: bytes(v.root1), root2: bytes(v.root2), proof: v.path }),
  subtreeinclusion: (v: MerkleVector) =>
    isIncludedInSubtree({
      start: v.start,
      end: v.end,
      index: v.leafIdx,
      leaf: bytes(v.leafHash),
      subtreeRoot: bytes(v.root),
      proof: v.path,
    }),
  subtreeconsistency: (v: MerkleVector) =>
    isSubtreeConsistent({
      start: v.start,
      end: v.end,
      size: v.size,
      subtreeRoot: bytes(v.root1),
      root: bytes(v.root2),
      proof: v.path,
    }),
};

interface MerkleVector {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly size1: number;
  readonly size2: number;
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly root: string;
  readonly root1: string;
  readonly root2: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly path: readonly Uint8Array[];
  readonly wantErr: boolean;
}

for (const [kind, count] of Object.entries(MERKLE_VECTORS)) {
  test(`${count} ${kind} proofs of other people are judged as they judge them`, options, () => {
    const files = globSync(`${vectors}/merkle/${kind}/**/*.json`);
    assert.equal(files.length, count);
    for (const file of files) {
      const vector: MerkleVector = JSON.parse(readFileSync(file, 'utf8'));
      const isAccepted = merkleChecks[kind as keyof typeof merkleChecks]({
        ...vector,
        path: (vector.proof ?? []).map(bytes),
      });
      assert.equal(isAccepted, !vector.wantErr, file);
    }
  });
}

const golden = join(vectors, 'tlog-golden');
const ENTRIES_WIDTH = 15;

test(
  'the golden log of 0 to 15 entries has our roots, our tiles, our bundles and a good signature at every size',
  options,
  () => {
    const key = readVerifierKey(readFileSync(join(golden, 'log.vkey.txt'), 'utf8').trim());
    assert.ok(key.ok);
    const file = (path: string) => readFileSync(join(golden, path));
    const entries = decodeBundle(file(tilePath({ level: 'entries', index: 0, width: ENTRIES_WIDTH })), ENTRIES_WIDTH);
    assert.ok(entries.ok);
    for (let size = 0; size <= ENTRIES_WIDTH; size++) {
      const head = readCheckpoint(file(`checkpoint.${size}`));
      assert.ok(head.ok);
      assert.ok(verifyNote(head.value.note, [key.value]).ok, `signature at size ${size}`);
      const leaves: Uint8Array[] = entries.value.slice(0, size).map(leafHash);
      const { origin } = head.value.checkpoint;
      assert.equal(formatCheckpointBody({ origin, size, root: createMemoryTree(leaves).root }), head.value.note.text);
      if (size === 0) continue;
      assert.deepEqual(Buffer.concat(leaves), file(tilePath({ level: 0, index: 0, width: size })));
      const bundle = encodeBundle(entries.value.slice(0, size));
      assert.deepEqual(bundle, file(tilePath({ level: 'entries', index: 0, width: size })));
    }
  },
);

test('the golden log verifies as a whole at every size, its entries opaque', options, async () => {
  const key = readVerifierKey(readFileSync(join(golden, 'log.vkey.txt'), 'utf8').trim());
  assert.ok(key.ok);
  for (let size = 0; size <= ENTRIES_WIDTH; size++) {
    const read = async (path: string) => {
      const from = join(golden, path === 'checkpoint' ? `checkpoint.${size}` : path);
      return existsSync(from) ? readFileSync(from) : undefined;
    };
    const report = await auditLog({ read }, { policy: trustOnly(key.value) });
    assert.ok(report.ok, JSON.stringify(report));
    assert.deepEqual([report.value.checkpoint.size, report.value.statements], [size, 0]);
  }
});

// Measured on Node 20.20 (OpenSSL 3.0) and Node 24.21 (OpenSSL 3.5): the same 43 on both.
const ACCEPTED_ED25519 = 43;

test(
  `of 914 Ed25519 edge cases exactly ${ACCEPTED_ED25519} are accepted: none with a small or non-canonical point`,
  options,
  () => {
    const cases: { key: string; sig: string; msg: string; flags: string[] | null; number: number }[] = JSON.parse(
      readFileSync(join(vectors, 'ed25519', 'ed25519vectors.json'), 'utf8'),
    );
    assert.equal(cases.length, 914);
    const accepted = cases.filter(({ key, sig, msg }) =>
      verifyEd25519(Buffer.from(key, 'hex'), Buffer.from(msg), Buffer.from(sig, 'hex')),
    );
    assert.equal(accepted.length, ACCEPTED_ED25519);
    const flags = new Set(accepted.flatMap((it) => it.flags ?? []));
    assert.deepEqual([...flags].sort(), ['low_order_component_A', 'low_order_component_R']);
  },
);

test('canonical JSON is that of RFC 8785 for all six published documents', options, () => {
  const names = globSync(`${vectors}/jcs/input/*.json`).map((path) =>
    path.slice(path.lastIndexOf('/') + 1, -'.json'.length),
  );
  assert.equal(names.length, 6);
  for (const name of names) {
    const ours = Buffer.from(canonicalJson(JSON.parse(readFileSync(`${vectors}/jcs/input/${name}.json`, 'utf8'))));
    assert.equal(toBase64(ours), toBase64(readFileSync(`${vectors}/jcs/output/${name}.json`)), name);
    const hex = readFileSync(`${vectors}/jcs/outhex/${name}.txt`, 'utf8').replace(/\s/g, '');
    assert.equal(ours.toString('hex'), hex, name);
  }
});
