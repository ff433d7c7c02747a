import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';
import { distinguish, type Probe } from '../support/distinguisher.ts';
import { HIDDEN_BY, type HiddenBy, probeModels } from './hidden-models.ts';

const seed = Date.now() % 1_000_000;
/** So wide that chance leaves it once in two million runs; the bench asks for 95 %. */
const Z_SURE = 5;
const probed = new Map<HiddenBy, readonly Probe[]>();
let probes: readonly Probe[];

before(async () => {
  for (const hiddenBy of HIDDEN_BY)
    probed.set(hiddenBy, await probeModels({ hiddenBy, probes: 1_200, names: 12, seed }));
  probes = probed.get('foreign') ?? [];
});

const judge = (of: readonly Probe[]) => distinguish(of, createSeededRandom(seed), Z_SURE);

const TOLD = { foreign: 'of others', outside: 'whose rollout has not come to the caller' };
for (const hiddenBy of HIDDEN_BY) {
  test(`bytes and times of an answer do not tell a model ${TOLD[hiddenBy]} from one that does not exist (seed ${seed})`, () => {
    const { low, high, texts, method } = judge(probed.get(hiddenBy) ?? []);
    assert.equal(texts, 5, 'one answer a route');
    assert.ok(low <= 0.5 && high >= 0.5, `${method}: ${low} to ${high}`);
  });
}

test('the classifier finds a leak that is there: one byte, or a tenth of a millisecond on a quiet line', () => {
  const byte = probes.map((probe) => (probe.isHidden ? { ...probe, text: `${probe.text} ` } : probe));
  assert.ok(judge(byte).low > 0.9);
  const random = createSeededRandom(seed);
  const late = probes.map((probe) => {
    const firstByteMicros = 500 + random.below(100) + (probe.isHidden ? 100 : 0);
    return { ...probe, firstByteMicros, lastByteMicros: firstByteMicros + 10 };
  });
  assert.ok(judge(late).low > 0.9);
});
