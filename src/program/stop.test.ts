import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countryTag, isCountry, readCountryTerm, UNKNOWN_COUNTRY } from './nationality.ts';
import {
  isEmpty,
  isInForce,
  isWide,
  matchesStop,
  NARROW_STOP_KEYS,
  namedAttributes,
  type Stop,
  type StopAttributes,
  type StopTerms,
} from './stop.ts';

const TAG_KEY = Buffer.alloc(32, 1);
const tag = (country: string) => countryTag(TAG_KEY, country);
const term = (text: string) => readCountryTerm(text, TAG_KEY);
const NONE: StopTerms = {
  model: undefined,
  organisation: undefined,
  person: undefined,
  country: undefined,
  tier: undefined,
  tool: undefined,
  key: undefined,
};
const CALL: StopAttributes = {
  model: 'm1',
  organisation: 'organisation_a',
  forOrganisation: 'organisation_b',
  person: 'person_p',
  countryTags: [tag('US')],
  tier: 'partner',
  key: 'apikey_k',
  tools: ['bash', 'browser'],
};
const matches = (terms: Partial<StopTerms>, call: Partial<StopAttributes> = {}, restored: readonly string[] = []) =>
  matchesStop({ terms: { ...NONE, ...terms }, restored }, { ...CALL, ...call });

const CELLS: readonly [keyof StopTerms, Partial<StopTerms>, Partial<StopTerms>][] = [
  ['model', { model: 'm1' }, { model: 'm2' }],
  ['organisation', { organisation: 'organisation_a' }, { organisation: 'organisation_c' }],
  ['organisation', { organisation: 'organisation_b' }, { organisation: 'm1' }],
  ['person', { person: 'person_p' }, { person: 'person_q' }],
  ['country', { country: term('US') }, { country: term('KR') }],
  ['country', { country: term('!KR') }, { country: term('!US') }],
  ['tier', { tier: 'partner' }, { tier: 'internal' }],
  ['tool', { tool: 'browser' }, { tool: 'fetch' }],
  ['key', { key: 'apikey_k' }, { key: 'apikey_l' }],
];

for (const [name, hit, miss] of CELLS) {
  test(`a stop by ${name} takes in ${JSON.stringify(Object.values(hit)[0])} and not another`, () => {
    assert.equal(matches(hit), true);
    assert.equal(matches(miss), false);
  });
}

test('all that a stop names must hold: any two attributes are an AND', () => {
  for (const [one, hit] of CELLS) {
    for (const [other, , miss] of CELLS) {
      if (one !== other) assert.equal(matches({ ...hit, ...miss }), false, `${one} and not ${other}`);
    }
    for (const [other, alsoHit] of CELLS) {
      if (one !== other) assert.equal(matches({ ...hit, ...alsoHit }), true, `${one} and ${other}`);
    }
  }
});

test('a stop that names nothing stops nothing', () => {
  assert.equal(isEmpty(NONE), true);
  assert.equal(matches({}), false);
});

test('everyone but a country: foreigners, the unknown, and whoever works for a foreign or unknown organisation', () => {
  for (const [tags, expected] of [
    [[tag('US')], false],
    [[tag('US'), tag('US')], false],
    [[tag('KR')], true],
    [[tag('US'), tag('KR')], true],
    [[UNKNOWN_COUNTRY], true],
    [[tag('US'), UNKNOWN_COUNTRY], true],
    [[], true],
  ] as const) {
    assert.equal(matches({ country: term('!US') }, { countryTags: tags }), expected, JSON.stringify(tags));
  }
});

test('a country by name takes in neither the unknown nor anybody else', () => {
  assert.equal(matches({ country: term('US') }, { countryTags: [UNKNOWN_COUNTRY] }), false);
  assert.equal(matches({ country: term('US') }, { countryTags: [tag('KR'), tag('US')] }), true);
});

test('the restored pass, by organisation, by the one they work for, by person and by key; all others stay stopped', () => {
  for (const id of ['organisation_a', 'organisation_b', 'person_p', 'apikey_k']) {
    assert.equal(matches({ model: 'm1' }, {}, [id]), false, id);
  }
  assert.equal(matches({ model: 'm1' }, {}, ['organisation_c', 'm1']), true);
  assert.equal(matches({ model: 'm1' }, { forOrganisation: undefined }, ['organisation_b']), true);
});

test('a country is two capital letters, with or without an exclamation mark before it', () => {
  for (const wrong of ['', 'us', 'USA', 'U', '!', '!!US', 'US!', 'U5', ' US']) {
    assert.equal(term(wrong), undefined, wrong);
  }
  assert.equal(isCountry('US'), true);
});

test('a tag tells the country only to who has the key, and two countries never share one', () => {
  assert.notEqual(countryTag(Buffer.alloc(32, 2), 'US'), tag('US'));
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Z]{2}$/), fc.stringMatching(/^[A-Z]{2}$/), (one, other) => {
      assert.equal(tag(one) === tag(other), one === other);
    }),
  );
});

test('wide: whatever names no organisation, person or key, and whatever touches many keys', () => {
  const wide = (terms: Partial<StopTerms>, keys: number) => isWide({ ...NONE, ...terms }, keys);
  for (const terms of [{ model: 'm1' }, { country: term('US') }, { tier: 'partner' }, { tool: 'bash' }] as const) {
    assert.equal(wide(terms, 0), true, JSON.stringify(terms));
  }
  for (const terms of [{ organisation: 'o' }, { person: 'p' }, { key: 'k' }, { organisation: 'o', model: 'm1' }]) {
    assert.equal(wide(terms, NARROW_STOP_KEYS), false, JSON.stringify(terms));
    assert.equal(wide(terms, NARROW_STOP_KEYS + 1), true, JSON.stringify(terms));
  }
});

test('a stop is in force until the instant it expires or is lifted', () => {
  const at = new Date('2026-06-12T17:21:00Z');
  const stop = { liftedAt: undefined, expiresAt: at } as Stop;
  assert.equal(isInForce(stop, new Date(at.getTime() - 1)), true);
  assert.equal(isInForce(stop, at), false);
  assert.equal(isInForce({ ...stop, expiresAt: undefined }, at), true);
  assert.equal(isInForce({ ...stop, expiresAt: undefined, liftedAt: at }, at), false);
});

test('for the public a stop by country is one by jurisdiction, and no value is named', () => {
  assert.deepEqual(namedAttributes({ ...NONE, country: term('!US'), person: 'person_p' }), ['person', 'jurisdiction']);
});
