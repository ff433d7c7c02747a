import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { type Decision, decide, decisionBytes, decisionSha256 } from './decide.ts';
import { readDossierValue } from './dossier.ts';
import { RELEASE_STAGES } from './framework.ts';
import { shippedFrameworks } from './shipped.ts';

const SHIPPED = shippedFrameworks();
const DIGEST = (letter: string) => `sha256:${letter.repeat(64)}`;
const MODEL = { model: 'm1', modelDigest: DIGEST('a'), asOf: '2026-11-20T00:00:00Z', stage: 'partners' };
const E = [DIGEST('e')];
type Given = { readonly [name: string]: Json };

function decided(given: Given, ...named: string[]): Decision {
  const dossier = readDossierValue({ ...MODEL, ...given });
  assert.ok(dossier.ok, JSON.stringify(dossier));
  const frameworks = named.map((id) => {
    const found = SHIPPED.get(id);
    assert.ok(found, id);
    return found;
  });
  return decide(frameworks, dossier.value);
}

const house = (level: string, value: string) => ({ framework: 'house', category: 'cyber', level, value, evidence: E });
const stands = (...ids: string[]) => ids.map((id) => ({ id, standing: true, evidence: E }));
const passes = (...names: string[]) =>
  names.map((name, at) => ({ name, value: 'pass', digest: `sha256:${at.toString(16).padStart(64, '0')}` }));

const CONTAINED = passes(
  'sandbox-attestation',
  'log-verification',
  'containment-evaluation',
  'finding-verification',
  'safety-case',
);
const GUARDED = stands('identity-bound-access', 'scope-as-code', 'stop-switch', 'sealed-disclosure');
/** Everything that the house asks for at `partners`. */
const READY = {
  determinations: [house('uplift', 'crossed'), house('autonomous', 'crossed')],
  results: CONTAINED,
  safeguards: GUARDED,
};

test('without a word about the model nothing opens, and what is missing is named', () => {
  const decision = decided({}, 'house');
  assert.deepEqual([decision.stage, decision.granted], ['closed', false]);
  assert.ok(decision.missing.every(({ what }) => what === 'determination'));
  assert.ok(decision.bindingRules.every(({ outcome }) => outcome === 'blocks'));
});

test('what is asked for is granted where everything stands, and the rules that were in force are named', () => {
  const decision = decided(READY, 'house');
  assert.deepEqual([decision.stage, decision.granted, decision.missing], ['partners', true, []]);
  assert.deepEqual(
    decision.bindingRules.map(({ clause, outcome }) => [clause, outcome]),
    [
      ['cyber-containment', 'holds'],
      ['cyber-partners', 'holds'],
    ],
  );
  assert.deepEqual(
    decision.quorum.map(({ approve }) => approve),
    [{ all: ['safeguards lead', 'release officer'] }],
  );
});

test('the stage granted is the outermost that holds, and never further out than asked', () => {
  assert.equal(decided({ ...READY, stage: 'internal' }, 'house').stage, 'internal');
  assert.equal(decided({ ...READY, stage: 'general' }, 'house').stage, 'partners');
  const monitored = { ...READY, safeguards: [...GUARDED, ...stands('misuse-monitoring')] };
  assert.equal(decided({ ...monitored, stage: 'general' }, 'house').stage, 'trusted');
  const measured = (name: string, value: number) => [{ name, value, source: 'cases' }];
  for (const [name, value, stage] of [
    ['head-start-fixed-share', 0.7, 'general'],
    ['head-start-fixed-share', 0.69, 'trusted'],
    ['head-start-day', 135, 'general'],
    ['head-start-day', 134, 'trusted'],
  ] as const) {
    assert.equal(decided({ ...monitored, stage: 'general', metrics: measured(name, value) }, 'house').stage, stage);
  }
});

