import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { createMemoryTree, inclusionRanges, leafHash, rangeHash } from '../lib/merkle.ts';
import { chainStart } from './batch.ts';
import { buildBatch } from './build-batch.ts';
import { checkReceipt, createReceiptTree, type Receipt, receiptLeaf, toReceiptText } from './receipt.ts';

const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
const other = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);

const receipt = (change: Partial<Receipt> = {}): Receipt => ({
  call: 'call_0001',
  gateway: 'gateway_1',
  at: '2026-11-21T00:00:00.000Z',
  organisation: 'organisation_1',
  person: 'person_1',
  grant: 'grant_1',
  tier: 'standard',
  scope: undefined,
  asked: 'm1',
  served: 'm1-fallback',
  why: 'refusal',
  verdicts: [{ guard: 'scope', verdict: 'pass' }],
  tokens: { input: 10, output: 20, cacheWrite5m: 1, cacheWrite1h: 2, cacheRead: 3 },
  costMicro: 1_234,
  reservedMicro: 5_000,
  outcome: 'ended',
  admitted: { batch: 3, record: 1 },
  requestSha256: 'ab'.repeat(32),
  ...change,
});

function stored(receipts: readonly Receipt[]): string[] {
  const lines = receipts.map((each) => ({ line: toReceiptText(each), isReceipt: true }));
  const before = { gateway: 'gateway_1', number: 6, chain: chainStart('gateway_1') };
  return buildBatch(lines, before, signer).stored.map((each) => each?.text ?? '');
}

test('a receipt is written in canonical JSON, whatever a provider calls its model', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.option(fc.string(), { nil: undefined }), (served, scope) => {
      const text = toReceiptText(receipt({ served: served + String.fromCharCode(0xd800), scope }));
      assert.equal(text, canonicalJson(JSON.parse(text)));
    }),
  );
});

test('whatever a caller declares, the receipt verifies, and holds nothing that a database cannot', () => {
  const declared: readonly Json[] = [
    { '10': 'a', '9': 'b', x: { '2': 1, '10': 2 } },
    { user: 'a\0b', 'k\0': ['\ud800', '\udc00\ud800'] },
    JSON.parse('{"__proto__": {"a": 1}, "size": 1e999, "zero": -0}'),
  ];
  for (const each of declared) {
    const [text = ''] = stored([receipt({ facts: { declared: each } })]);
    assert.ok(checkReceipt(text, signer.publicKey).ok, text);
    assert.doesNotMatch(text, /\\u0000|\\ud[89a-f]/i);
  }
});

test('the tree over a batch is that of RFC 6962, and so are its paths', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 70 }), (texts) => {
      const leaves = texts.map((text) => leafHash(Buffer.from(text)));
      const written = texts.map(receiptLeaf);
      assert.deepEqual(
        written,
        leaves.map((leaf) => Buffer.from(leaf).toString('base64')),
      );
      const [tree, reference] = [createReceiptTree(written), createMemoryTree(leaves)];
      assert.equal(tree.root, Buffer.from(reference.root).toString('base64'));
      for (const index of texts.keys()) {
        const path = inclusionRanges(index, texts.length).map((range) => rangeHash(range, reference.perfect));
        assert.deepEqual(
          tree.path(index),
          path.map((hash) => Buffer.from(hash).toString('base64')),
        );
      }
    }),
  );
});

test('each receipt of a batch verifies offline, and with another key none does', () => {
  const receipts = Array.from({ length: 7 }, (_, index) => receipt({ call: `call_${index}`, costMicro: index }));
  for (const [index, text] of stored(receipts).entries()) {
    const checked = checkReceipt(text, signer.publicKey);
    assert.ok(checked.ok, JSON.stringify(checked));
    assert.equal(checked.value.costMicro, index);
    assert.deepEqual(checkReceipt(text, other.publicKey), { ok: false, refusal: { kind: 'bad-root-signature' } });
  }
});

test('a receipt of which one character is changed is refused, or says the same', () => {
  const [text = ''] = stored([receipt(), receipt({ call: 'call_0002' }), receipt({ call: 'call_0003' })]);
  const original = checkReceipt(text, signer.publicKey);
  assert.ok(original.ok);
  for (let place = 0; place < text.length; place++) {
    for (const replacement of ['0', 'A', '"', ' ']) {
      if (text[place] === replacement) continue;
      const changed = checkReceipt(text.slice(0, place) + replacement + text.slice(place + 1), signer.publicKey);
      // Space outside of strings is not part of the value.
      if (changed.ok) assert.deepEqual(changed.value, original.value, `place ${place}`);
    }
  }
});

test('a path or root of another batch, and text that is no receipt, are refused', () => {
  const [one = '', two = ''] = stored([receipt(), receipt({ call: 'call_0002' })]);
  const [alone = ''] = stored([receipt()]);
  const parts = (text: string) => JSON.parse(text) as { leaf: object; path: unknown; root: object };
  const mixed = (change: object) => checkReceipt(JSON.stringify({ ...parts(one), ...change }), signer.publicKey);
  for (const change of [
    { leaf: parts(two).leaf },
    { path: parts(two).path },
    { path: [] },
    { path: Array(40).fill('') },
    { root: parts(alone).root },
    { root: { ...parts(one).root, size: 3 } },
    { root: { ...parts(one).root, index: -1 } },
    { root: { ...parts(one).root, gateway: 'gateway_2' } },
    { leaf: null },
  ]) {
    assert.ok(!mixed(change).ok, JSON.stringify(change));
  }
  for (const text of ['', 'null', '[]', '{}', '{"leaf":{}}', '{"leaf":"\\ud800"}', 'x'.repeat(300_000)]) {
    assert.ok(!checkReceipt(text, signer.publicKey).ok);
  }
});
