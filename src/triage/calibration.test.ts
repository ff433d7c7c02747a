import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SeverityWord } from '../formats/cvss.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import { calibrate, type Review, SEVERITIES } from './calibration.ts';

const isGrave = (severity: SeverityWord): boolean => severity === 'high' || severity === 'critical';
const severity = fc.constantFrom(...SEVERITIES);
const reviews = fc.array(fc.record({ rater: fc.constantFrom('m', 'n'), claimed: severity, found: severity }), {
  maxLength: 60,
});

/** A rater whose claims of high and critical are over-rated by one or two steps in that share of cases. */
function rate(seed: number, count: number, overRated: number): readonly Review[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => {
    const claimed = random.pick<SeverityWord>(['medium', 'high', 'high', 'critical']);
    const steps = random.next() < overRated ? 1 + random.below(2) : 0;
    const found = SEVERITIES[Math.max(0, SEVERITIES.indexOf(claimed) - steps)] ?? claimed;
    return { rater: 'model', claimed, found };
  });
}

const brier = (of: readonly Review[], likelihood: (review: Review) => number): number =>
  of.reduce((sum, review) => sum + (likelihood(review) - (isGrave(review.found) ? 1 : 0)) ** 2, 0) / of.length;

test('of a rater who over-rates 28 % the calibrated score is below the raw one, on reviews it has not seen', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const belief = calibrate(rate(seed, 300, 0.28));
    const unseen = rate(seed + 1_000, 1_000, 0.28);
    const raw = brier(unseen, ({ claimed }) => (isGrave(claimed) ? 1 : 0));
    const calibrated = brier(unseen, ({ rater, claimed }) => belief(rater, claimed).grave);
    assert.ok(calibrated < raw, `seed ${seed}: ${calibrated} is not below ${raw}`);
    assert.ok(Math.abs(belief('model', 'high').holds - 0.72) < 0.1);
  }
});

test('before any review a claim of high is believed as far as claims of high held elsewhere', () => {
  const { holds, reviews: count } = calibrate([])('somebody', 'high');
  assert.equal(holds, 0.72);
  assert.equal(count, 0);
});

test('one review does not turn a rater’s reputation round', () => {
  const { holds } = calibrate([{ rater: 'm', claimed: 'high', found: 'low' }])('m', 'high');
  assert.ok(holds > 0.6 && holds < 0.72);
});

test('a rater nobody reviewed is believed as all others together are', () => {
  const belief = calibrate(rate(7, 400, 0.6));
  assert.ok(belief('stranger', 'high').holds < 0.5);
});

test('who claims more is never believed to be graver less, whatever the reviews', () => {
  fc.assert(
    fc.property(reviews, (given) => {
      const belief = calibrate(given);
      for (const rater of ['m', 'n', 'stranger']) {
        const grave = SEVERITIES.map((each) => belief(rater, each).grave);
        assert.ok(
          grave.every((share, at) => share >= 0 && share <= 1 && (at === 0 || share >= (grave[at - 1] ?? 0) - 1e-12)),
        );
      }
    }),
  );
});
