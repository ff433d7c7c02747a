import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRateLimiter, type RatedSubject } from './gcra.ts';

const key = (perSecond: number, burst: number, id = 'k'): RatedSubject => ({
  kind: 'key',
  id,
  rate: { perSecond, burst },
});

test('in no window do more pass than the burst and what the rate allows; several gateways together neither', () => {
  const waits = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(
      waits,
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 4 }),
      (gaps, rate, burst, gateways) => {
        const limiters = Array.from({ length: gateways }, () => createRateLimiter(() => gateways));
        const passed: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          for (const limiter of limiters) if (!limiter.take([key(rate, burst)], now)) passed.push(now);
        }
        for (const [first, from] of passed.entries()) {
          const until = passed.at(-1) ?? 0;
          // A share of less than one is still one: a gateway that may never answer would be none.
          const allowed = Math.max(burst, gateways) + ((until - from) / 1_000) * rate + gateways;
          assert.ok(passed.length - first <= allowed);
        }
      },
    ),
  );
});

test('who is refused may come back when it was told, and not before', () => {
  const limiter = createRateLimiter(() => 1);
  assert.equal(limiter.take([key(2, 1)], 0), undefined);
  const refused = limiter.take([key(2, 1)], 100);
  assert.deepEqual(refused, { kind: 'key', retryAfterMs: 400 });
  assert.ok(limiter.take([key(2, 1)], 499));
  assert.equal(limiter.take([key(2, 1)], 500), undefined);
});

test('all limits or none: a call that one refuses takes nothing from the others', () => {
  const limiter = createRateLimiter(() => 1);
  const person: RatedSubject = { kind: 'person', id: 'p', rate: { perSecond: 1, burst: 1 } };
  assert.equal(limiter.take([person], 0), undefined);
  assert.equal(limiter.take([key(1, 1), person], 1)?.kind, 'person');
  assert.equal(limiter.take([key(1, 1)], 2), undefined);
});

test('a rate of nothing lets nothing through', () => {
  assert.ok(createRateLimiter(() => 1).take([key(0, 5)], 10));
});
