/** The parameters were fitted and frozen before any policy ran. Another fit is another commit, with this hash and every report. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { POPULATION } from '../pacing/index.ts';
import { createFunnelWorld, patchedAtEnd } from './funnel.ts';
import { loadExponent, PARAMETERS, slowdownAt } from './parameters.ts';
import { abilitiesAt } from './simulate.ts';

/** As `scripts/fit-simulation.ts` printed it. */
const FROZEN = 'dae0792b1a796ba227479e8037a711e5f2c833f8a84ed81cf308d85f64324436';

test('the parameters and what pacing believes of an unknown project are those that were frozen', () => {
  const both = { parameters: PARAMETERS, population: POPULATION } as unknown as Json;
  assert.equal(sha256Hex(canonicalJson(both)), FROZEN);
});

test('in worlds it was not fitted on, about 97 of the 1,596 reports of the real funnel are patched at day 45', () => {
  const worlds = Array.from({ length: 6 }, (_, index) => createFunnelWorld(PARAMETERS, 500 + index));
  const patched = patchedAtEnd(worlds, abilitiesAt(PARAMETERS));
  assert.ok(patched > 80 && patched < 115, `${patched.toFixed(1)} patched`);
});

test('with the times of the fitted history alone far more would be patched: the slow-down is needed', () => {
  const worlds = [createFunnelWorld(PARAMETERS, 500)];
  const slowdown = { loadRatio: PARAMETERS.reported.loadRatio, days: 1, other: 1 };
  assert.ok(patchedAtEnd(worlds, { ...abilitiesAt(PARAMETERS), slowdown }) > 3 * 97);
});

test('the effect of load within projects is kept apart from the difference between projects, and is the smaller', () => {
  const { loadRatioWithin, loadRatioPooled } = PARAMETERS.fitted;
  assert.ok(loadRatioWithin < 1.3 && loadRatioPooled > 2);
  assert.ok(loadExponent(PARAMETERS, 1.17) > 0 && loadExponent(PARAMETERS, 1) === 0);
});

test('between two calibrated load effects the slow-down lies between theirs, and outside there is none', () => {
  const [low, between, high] = [1, 1.1, 1.17].map((ratio) => slowdownAt(PARAMETERS, ratio).days);
  assert.ok(low && between && high && Math.min(low, high) <= between && between <= Math.max(low, high));
  assert.throws(() => slowdownAt(PARAMETERS, 3), RangeError);
});