test('cannot rule out gates as crossed, and not assessed opens nothing whatever stands', () => {
  const withValue = (value: string) =>
    decided({ ...READY, determinations: [house('uplift', value), house('autonomous', value)] }, 'house');
  assert.equal(withValue('cannot-rule-out').stage, withValue('crossed').stage);
  assert.equal(withValue('not-assessed').stage, 'closed');
  const open = decided({ determinations: [house('uplift', 'not-crossed')] }, 'house');
  assert.deepEqual([open.stage, open.bindingRules], ['partners', []]);
});

test('every single item that a gate requires closes it when it is gone, fails or is void', () => {
  for (const index of CONTAINED.keys()) {
    const gone = CONTAINED.filter((_, at) => at !== index);
    assert.equal(decided({ ...READY, results: gone }, 'house').granted, false);
    for (const value of ['fail', 'invalid', 'inconclusive']) {
      const results = CONTAINED.map((each, at) => (at === index ? { ...each, value } : each));
      assert.equal(decided({ ...READY, results }, 'house').granted, false, value);
    }
  }
  for (const index of GUARDED.keys()) {
    for (const change of [{ standing: false }, { evidence: [] }]) {
      const safeguards = GUARDED.map((each, at) => (at === index ? { ...each, ...change } : each));
      assert.equal(decided({ ...READY, safeguards }, 'house').granted, false);
    }
    assert.equal(decided({ ...READY, safeguards: GUARDED.filter((_, at) => at !== index) }, 'house').granted, false);
  }
});

test('bad evidence is refused with place and reason, and opens nothing', () => {
  const claim = house('uplift', 'crossed');
  const twist = (kind: keyof typeof READY, change: Given): Given => ({
    ...READY,
    [kind]: READY[kind].map((each, at): Json => (at === 0 ? { ...(each as Given), ...change } : each)),
  });
  const table: readonly [string, Given, string][] = [
    ['another-model', twist('determinations', { modelDigest: DIGEST('b') }), '/determinations/0'],
    ['another-model', twist('results', { modelDigest: DIGEST('b') }), '/results/0'],
    ['expired', twist('safeguards', { validUntil: '2026-11-19T23:59:59Z' }), '/safeguards/0'],
    ['from-the-future', twist('results', { at: '2026-11-20T00:00:01Z' }), '/results/0'],
    ['simulated', twist('results', { nature: 'simulated' }), '/results/0'],
    ['duplicated', { ...READY, determinations: [claim, claim] }, '/determinations/1'],
    [
      'duplicated',
      { ...READY, results: [...CONTAINED, { ...CONTAINED[0], name: 'another name' } as Json] },
      '/results/5',
    ],
    ['contradictory', { ...READY, determinations: [claim, house('uplift', 'not-crossed')] }, '/determinations/0'],
    ['contradictory', { ...READY, safeguards: [...GUARDED, { id: 'stop switch', standing: false }] }, '/safeguards/4'],
    ['unknown-clause', { ...READY, determinations: [house('none', 'not-crossed')] }, '/determinations (house/cyber)'],
    [
      'unsigned',
      { ...READY, interpretations: [{ framework: 'house', term: 't', meaning: 'm' }] },
      '/interpretations/0',
    ],
    [
      'unsigned',
      { ...READY, interpretations: [{ framework: 'house', term: 't', meaning: 'm', signedBy: ' ' }] },
      '/interpretations/0',
    ],
  ];
  for (const [kind, given, place] of table) {
    const decision = decided(given, 'house');
    assert.deepEqual([decision.stage, decision.granted], ['closed', false], kind);
    const found = decision.refused.find((each) => each.kind === kind && each.place === place);
    assert.ok(found?.why, `${kind} at ${place}: ${JSON.stringify(decision.refused)}`);
  }
});

test('simulated evidence counts for a demonstration', () => {
  const results = CONTAINED.map((each) => ({ ...each, nature: 'simulated' }));
  assert.equal(decided({ ...READY, results, demonstration: true }, 'house').granted, true);
});

