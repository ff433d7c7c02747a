import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCESS_LEVELS, isTier, isWithin, rightsOf, STAGES, selectLevel, stricter, TIERS } from './tier.ts';

for (const [heldAt, held] of TIERS.entries()) {
  for (const [stageAt, stage] of STAGES.entries()) {
    // STAGES is `closed` and then TIERS, so that a tier stands one place further on.
    const expected = stage !== 'closed' && heldAt + 1 <= stageAt;
    test(`${held} ${expected ? 'is' : 'is not'} within ${stage}`, () => assert.equal(isWithin(held, stage), expected));
  }
}

test('of two stages the one further in binds, and closed binds always', () => {
  for (const [oneAt, one] of STAGES.entries()) {
    for (const [otherAt, other] of STAGES.entries()) {
      assert.equal(stricter(one, other), STAGES[Math.min(oneAt, otherAt)]);
    }
  }
});

test('an access level selects among what the tier unlocks and grants nothing', () => {
  for (const tier of TIERS) {
    const { levels, defaultLevel } = rightsOf(tier);
    assert.deepEqual(selectLevel(tier, undefined), { ok: true, value: defaultLevel });
    assert.ok(levels.includes(defaultLevel));
    for (const level of ACCESS_LEVELS) assert.equal(selectLevel(tier, level).ok, levels.includes(level));
    assert.equal(selectLevel(tier, 'unheard-of').ok, false);
    assert.equal(selectLevel(tier, 'daybreak_blue').ok, levels.includes('dual-use'));
    assert.equal(selectLevel(tier, 'daybreak_red').ok, levels.includes('research'));
  }
});

test('a tier further out never unlocks more', () => {
  for (const [at, tier] of TIERS.entries()) {
    const inner = TIERS[at - 1];
    if (inner) for (const level of rightsOf(tier).levels) assert.ok(rightsOf(inner).levels.includes(level));
  }
});

test('what is no tier is none', () => {
  for (const wrong of ['', 'Internal', 'closed', 'public', undefined, 1]) assert.equal(isTier(wrong), false);
});
