import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CallRequest } from '../dialect/index.ts';
import { boundCall, type PricedModel, REQUEST_OVERHEAD_TOKENS, toMicro, weigh } from './price.ts';

const price = fc.integer({ min: 0, max: 1_000_000_000_000 });
const flat = { input: price, output: price, cacheWrite5m: price, cacheWrite1h: price, cacheRead: price };
const length = fc.integer({ min: 1, max: 60_000 });
const tiers = fc
  .array(fc.record({ aboveInputTokens: length, ...flat }), { maxLength: 3 })
  .map((all) => all.toSorted((left, right) => left.aboveInputTokens - right.aboveInputTokens));
const prices = fc.record({ ...flat, tiers });
const tokens = fc.integer({ min: 0, max: 100_000 });

const REQUEST: CallRequest = {
  attempts: [{ model: 'm', maxOutputTokens: 1_000 }],
  stream: false,
  answers: 1,
  images: 0,
  pointsElsewhere: false,
  cacheWrites: '1h',
  hidesOutput: false,
  tools: [],
  declared: {},
};
const MODEL: PricedModel = {
  upstreamName: 'm',
  prices: {
    input: 3_000_000,
    output: 15_000_000,
    cacheWrite5m: 3_750_000,
    cacheWrite1h: 6_000_000,
    cacheRead: 300_000,
  },
  contextTokens: 200_000,
  maxOutputTokens: 8_000,
};

const reserved = (request: Partial<CallRequest>, bytes: number, models: readonly PricedModel[] = [MODEL]): number => {
  const bound = boundCall({ ...REQUEST, ...request }, bytes, models);
  assert.ok(bound.ok);
  return bound.value.reservedMicro;
};

test('whatever classes the tokens of a call fall into, it costs no more than its bound', () => {
  fc.assert(
    fc.property(prices, tokens, fc.tuple(tokens, tokens, tokens, tokens), (given, output, weights) => {
      const bytes = 50_000;
      const tokensAtMost = bytes + REQUEST_OVERHEAD_TOKENS;
      const model = { ...MODEL, prices: given };
      const sum = Math.max(
        1,
        weights.reduce((left, right) => left + right, 0),
      );
      const [input = 0, cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0] = weights.map((weight) =>
        Math.floor((weight * tokensAtMost) / sum),
      );
      const usage = { input, cacheRead, cacheWrite5m, cacheWrite1h, output };
      const most = reserved({ attempts: [{ model: 'm', maxOutputTokens: output }] }, bytes, [model]);
      assert.ok(toMicro(weigh(usage, given)) <= BigInt(most));
    }),
  );
});

test('a cost is rounded up once, from exact integers', () => {
  const one = { input: 1, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };
  assert.equal(toMicro(weigh(one, { ...MODEL.prices, input: 1 })), 1n);
  assert.equal(toMicro(weigh({ ...one, input: 1_000_000 }, { ...MODEL.prices, input: 1 })), 1n);
  assert.equal(toMicro(weigh({ ...one, input: 1_000_001 }, { ...MODEL.prices, input: 1 })), 2n);
  const huge = { ...one, input: 999_999_999 };
  assert.equal(toMicro(weigh(huge, { ...MODEL.prices, input: 999_999_999_999 })), 999_999_998_999_001n);
});

test('tools, pictures, several answers and fallbacks each raise the bound; what lies elsewhere takes the whole context', () => {
  const plain = reserved({}, 1_000);
  assert.ok(reserved({ tools: ['look'] }, 1_000) > plain);
  assert.ok(reserved({ images: 1 }, 1_000) > plain);
  assert.equal(reserved({ answers: 3 }, 1_000) - plain, 2 * 1_000 * 15);
  assert.equal(reserved({ pointsElsewhere: true }, 1_000), 200_000 * 6 + 1_000 * 15);
  assert.equal(reserved({}, 10_000_000), 200_000 * 6 + 1_000 * 15, 'no request is longer than the context');
  assert.equal(reserved({ attempts: [{ model: 'm', maxOutputTokens: undefined }] }, 1_000) - plain, 7_000 * 15);
  const two = { attempts: [REQUEST.attempts[0], REQUEST.attempts[0]] as const };
  assert.equal(reserved(two, 1_000, [MODEL, MODEL]), 2 * plain);
});

test('past a length every token has another price, cached ones count towards it, and the bound takes the dearest in reach', () => {
  const long = { aboveInputTokens: 100_000, ...MODEL.prices, input: 6_000_000, output: 30_000_000 };
  const tiered = { ...MODEL, prices: { ...MODEL.prices, tiers: [long] } };
  const usage = { input: 100_000, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 1_000 };
  assert.equal(weigh(usage, tiered.prices), weigh(usage, MODEL.prices));
  const one = { ...usage, cacheRead: 1 };
  assert.equal(weigh(one, tiered.prices), weigh(one, long));
  const none = { cacheWrites: 'none' as const };
  assert.equal(reserved(none, 90_000, [tiered]), reserved(none, 90_000), 'out of reach');
  assert.equal(reserved(none, 150_000, [tiered]), (150_000 + REQUEST_OVERHEAD_TOKENS) * 6 + 1_000 * 30);
  const cheaper = { ...MODEL, prices: { ...MODEL.prices, tiers: [{ ...long, input: 1, output: 1 }] } };
  assert.equal(reserved(none, 150_000, [cheaper]), reserved(none, 150_000), 'it may turn out shorter');
});

test('without a mark for the cache nothing is written to it', () => {
  assert.ok(reserved({ cacheWrites: 'none' }, 1_000) < reserved({ cacheWrites: '5m' }, 1_000));
  assert.ok(reserved({ cacheWrites: '5m' }, 1_000) < reserved({ cacheWrites: '1h' }, 1_000));
});

test('what no integer holds is refused', () => {
  const attempts = [{ model: 'm', maxOutputTokens: Number.MAX_SAFE_INTEGER }] as const;
  assert.equal(boundCall({ ...REQUEST, attempts }, 10, [MODEL]).ok, false);
});
