import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { diffFrameworks } from './framework-diff.ts';
import { shippedDocuments } from './shipped.ts';

type Draft = { [name: string]: unknown } & {
  [list in 'gates' | 'categories' | 'quorums' | 'clocks' | 'terms']: { [name: string]: unknown }[];
};

/** What is told of a change, the label and its alarm left out. */
function changed(id: string, change: (draft: Draft) => void) {
  const before = shippedDocuments.get(id) ?? null;
  const draft = structuredClone(before) as unknown as Draft;
  change(draft);
  return diffFrameworks(before, draft as unknown as Json);
}
const clauses = (id: string, change: (draft: Draft) => void) =>
  changed(id, change)
    .filter(({ clause }) => clause !== 'label')
    .map(({ clause, material }) => `${clause} ${material}`);

test('a file and itself do not differ', () => {
  for (const document of shippedDocuments.values())
    assert.deepEqual(diffFrameworks(document, structuredClone(document)), []);
});

test('a change of what is asked is material, told with both sides', () => {
  const table: readonly [(draft: Draft) => void, string][] = [
    [(draft) => Object.assign(draft.gates[0] ?? {}, { modality: 'EXPECT' }), 'gates/cb1-security'],
    [(draft) => Object.assign(draft.gates[0] ?? {}, { blocks: ['general'] }), 'gates/cb1-security'],
    [(draft) => Object.assign(draft.gates[0] ?? {}, { text: 'Where it suits' }), 'gates/cb1-security'],
    [(draft) => draft.gates.splice(1, 1), 'gates/cb1-deployment'],
    [
      (draft) => Object.assign(draft.categories[0] ?? {}, { levels: [{ id: 'threshold', threshold: 'none' }] }),
      'categories/cb1',
    ],
    [(draft) => Object.assign(draft.quorums[0] ?? {}, { approve: { any: ['CEO', 'RSO'] } }), 'quorums/deployment'],
    [(draft) => Object.assign(draft.clocks[1] ?? {}, { duration: 'P60D' }), 'clocks/offcycle-internal'],
    [(draft) => Object.assign(draft.clocks[1] ?? {}, { force: 'self-discretionary' }), 'clocks/offcycle-internal'],
    [(draft) => Object.assign(draft.terms[0] ?? {}, { status: 'wide' }), 'terms/publicly-deploy'],
    [(draft) => Object.assign(draft, { notCovered: [] }), 'notCovered'],
  ];
  for (const [change, clause] of table) assert.deepEqual(clauses('anthropic-rsp', change), [`${clause} true`]);
  const [duration] = changed('anthropic-rsp', (draft) => Object.assign(draft.clocks[1] ?? {}, { duration: 'P60D' }));
  assert.equal(duration?.change, 'duration: "P30D" → "P60D"');
});

test('places, addresses, order and punctuation are not material', () => {
  const table: readonly [(draft: Draft) => void, string][] = [
    [(draft) => Object.assign(draft.gates[0] ?? {}, { loc: 's9' }), 'gates/cb1-security false'],
    [(draft) => Object.assign(draft, { title: 'The policy' }), 'title false'],
    [
      (draft) => Object.assign(draft.quorums[0] ?? {}, { approve: { all: ['RSO', 'CEO'] } }),
      'quorums/deployment false',
    ],
    [
      (draft) => Object.assign(draft.gates[0] ?? {}, { text: `${String(draft.gates[0]?.text)}.` }),
      'gates/cb1-security false',
    ],
  ];
  for (const [change, expected] of table) assert.deepEqual(clauses('anthropic-rsp', change), [expected]);
  assert.deepEqual(
    clauses('anthropic-rsp', (draft) => draft.gates.reverse()),
    [],
  );
  const levels = (draft: Draft) => ((draft.categories[0]?.levels ?? []) as unknown[]).reverse();
  assert.deepEqual(clauses('openai-preparedness', levels), ['categories/biochem true']);
});

test('whatever changed behind the same label raises an alarm; under a new one it does not', () => {
  const relocated = changed('anthropic-rsp', (draft) => Object.assign(draft.gates[0] ?? {}, { loc: 's9' }));
  assert.deepEqual(
    relocated.filter(({ alarm }) => alarm).map(({ clause }) => clause),
    ['label'],
  );
  const next = changed('anthropic-rsp', (draft) => {
    Object.assign(draft, { version: '3.5', effective: '2026-12-01', supersedes: '3.4' });
    Object.assign(draft.source as object, { sha256Prefix: 'aaaaaaaa' });
  });
  assert.deepEqual(
    next.map(({ clause, material, alarm }) => [clause, material, alarm ?? false]),
    [
      ['effective', false, false],
      ['supersedes', false, false],
      ['version', false, false],
      ['source', false, false],
    ],
  );
});

test('other bytes of the source under the same label raise an alarm', () => {
  const found = changed('anthropic-rsp', (draft) =>
    Object.assign(draft.source as object, { sha256Prefix: 'aaaaaaaa' }),
  );
  assert.ok(found.some(({ clause, alarm, material }) => clause === 'source' && alarm && material));
});
