/** Seven real cases of 2025 and 2026, each with what should have come out. Outcomes in public reports; models by their names there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { type Decision, decide } from './decide.ts';
import { determine } from './determination.ts';
import { readDossierValue } from './dossier.ts';
import { diffFrameworks } from './framework-diff.ts';
import { readFrameworkValue } from './read-framework.ts';
import { shippedDocuments, shippedFrameworks } from './shipped.ts';

type Given = { readonly [name: string]: Json };

const SHIPPED = shippedFrameworks();
const HASH = (letter: string) => `sha256:${letter.repeat(64)}`;
const E = [HASH('e')];

function dossierOf(given: Given) {
  const dossier = readDossierValue({ modelDigest: HASH('a'), ...given });
  assert.ok(dossier.ok, JSON.stringify(dossier));
  return dossier.value;
}

function decided(given: Given, ...ids: string[]): Decision {
  const frameworks = ids.map((id) => SHIPPED.get(id)).filter((each) => each !== undefined);
  assert.equal(frameworks.length, ids.length);
  return decide(frameworks, dossierOf(given));
}

const determination = (framework: string, category: string, level: string, value: string) => ({
  framework,
  category,
  level,
  value,
  evidence: E,
});
const preparedness = (cyber: string, level = 'High') => [
  determination('openai-preparedness', 'biochem', 'High', 'not-crossed'),
  determination('openai-preparedness', 'self-improvement', 'High', 'not-crossed'),
  determination('openai-preparedness', 'cyber', level, cyber),
];
const result = (name: string, letter: string, value = 'pass') => ({ name, value, digest: HASH(letter) });
const standing = (...ids: string[]) => ids.map((id) => ({ id, standing: true, evidence: E }));
const blocking = ({ bindingRules }: Decision) =>
  bindingRules.flatMap(({ framework, clause, outcome }) => (outcome === 'blocks' ? [`${framework} ${clause}`] : []));

test('GPT-5.3-Codex: High in cyber could not be ruled out, and is gated as High', () => {
  const given = {
    model: 'gpt-5.3-codex',
    asOf: '2026-02-05T00:00:00Z',
    stage: 'general',
    determinations: [
      ...preparedness('cannot-rule-out'),
      determination('openai-preparedness', 'cyber', 'Critical', 'not-crossed'),
    ],
    results: [result('capabilities-report', 'c')],
  };
  const bare = decided(given, 'openai-preparedness');
  assert.equal(bare.granted, false);
  assert.deepEqual(blocking(bare), ['openai-preparedness cyber-High', 'openai-preparedness cyber-High-security']);
  const guarded = {
    ...given,
    results: [...given.results, result('safeguards-report', 'd')],
    safeguards: standing('trust-based-access', 'reliable-oversight', 'security-controls-c3'),
  };
  assert.equal(decided(guarded, 'openai-preparedness').stage, 'general');
});

test('Gemini 3.7 Flash: three of four stealth tests and a void one neither reach the tracked level nor stay below it', () => {
  const draft = structuredClone(shippedDocuments.get('google-fsf')) as unknown as {
    categories: { id: string; levels: object[] }[];
  };
  const misalignment = draft.categories.find(({ id }) => id === 'misalignment');
  const names = ['stealth-1', 'stealth-2', 'stealth-3', 'stealth-4'];
  Object.assign(misalignment?.levels[0] ?? {}, { tests: { names, passes: 4 } });
  const framework = readFrameworkValue(draft as unknown as Json);
  assert.ok(framework.ok);
  const values = ['pass', 'pass', 'pass', 'invalid'];
  const dossier = dossierOf({
    model: 'gemini-3.7-flash',
    asOf: '2026-09-01T00:00:00Z',
    stage: 'general',
    results: names.map((name, at) => result(name, String(at), values[at])),
  });
  const { value, why } = determine(framework.value, dossier).find('misalignment', 'TCL');
  assert.equal(value, 'cannot-rule-out');
  assert.match(why, /3 of 4 tests passed, 1 void/);
});

test('Mythos: no rule of the RSP binds a cyber capability; the house rule does, and the decision names it', () => {
  const rsp = ['cb1', 'cb2', 'misalignment', 'auto-rnd'].map((category) =>
    determination('anthropic-rsp', category, 'threshold', 'not-crossed'),
  );
  const given = {
    model: 'mythos-preview',
    // By the version that is encoded; the one of April had no threshold for cyber either.
    asOf: '2026-07-09T00:00:00Z',
    stage: 'general',
    determinations: [...rsp, determination('house', 'cyber', 'autonomous', 'crossed')],
    flags: [{ framework: 'anthropic-rsp', flag: 'significantly-more-capable', value: false }],
    results: [
      result('sandbox-attestation', '1'),
      result('log-verification', '2'),
      result('containment-evaluation', '3'),
      result('finding-verification', '4'),
      result('safety-case', '5'),
    ],
    safeguards: standing(
      'identity-bound-access',
      'scope-as-code',
      'stop-switch',
      'sealed-disclosure',
      'misuse-monitoring',
    ),
    // Day 63 after 7 April; 75 of 530 high and critical findings were patched on day 45.
    metrics: [
      { name: 'head-start-fixed-share', value: 0.142, source: 'public report of 22 May 2026' },
      { name: 'head-start-day', value: 63, source: 'calendar' },
    ],
  };
  assert.equal(decided(given, 'anthropic-rsp').stage, 'general');
  const bound = decided(given, 'anthropic-rsp', 'house');
  assert.equal(bound.stage, 'trusted');
  assert.deepEqual(blocking(bound), ['house cyber-head-start']);
  assert.ok(SHIPPED.get('anthropic-rsp')?.notCovered.includes('cyber operations'));
});

test('“Astra”: Critical in cyber with no published Critical standard halts development and deployment', () => {
  const decision = decided(
    {
      model: 'astra',
      asOf: '2026-09-03T00:00:00Z',
      stage: 'general',
      determinations: preparedness('crossed', 'Critical'),
      results: [result('capabilities-report', 'c'), result('safeguards-report', 'd')],
      safeguards: standing(
        'trust-based-access',
        'reliable-oversight',
        'security-controls-c3',
        'security-controls-critical',
      ),
    },
    'openai-preparedness',
  );
  assert.equal(decision.stage, 'closed');
  assert.deepEqual(blocking(decision), ['openai-preparedness cyber-Critical']);
  assert.deepEqual(
    decision.missing.map(({ what, id, why }) => `${what} ${id}: ${why}`),
    ['artefact critical-standard: it does not exist'],
  );
});

test('“publicly deploy” is undefined: the answer for a ring of partners is that an interpretation is needed', () => {
  const given = {
    model: 'mythos-preview',
    asOf: '2026-07-09T00:00:00Z',
    stage: 'partners',
    determinations: ['cb1', 'cb2', 'misalignment', 'auto-rnd'].map((category) =>
      determination('anthropic-rsp', category, 'threshold', 'not-crossed'),
    ),
    flags: [{ framework: 'anthropic-rsp', flag: 'significantly-more-capable', value: true }],
  };
  const open = decided(given, 'anthropic-rsp');
  assert.deepEqual([open.stage, open.ambiguities.map(({ term }) => term)], ['internal', ['publicly deploy']]);
  const read = (...stages: string[]) => {
    const reading = {
      framework: 'anthropic-rsp',
      term: 'publicly deploy',
      meaning: 'as named',
      stages,
      signedBy: 'RSO',
    };
    return decided({ ...given, interpretations: [reading] }, 'anthropic-rsp');
  };
  assert.deepEqual([read('general').stage, read('general').ambiguities], ['partners', []]);
  const strict = read('partners');
  assert.deepEqual(
    [strict.stage, strict.ambiguities, strict.missing.map(({ id }) => id)],
    ['internal', [], ['individual-risk-analysis']],
  );
});

test('the order of 12 June 2026 suspends everything until it is lifted on 30 June', () => {
  const stageAt = (asOf: string, until: string | null) =>
    decided(
      {
        model: 'mythos-preview',
        asOf,
        stage: 'partners',
        determinations: [determination('house', 'cyber', 'uplift', 'not-crossed')],
        orders: [
          { id: 'export-control', authority: 'the authority that gave it', from: '2026-06-12T00:00:00Z', until },
        ],
      },
      'house',
    );
  assert.equal(stageAt('2026-06-11T23:59:59Z', null).stage, 'partners');
  const during = stageAt('2026-06-12T00:00:00Z', null);
  assert.deepEqual([during.stage, blocking(during)], ['closed', ['order export-control']]);
  assert.equal(stageAt('2026-06-29T23:59:59Z', '2026-06-30T00:00:00Z').stage, 'closed');
  assert.equal(stageAt('2026-06-30T00:00:00Z', '2026-06-30T00:00:00Z').stage, 'partners');
});

test('the Preparedness PDF that was replaced under its own label raises an alarm', () => {
  const after = shippedDocuments.get('openai-preparedness') ?? null;
  const before = structuredClone(after) as unknown as { source: { variants: { md5: string }[] } };
  before.source.variants = before.source.variants.filter(({ md5 }) => md5.startsWith('da07e86d'));
  assert.equal(before.source.variants.length, 1);
  const found = diffFrameworks(before as unknown as Json, after).filter(({ alarm }) => alarm);
  assert.deepEqual(
    found.map(({ clause }) => clause),
    ['source', 'label'],
  );
  assert.match(found[0]?.change ?? '', /648b1dfe1af9fa3fe37bc17100835371/);
});
