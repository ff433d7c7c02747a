import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { type Decision, decisionBytes } from './decide.ts';
import { decideWithEnd } from './decide-with-end.ts';
import { readDossierValue } from './dossier.ts';
import { documentBytes, documentHash } from './evaluate.ts';
import { readFrameworkValue } from './read-framework.ts';
import { shippedFrameworks } from './shipped.ts';

type Given = { readonly [name: string]: Json };
type Claim = { readonly [name: string]: Json };
const SHIPPED = shippedFrameworks();
const DIGEST = (letter: string): string => `sha256:${letter.repeat(64)}`;
const E = [DIGEST('e')];
const SHOWN = [
  'capabilities-report',
  'other-developer-confirmed',
  'overall-risk-unchanged',
  'publicly-acknowledged',
  'still-more-protective',
].map((name, at): Claim => ({ name, value: 'pass', digest: `sha256:${at.toString(16).padStart(64, '0')}` }));
const not = (category: string): Claim => ({
  ...{ framework: 'openai-preparedness', category, level: 'Critical', value: 'not-crossed', evidence: E },
});
const DEVIATION: Claim = {
  framework: 'openai-preparedness',
  deviation: 'marginal-risk-adjustment',
  reason: 'another developer shipped without',
  at: '2026-11-01T00:00:00Z',
  publishedAt: '2026-11-02T00:00:00Z',
  expiresAt: '2026-12-01T00:00:00Z',
  signedBy: 'Leadership',
};
const SET_ASIDE: Given = {
  ...{ model: 'm1', modelDigest: DIGEST('a'), asOf: '2026-11-20T00:00:00Z', stage: 'partners' },
  determinations: [
    ...['biochem', 'self-improvement', 'cyber'].map(
      (category): Claim => ({ ...not(category), level: 'High', value: 'crossed' }),
    ),
    ...['biochem', 'self-improvement', 'cyber'].map(not),
  ],
  safeguards: [{ id: 'security-controls-c3', standing: true, evidence: E }],
  results: SHOWN,
  deviations: [DEVIATION],
};

function decided(given: Given, id = 'openai-preparedness'): Decision {
  const dossier = readDossierValue(given);
  const framework = SHIPPED.get(id);
  assert.ok(dossier.ok && framework, JSON.stringify(dossier));
  return decideWithEnd([framework], dossier.value);
}

const before = (instant: string): string => new Date(Date.parse(instant) - 1).toISOString();

test('a decision that sets a gate aside ends with its deviation, and says so', () => {
  const { ends, granted } = decided(SET_ASIDE);
  assert.equal(granted, true);
  assert.deepEqual(ends, {
    ...{ at: '2026-12-01T00:00:00.000Z', what: 'deviation' },
    place: 'openai-preparedness/marginal-risk-adjustment',
  });
});

test('up to the millisecond before its end the same documents give the stage, and from its end on they do not', () => {
  const dated = (list: Json, change: Claim): Json[] =>
    (list as readonly Claim[]).map((each) => ({ ...each, ...change }));
  const [soon, late] = [{ validUntil: '2026-11-25T12:00:00Z' }, { validUntil: '2027-02-01T00:00:00Z' }];
  const order = { id: 'order-1', authority: 'an office', from: '2026-11-22T00:00:00Z', until: '2026-11-23T00:00:00Z' };
  const table: readonly [Given, string][] = [
    [SET_ASIDE, 'deviation'],
    [{ ...SET_ASIDE, results: dated(SHOWN, soon) }, 'evidence'],
    [{ ...SET_ASIDE, results: dated(SHOWN, late) }, 'deviation'],
    [{ ...SET_ASIDE, determinations: dated(SET_ASIDE.determinations ?? [], soon) }, 'evidence'],
    [{ ...SET_ASIDE, orders: [order] }, 'order'],
  ];
  for (const [given, what] of table) {
    const { ends } = decided(given);
    assert.equal(ends?.what, what);
    const at = ends?.at ?? '';
    assert.equal(decided({ ...given, asOf: before(at) }).granted, true, what);
    assert.equal(decided({ ...given, asOf: at }).granted, false, what);
    assert.equal(decided({ ...given, asOf: at }).ends, null, 'what is not granted does not end');
  }
});