test('a failed result that nothing accounts for blocks', () => {
  const stray = { name: 'stray', value: 'fail', digest: DIGEST('f') };
  const decision = decided({ ...READY, results: [...CONTAINED, stray] }, 'house');
  assert.equal(decision.granted, false);
  assert.deepEqual(
    decision.missing.map(({ what, id }) => [what, id]),
    [['account', 'stray']],
  );
});

test('an order suspends everything while it is in force, even where it says so badly', () => {
  const order = { id: 'o1', authority: 'an office', from: '2026-11-01T00:00:00Z' };
  const stageUnder = (change: Given) => decided({ ...READY, orders: [{ ...order, ...change }] }, 'house').stage;
  assert.equal(stageUnder({}), 'closed');
  assert.equal(stageUnder({ until: '2026-11-20T00:00:01Z' }), 'closed');
  assert.equal(stageUnder({ until: '2026-11-20T00:00:00Z' }), 'partners');
  assert.equal(stageUnder({ from: '2026-11-20T00:00:01Z' }), 'partners');
  assert.equal(
    decided({ ...READY, orders: [order, { ...order, until: '2026-11-02T00:00:00Z' }] }, 'house').stage,
    'closed',
  );
});

test('of several frameworks the strictest wins, in whatever order they are given', () => {
  const open = ['biochem', 'cyber', 'self-improvement'].map((category) => ({
    framework: 'openai-preparedness',
    category,
    level: 'High',
    value: 'not-crossed',
    evidence: E,
  }));
  const given = { ...READY, determinations: [...READY.determinations, ...open] };
  const complete = {
    ...given,
    results: [...CONTAINED, { name: 'capabilities report', value: 'pass', digest: DIGEST('c') }],
  };
  assert.equal(decided(complete, 'house', 'openai-preparedness').stage, 'partners');
  const bound = decided({ ...complete, stage: 'trusted' }, 'openai-preparedness', 'house');
  assert.equal(bound.stage, 'partners');
  const [rule] = bound.bindingRules.filter(({ outcome }) => outcome === 'blocks');
  assert.deepEqual([rule?.framework, rule?.clause], ['house', 'cyber-trusted']);
  assert.equal(
    decisionSha256(bound),
    decisionSha256(decided({ ...complete, stage: 'trusted' }, 'house', 'openai-preparedness')),
  );
});

test('a framework that took effect later than the instant decided on is refused', () => {
  const decision = decided({ ...READY, asOf: '2026-04-06T23:59:59Z' }, 'house');
  assert.deepEqual(
    decision.refused.map(({ kind }) => kind),
    ['from-the-future'],
  );
  assert.equal(decision.stage, 'closed');
});

test('what is only expected is reported and closes nothing', () => {
  const fsf = (category: string) => ({
    framework: 'google-fsf',
    category,
    level: 'CCL',
    value: 'crossed',
    evidence: E,
  });
  const categories = ['cbrn', 'cyber', 'harmful-manipulation', 'ml-rnd', 'misalignment'];
  const results = passes('early-warning-evaluation', 'safety-case');
  const decision = decided({ determinations: categories.map(fsf), results }, 'google-fsf');
  assert.equal(decision.granted, true);
  assert.equal(decision.expectations.length, 10);
  const without = decided({ determinations: categories.map(fsf), results: results.slice(0, 1) }, 'google-fsf');
  assert.equal(without.stage, 'internal');
  assert.equal(
    decided({ determinations: categories.map(fsf), results: results.slice(0, 1), highRiskInternal: true }, 'google-fsf')
      .stage,
    'closed',
  );
});

