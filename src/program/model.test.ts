import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ModelInput, openTo, readModel } from './model.ts';

const PRICES = {
  input: 5_000_000,
  output: 25_000_000,
  cacheWrite5m: 6_250_000,
  cacheWrite1h: 10_000_000,
  cacheRead: 0,
};
const GOOD: ModelInput = {
  id: 'm1',
  protocol: 'anthropic',
  url: 'https://provider.example/',
  apiKeyEnv: 'PROVIDER_KEY',
  prices: PRICES,
};

test('a model with its prices is read, and what is not said has a default', () => {
  const model = readModel(GOOD);
  assert.ok(model.ok);
  assert.deepEqual(model.value.prices, PRICES);
  assert.equal(model.value.upstreamName, 'm1');
  assert.equal(model.value.onLeave, 'abort');
  assert.ok(model.value.maxOutputTokens <= model.value.contextTokens);
});

test('prices may depend on the length of what is sent', () => {
  const tiers = [
    { aboveInputTokens: 100_000, ...PRICES },
    { aboveInputTokens: 200_000, ...PRICES },
  ];
  const model = readModel({ ...GOOD, prices: { ...PRICES, tiers } });
  assert.ok(model.ok);
  assert.deepEqual(model.value.prices, { ...PRICES, tiers });
  const plain = readModel({ ...GOOD, prices: { ...PRICES, tiers: [] } });
  assert.ok(plain.ok);
  assert.deepEqual(plain.value.prices, PRICES);
});

const TIER = { aboveInputTokens: 100_000, ...PRICES };
const tiersOf = (...tiers: unknown[]): Partial<ModelInput> => ({ prices: { ...PRICES, tiers } });

const WRONG: readonly [string, Partial<ModelInput>][] = [
  ['a name with a line end', { id: 'm1\nx' }],
  ['no name', { id: '' }],
  ['another protocol', { protocol: 'grpc' }],
  ['an address with a login', { url: 'https://user:secret@provider.example' }],
  ['an address that is no web address', { url: 'file:///etc/passwd' }],
  ['an address with a query', { url: 'https://provider.example/?key=1' }],
  ['a key in place of the name of a variable', { apiKeyEnv: 'sk-ant-123' }],
  ['no prices', { prices: undefined }],
  ['a price missing', { prices: { ...PRICES, cacheRead: undefined } }],
  ['a price below nothing', { prices: { ...PRICES, output: -1 } }],
  ['a broken price', { prices: { ...PRICES, output: 0.5 } }],
  ['a price as text', { prices: { ...PRICES, output: '5' } }],
  ['a price nobody knows', { prices: { ...PRICES, audio: 1 } }],
  ['price tiers that are no list', { prices: { ...PRICES, tiers: TIER } }],
  ['a price tier without a length', tiersOf({ ...TIER, aboveInputTokens: undefined })],
  ['a price tier that begins at nothing', tiersOf({ ...TIER, aboveInputTokens: 0 })],
  ['price tiers out of order', tiersOf(TIER, TIER)],
  ['a price tier with a price missing', tiersOf({ ...TIER, output: undefined })],
  ['a price tier with a price nobody knows', tiersOf({ ...TIER, audio: 1 })],
  ['a price tier within a price tier', tiersOf({ ...TIER, tiers: [] })],
  [
    'more price tiers than anybody has',
    tiersOf(...Array.from({ length: 9 }, (_, at) => ({ ...TIER, aboveInputTokens: at + 1 }))),
  ],
  ['an answer longer than the context', { contextTokens: 10, maxOutputTokens: 11 }],
  ['half a token', { contextTokens: 10.5 }],
  ['an unknown tier', { minTier: 'everyone' }],
  ['an unknown way to leave', { onLeave: 'wait' }],
];
for (const [name, change] of WRONG) {
  test(`refused: ${name}`, () => assert.equal(readModel({ ...GOOD, ...change }).ok, false));
}

test("a model is open as far as both the operator and the decision say, and the operator's word binds alone before one", () => {
  const model = readModel({ ...GOOD, minTier: 'trusted' });
  assert.ok(model.ok);
  assert.equal(openTo(model.value), 'trusted');
  assert.equal(openTo({ ...model.value, stage: 'general' }), 'trusted');
  assert.equal(openTo({ ...model.value, stage: 'partner' }), 'partner');
  assert.equal(openTo({ ...model.value, stage: 'closed' }), 'closed');
});
