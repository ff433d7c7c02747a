import assert from 'node:assert/strict';
import { test } from 'node:test';
import { houseCase, houseDocuments } from '../../test/support/release.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Decision } from './decide.ts';
import { evaluate } from './evaluate.ts';
import { readSafetyCase } from './safety-case.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ASKED = { model: 'm1', modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' };

type Loose = { [name: string]: Json };
type Draft = { [list in 'ways' | 'claims' | 'safeguards' | 'evidence' | 'reviews']: Loose[] } & Loose;

function decided(change: (draft: Draft) => void, claims?: Parameters<typeof houseDocuments>[1]): Decision {
  const outcome = evaluate(houseDocuments(ASKED, claims, undefined, (draft) => change(draft as Draft)));
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value;
}
const whys = (decision: Decision): string => decision.refused.map(({ place, why }) => `${place}: ${why}`).join('\n');

test('a case that covers every way of harm on evidence that meets its thresholds carries the stage, and its digest stands in the decision', () => {
  const decision = decided(() => {});
  assert.equal(decision.granted, true, whys(decision));
  assert.match(decision.inputs.safetyCase ?? '', /^sha256:[0-9a-f]{64}$/);
  assert.ok(decision.inputs.evidence.includes(decision.inputs.safetyCase ?? ''));
});

const BROKEN: readonly [name: string, change: (draft: Draft) => void, told: RegExp][] = [
  ['a way of harm without a claim', ({ claims }) => void claims.pop(), /ways\/2 \(early-leak\)\): no claim covers it/],
  [
    'a claim without a safeguard',
    ({ claims }) => void delete claims[0]?.safeguards,
    /access-held\)\): it rests on no safeguard/,
  ],
  [
    'a safeguard without evidence',
    ({ safeguards }) => void Object.assign(safeguards[0] ?? {}, { evidence: [] }),
    /\(gate\)\): it rests on no evidence/,
  ],
  [
    'evidence without a threshold',
    ({ evidence }) => void delete evidence[0]?.threshold,
    /\(tested\)\): a result has the threshold/,
  ],
  [
    'evidence that nobody has',
    ({ evidence }) => void Object.assign(evidence[0] ?? {}, { result: 'a dream' }),
    /no result a dream is at hand/,
  ],
  [
    'a metric that nobody measured',
    ({ evidence }) => void evidence.push({ id: 'm', text: 'x', metric: 'bound', threshold: { atMost: 1 } }),
    /no metric bound was measured/,
  ],
  [
    'a residual risk that is not stated',
    ({ ways }) => void delete ways[0]?.residual,
    /its residual risk is not stated/,
  ],
  [
    'a high residual risk that nobody accepted',
    ({ ways }) => void Object.assign(ways[0]?.residual ?? {}, { risk: 'high' }),
    /is high, and nobody has accepted it/,
  ],
  [
    'a way of the framework that is not among them',
    ({ ways }) => void Object.assign(ways[1] ?? {}, { of: [] }),
    /the way of harm stolen-access of house is covered by none/,
  ],
  [
    'a crossed category that is not among them',
    ({ ways }) => void ((ways[0] as Loose).of as Loose[]).pop(),
    /the category cyber of house is covered by none/,
  ],
  [
    'a name that means nothing',
    ({ claims }) => void Object.assign(claims[0] ?? {}, { safeguards: ['moat'] }),
    /there is no moat among the safeguards/,
  ],
  [
    'a name that means two things',
    ({ safeguards }) => void Object.assign(safeguards[1] ?? {}, { id: 'gate' }),
    /has the same name/,
  ],
  [
    'another model',
    (draft) => void Object.assign(draft, { modelDigest: `sha256:${'b'.repeat(64)}` }),
    /it is about sha256:b/,
  ],
  [
    'a stage further in',
    (draft) => void Object.assign(draft, { stage: 'internal' }),
    /argues for internal, and partners is asked/,
  ],
  [
    'time that is over',
    (draft) => void Object.assign(draft, { validUntil: '2026-11-19T00:00:00Z' }),
    /it was valid until/,
  ],
  [
    'a review that nobody signed',
    ({ reviews }) => void Object.assign(reviews[0] ?? {}, { statement: `sha256:${'0'.repeat(64)}` }),
    /is no signed statement of this dossier/,
  ],
  [
    'a form that is not known',
    (draft) => void Object.assign(draft, { trustMe: true }),
    /must NOT have additional properties: trustMe/,
  ],
];
for (const [name, change, told] of BROKEN) {
  test(`nothing opens on a case with ${name}`, () => {
    const decision = decided(change);
    assert.deepEqual([decision.granted, decision.stage], [false, 'closed']);
    assert.match(whys(decision), told);
  });
}

test('evidence below its threshold, and a metric beyond its own, carry nothing', () => {
  const failing = decided(
    () => {},
    (claims) => {
      for (const [, claim] of claims) if (claim.name === 'containment-evaluation') claim.value = 'fail';
    },
  );
  assert.match(whys(failing), /containment-evaluation is fail; pass is required/);
  const bound = { id: 'bound', text: 'x', metric: 'breach-bound', threshold: { atMost: 0.05 } };
  const measured = (value: number) =>
    decided(
      ({ evidence }) => void evidence.push(bound),
      (claims) =>
        void claims.push(['metrics', { name: 'breach-bound', value, source: 'runs', at: '2026-11-19T00:00:00Z' }]),
    );
  assert.match(whys(measured(0.06)), /breach-bound is 0.06 \(runs\); at most 0.05 is required/);
  assert.equal(measured(0.05).granted, true);
});

test('a case that is required and that nobody stands for blocks, as does one that is not at hand', () => {
  const documents = houseDocuments(ASKED);
  const { statements } = documents.dossier as { readonly statements: readonly string[] };
  const without = { ...(documents.dossier as Loose), statements: statements.slice(0, -1) };
  const missing = evaluate({ ...documents, dossier: without });
  assert.ok(missing.ok && !missing.value.granted);
  assert.ok(missing.value.missing.some(({ id }) => id === 'safety-case'));
  const { safetyCase = '' } = decided(() => {}).inputs;
  const lost = evaluate({ ...documents, find: (hash) => (hash === safetyCase ? undefined : documents.find(hash)) });
  assert.ok(lost.ok && !lost.value.granted);
  assert.match(whys(lost.value), /is not at hand/);
});

test('what the form itself refuses is told with its place', () => {
  const read = readSafetyCase({ ...houseCase(ASKED, DIGEST), ways: [] });
  assert.ok(!read.ok);
  assert.equal(read.refusal.place, '/ways');
});