const HIGH = {
  determinations: ['biochem', 'cyber', 'self-improvement'].flatMap((category) => [
    { framework: 'openai-preparedness', category, level: 'High', value: 'crossed', evidence: E },
    { framework: 'openai-preparedness', category, level: 'Critical', value: 'not-crossed', evidence: E },
  ]),
  safeguards: stands('security-controls-c3'),
};
const DEVIATION = {
  framework: 'openai-preparedness',
  deviation: 'marginal-risk-adjustment',
  reason: 'another developer shipped without',
  at: '2026-11-01T00:00:00Z',
  publishedAt: '2026-11-02T00:00:00Z',
  expiresAt: '2026-12-01T00:00:00Z',
  signedBy: 'Leadership',
};
const SHOWN = passes(
  'capabilities-report',
  'other-developer-confirmed',
  'overall-risk-unchanged',
  'publicly-acknowledged',
  'still-more-protective',
);

test('a deviation lifts a gate only if it is of the framework, published, in time, signed and shown', () => {
  const under = (change: Given, results: readonly Json[] = SHOWN) =>
    decided({ ...HIGH, results, deviations: [{ ...DEVIATION, ...change }] }, 'openai-preparedness');
  const good = under({});
  assert.deepEqual(
    [good.stage, good.bindingRules.filter(({ outcome }) => outcome === 'deviates').length],
    ['partners', 3],
  );
  assert.deepEqual(
    good.deviations.map(({ deviation }) => deviation),
    ['marginal-risk-adjustment'],
  );
  for (const change of [
    { publishedAt: null },
    { publishedAt: '2026-11-21T00:00:00Z' },
    { expiresAt: '2026-11-20T00:00:00Z' },
    { deviation: 'another' },
    { signedBy: ' ' },
    { at: '2026-11-21T00:00:00Z' },
  ]) {
    assert.deepEqual([under(change).granted, under(change).refused.length], [false, 1], JSON.stringify(change));
  }
  for (const at of SHOWN.keys()) assert.equal(under({}, SHOWN.toSpliced(at, 1)).granted, false);
});

test('a decision is the same bytes for the same inputs, and names each of them', () => {
  const one = decided(READY, 'house');
  assert.ok(decisionBytes(one).equals(decisionBytes(decided(READY, 'house'))));
  assert.deepEqual(one.inputs.evidence.length, 6);
  assert.match(one.inputs.frameworks[0]?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
  assert.equal(one.inputs.frameworks[0]?.sourceVerified, false);
  assert.notEqual(decisionSha256(one), decisionSha256(decided({ ...READY, modelDigest: DIGEST('b') }, 'house')));
});

test('no subset of what is needed opens more than all of it', () => {
  const all = { ...READY, safeguards: [...GUARDED, ...stands('misuse-monitoring')], stage: 'general' };
  const full = RELEASE_STAGES.indexOf(decided(all, 'house').stage as 'internal');
  for (let mask = 0; mask < 1 << 9; mask++) {
    const keep = <T>(list: readonly T[], from: number) => list.filter((_, at) => mask & (1 << (from + at)));
    const given = { ...all, results: keep(CONTAINED, 0), safeguards: keep(all.safeguards, 4) };
    assert.ok(RELEASE_STAGES.indexOf(decided(given, 'house').stage as 'internal') <= full);
  }
});

test('a dossier in a form that is not known is refused with the place', () => {
  const table: readonly [Given, string][] = [
    [{ stage: 'everyone' }, '/stage'],
    [{ asOf: '2026-02-31T00:00:00Z' }, '/asOf'],
    [{ asOf: '2026-11-20' }, '/asOf'],
    [{ modelDigest: 'md5:1' }, '/modelDigest'],
    [{ determinations: [{ framework: 'house', category: 'cyber', value: 'maybe' }] }, '/determinations/0/value'],
    [{ results: [{ name: 'x', value: 'ok', digest: DIGEST('e') }] }, '/results/0/value'],
    [{ waiver: true }, ''],
  ];
  for (const [given, place] of table) {
    const read = readDossierValue({ ...MODEL, ...given });
    assert.equal(!read.ok && read.refusal.place, place, JSON.stringify(read));
  }
});