test('of several that end the first counts, whatever the order they stand in', () => {
  const other = { ...DEVIATION, deviation: 'another', framework: 'some-other' };
  for (const deviations of [
    [DEVIATION, other],
    [other, DEVIATION],
  ])
    assert.equal(decided({ ...SET_ASIDE, deviations }).ends?.place, 'openai-preparedness/marginal-risk-adjustment');
  const twice = [{ ...SHOWN[0], validUntil: '2026-11-24T00:00:00Z' }, ...SHOWN.slice(1)] as Json[];
  const { ends } = decided({ ...SET_ASIDE, results: twice });
  assert.deepEqual([ends?.what, ends?.place], ['evidence', '/results/0']);
});

test('an order that never comes into force ends nothing, nor does a deviation of rules that are not judged', () => {
  const order = { id: 'order-1', authority: 'an office', from: '2026-11-22T00:00:00Z', until: '2026-11-22T00:00:00Z' };
  assert.equal(decided({ ...SET_ASIDE, orders: [order] }).ends?.what, 'deviation');
  const ours = { ...golden('case-covers-everything').dossier, deviations: [DEVIATION] } as Given;
  assert.notEqual(decidedWithCase(ours).ends?.what, 'deviation');
});

interface Golden {
  readonly frameworks: readonly Json[];
  readonly dossier: Given;
  readonly documents: readonly Json[];
}

const golden = (name: string): Golden =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'golden', '3', `${name}.json`), 'utf8')) as Golden;

function decidedWithCase(given: Given): Decision {
  const { frameworks, documents } = golden('case-covers-everything');
  const files = new Map(documents.map((each) => [documentHash(each), documentBytes(each)]));
  const dossier = readDossierValue(given);
  const read = frameworks.map((each) => readFrameworkValue(each));
  assert.ok(dossier.ok && read.every(({ ok }) => ok));
  return decideWithEnd(
    read.flatMap((each) => (each.ok ? [each.value] : [])),
    dossier.value,
    [],
    [],
    (hash) => files.get(hash),
  );
}

test('a decision that rests on a safety case ends when the case does', () => {
  const { dossier } = golden('case-covers-everything');
  const { ends } = decidedWithCase(dossier);
  assert.equal(ends?.what, 'safety-case');
  const at = ends?.at ?? '';
  assert.equal(decidedWithCase({ ...dossier, asOf: before(at) }).granted, true);
  assert.equal(decidedWithCase({ ...dossier, asOf: at }).granted, false);
});

test('a reading with an end ends the decision that needs it', () => {
  const { dossier, frameworks } = JSON.parse(
    readFileSync(join(import.meta.dirname, 'golden', '3', 'rsp-interpretation-needed.json'), 'utf8'),
  ) as Golden;
  const reading = {
    ...{ framework: 'anthropic-rsp', term: 'publicly deploy', meaning: 'general use', stages: ['general'] },
    ...{ signedBy: 'RSO', at: '2026-11-01T00:00:00Z', validUntil: '2026-12-24T00:00:00Z' },
  };
  const given = { ...dossier, interpretations: [reading] } as Given;
  assert.equal(frameworks.length, 1);
  const { ends, granted } = decided(given, 'anthropic-rsp');
  assert.deepEqual([granted, ends?.what, ends?.at], [true, 'interpretation', '2026-12-24T00:00:00.001Z']);
  assert.equal(decided({ ...given, asOf: ends?.at ?? '' }, 'anthropic-rsp').granted, false);
});

test('what ends nothing is open until somebody decides otherwise, and the same inputs give the same bytes', () => {
  const { deviations: _, ...plain } = SET_ASIDE;
  const below = {
    ...plain,
    determinations: ['biochem', 'self-improvement', 'cyber'].map((each) => ({ ...not(each), level: 'High' })),
  };
  const decision = decided(below);
  assert.deepEqual([decision.granted, decision.ends, decision.semantics], [true, null, 4]);
  assert.ok(decisionBytes(decided(SET_ASIDE)).equals(decisionBytes(decided(SET_ASIDE))));
});
