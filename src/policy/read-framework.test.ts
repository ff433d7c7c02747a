import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { isSourceVerified } from './framework.ts';
import house from './frameworks/house-2.json' with { type: 'json' };
import preparedness from './frameworks/openai-preparedness-2.json' with { type: 'json' };
import { checkTogether, MAX_FRAMEWORK_BYTES, readFramework, readFrameworkValue } from './read-framework.ts';
import { shippedFrameworks } from './shipped.ts';

type Draft = typeof house & { [name: string]: unknown };

function refused(change: (draft: Draft) => void): { kind: string; place: string; why: string } {
  const draft = structuredClone(house) as Draft;
  change(draft);
  const read = readFrameworkValue(draft as unknown as Json);
  assert.ok(!read.ok, 'it was expected to be refused');
  return read.refusal;
}

test('the shipped frameworks are read, and none claims a source that nobody has checked', () => {
  const shipped = shippedFrameworks();
  assert.deepEqual(
    [...shipped].filter(([, { gates }]) => gates.length > 0).map(([id, { version }]) => `${id} ${version}`),
    ['anthropic-rsp 3.4', 'openai-preparedness 2', 'google-fsf 3.1', 'house 2'],
  );
  for (const framework of shipped.values()) {
    assert.match(framework.digest, /^[0-9a-f]{64}$/);
    assert.equal(isSourceVerified(framework), false, framework.id);
  }
  assert.equal(shipped.get('anthropic-rsp')?.source.sha256Prefix, '6247b9e4');
  assert.equal(shipped.get('google-fsf')?.source.sha256Prefix, null);
});

test('the digest is of the content, not of its layout', () => {
  const one = readFramework(JSON.stringify(house));
  const other = readFramework(JSON.stringify(Object.fromEntries(Object.entries(house).reverse()), null, 4));
  assert.ok(one.ok && other.ok);
  assert.equal(one.value.digest, other.value.digest);
});

test('clauses that require each other are refused, with the ring', () => {
  const { kind, why } = refused((draft) => {
    draft.gates[0]?.requires.push({ clause: 'cyber-trusted' } as never);
  });
  assert.equal(kind, 'cycle');
  assert.match(why, /cyber-containment → cyber-trusted → cyber-partners → cyber-containment/);
});

test('a version that supersedes itself, or another in a ring, is refused', () => {
  assert.equal(refused((draft) => Object.assign(draft, { supersedes: '2' })).kind, 'cycle');
  const versions = ['1', '2'].map((version) => {
    const read = readFrameworkValue({ ...house, version, supersedes: version === '1' ? '2' : '1' } as unknown as Json);
    assert.ok(read.ok);
    return read.value;
  });
  assert.equal(checkTogether(versions)?.kind, 'cycle');
});

test('what a clause names and nobody defines is refused, with the place', () => {
  const changes: readonly [(draft: Draft) => void, RegExp][] = [
    [(draft) => draft.gates[0]?.requires.push({ artefact: 'nowhere' } as never), /gates\/cyber-containment.*nowhere/],
    [(draft) => draft.gates[0]?.requires.push({ safeguard: 'nowhere' } as never), /safeguard nowhere/],
    [(draft) => draft.gates[0]?.requires.push({ metric: 'nowhere', atLeast: 1 } as never), /metric nowhere/],
    [(draft) => draft.gates[0]?.requires.push({ vector: 'nowhere' } as never), /vector nowhere/],
    [(draft) => draft.gates[0]?.requires.push({ any: [{ clause: 'nowhere' }] } as never), /clause nowhere/],
    [(draft) => Object.assign(draft.gates[0] ?? {}, { when: { category: 'cyber', level: 'none' } }), /level none/],
    [(draft) => Object.assign(draft.gates[0] ?? {}, { when: { category: 'bio', level: 'none' } }), /category bio/],
    [(draft) => Object.assign(draft.gates[0] ?? {}, { when: { all: [{ flag: 'raised' }] } }), /flag raised/],
    [(draft) => Object.assign(draft.gates[0] ?? {}, { term: 'soon' }), /term soon/],
    [(draft) => Object.assign(draft, { vectors: [{ id: 'v', name: 'v', claims: ['no'], loc: null }] }), /safeguard no/],
    [
      (draft) =>
        Object.assign(draft, {
          deviations: [{ id: 'd', text: 'd', lifts: ['no'], requires: [], raises: [], loc: null }],
        }),
      /gate no/,
    ],
  ];
  for (const [change, expected] of changes) {
    const { kind, place, why } = refused(change);
    assert.equal(kind, 'unknown-clause');
    assert.match(`${place}: ${why}`, expected);
  }
});

test('a framework without a decision body for every decision is refused', () => {
  assert.equal(refused((draft) => Object.assign(draft, { quorums: [] })).kind, 'missing-quorum');
  const flags = [{ id: 'rare', name: 'rare', loc: null }];
  const special = house.quorums.map((quorum) => ({ ...quorum, when: { flag: 'rare' } }));
  assert.equal(refused((draft) => Object.assign(draft, { flags, quorums: special })).kind, 'missing-quorum');
});

test('an id that is given twice, a member that nobody knows and an empty framework are refused', () => {
  assert.equal(refused((draft) => draft.gates.push(structuredClone(draft.gates[0]) as never)).kind, 'repeated');
  assert.match(refused((draft) => Object.assign(draft, { waiver: true })).why, /waiver/);
  assert.equal(refused((draft) => Object.assign(draft.gates[0] ?? {}, { modality: 'SHOULD' })).kind, 'not-a-framework');
  assert.equal(refused((draft) => Object.assign(draft, { gates: [], quorums: [] })).kind, 'empty');
});

test('what is no framework is refused: no JSON, no object, another schema, too long, too deep', () => {
  const deep = JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`) as Json;
  assert.equal(readFrameworkValue({ schema: 'framework-encoding/0', deep }).ok, false);
  for (const text of ['', '[]', '"x"', '{"schema":"other"}', ' '.repeat(MAX_FRAMEWORK_BYTES + 1)]) {
    const read = readFramework(text);
    assert.equal(!read.ok && read.refusal.kind, 'not-a-framework');
  }
});

test('a full hash that does not begin with the prefix known is refused', () => {
  const source = { url: null, sha256: 'a'.repeat(64), sha256Prefix: 'bbbbbbbb' };
  assert.equal(refused((draft) => Object.assign(draft, { source })).place, '/source');
});

test('two frameworks of one id are not judged together, nor none at all', () => {
  const [one, two] = ['2', '3'].map((version) => {
    const read = readFrameworkValue({ ...preparedness, version } as unknown as Json);
    assert.ok(read.ok);
    return read.value;
  });
  assert.ok(one && two);
  assert.equal(checkTogether([one, one])?.kind, 'repeated');
  assert.equal(checkTogether([one, two])?.kind, 'repeated');
  assert.equal(checkTogether([])?.kind, 'empty');
  assert.equal(checkTogether([one]), undefined);
});
