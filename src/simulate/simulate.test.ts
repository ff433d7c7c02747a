import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_WISHES } from '../pacing/index.ts';
import { createEventHeap } from './event-heap.ts';
import { matchFixes } from './matching-service.ts';
import { PARAMETERS } from './parameters.ts';
import { choosing, POLICIES } from './policy-service.ts';
import { abilitiesAt, compare, simulate, simulateIn } from './simulate.ts';
import { createWorld } from './world.ts';
import { runYear } from './year.ts';

const SMALL = { findings: 1_500, projects: 80, days: 200, seed: 7 } as const;

for (const policy of POLICIES) {
  test(`${policy}: the same seed gives the same bytes, another seed others`, () => {
    const first = JSON.stringify(simulate({ ...SMALL, policy }));
    assert.equal(JSON.stringify(simulate({ ...SMALL, policy })), first);
    assert.notEqual(JSON.stringify(simulate({ ...SMALL, policy, seed: 8 })), first);
  });

  test(`${policy}: nothing is lost between found and fixed, and nothing is public early`, () => {
    const outcome = simulate({ ...SMALL, policy });
    assert.equal(outcome.found, SMALL.findings);
    assert.equal(outcome.found, outcome.confirmed + outcome.rejected + outcome.merged);
    assert.equal(outcome.confirmed, outcome.reported + outcome.moot + outcome.stillWaiting);
    assert.ok(outcome.reported > 0 && outcome.patched > 0 && outcome.deadlineBreaches > 0);
    assert.ok(outcome.fixedWithin180 <= outcome.patched && outcome.patched <= outcome.reported);
    assert.equal(outcome.embargoViolations, 0);
  });
}

test('paced never sends above a declared limit, and sending all at once does', () => {
  assert.equal(simulate({ ...SMALL, policy: 'paced' }).sentAboveDeclared, 0);
  assert.ok(simulate({ ...SMALL, policy: 'flood' }).sentAboveDeclared > 0);
});

test('every policy meets the same findings', () => {
  const seen = POLICIES.map((policy) => {
    const { found, rejected, merged, confirmed } = simulate({ ...SMALL, policy });
    return { found, rejected, merged, confirmed };
  });
  assert.deepEqual(seen[1], seen[0]);
  assert.deepEqual(seen[2], seen[0]);
});

test('holding everything back breaks no deadline from sending, and all of them from finding', () => {
  const world = createWorld(SMALL, PARAMETERS, SMALL.seed);
  const none = simulateIn(world, 'flood', { settings: { growth: 2, perWeek: 1, share: 0 } });
  const all = simulateIn(world, 'flood');
  assert.equal(none.reported, 0);
  assert.equal(none.fromSending.deadlineBreaches, 0);
  assert.ok(none.fromFinding.deadlineBreaches > all.fromFinding.deadlineBreaches);
  assert.ok(none.fromFinding.exposureDays > all.fromFinding.exposureDays);
  assert.equal(none.exposureDays, none.fromFinding.exposureDays);
});

test('more load makes fixes later within a project, and none at a ratio of 1', () => {
  const world = createWorld({ ...SMALL, projects: 10 }, PARAMETERS, SMALL.seed);
  const { slowdown } = abilitiesAt(PARAMETERS);
  const fixedAt = (loadRatio: number) =>
    runYear(world, choosing('flood'), {
      parameters: PARAMETERS,
      hasBestMonth: false,
      slowdown: { ...slowdown, loadRatio },
    })
      .flaws.map(({ knownDay, readyDay }) => readyDay - knownDay)
      .filter(Number.isFinite);
  const sum = (of: readonly number[]) => of.reduce((total, each) => total + each, 0);
  assert.ok(sum(fixedAt(1.5)) > sum(fixedAt(1.17)));
  assert.ok(sum(fixedAt(1.17)) > sum(fixedAt(1)));
});

test('the paced policy is what the queue itself says', () => {
  const waiting = ['a', 'b', 'c'].map((id, index) => ({
    id,
    outcome: index === 1 ? ('immediate' as const) : ('defer' as const),
    isExploited: false,
    dependents: 0,
    isChained: false,
    foundDay: 0,
    relation: null,
  }));
  const queue = { project: 'p', wishes: { ...NO_WISHES, mostOpen: 1 }, sent: [], waiting };
  assert.deepEqual(choosing('paced')(queue, 10), ['b']);
});

test('a setting is found that brings about as many fixes, or the largest there is', () => {
  const world = createWorld(SMALL, PARAMETERS, SMALL.seed);
  const run = (settings: { growth: number; perWeek: number; share: number }) =>
    simulateIn(world, 'flood', { settings });
  const most = run({ growth: 2, perWeek: 1, share: 1 }).fixedWithin180;
  const half = matchFixes('flood', Math.floor(most / 2), run);
  assert.ok(half.settings.share < 1 && half.outcome.fixedWithin180 >= Math.floor(most / 2));
  assert.equal(matchFixes('flood', most + 1, run).settings.share, 1);
});

test('events come in order of time, and in the order added at one time', () => {
  const heap = createEventHeap<'a' | 'b'>();
  const days = [5, 3, 3, 9, 1, 3, 7, Number.POSITIVE_INFINITY];
  for (const [index, day] of days.entries()) heap.add(day, 'a', index);
  const taken: number[] = [];
  for (let event = heap.take(8); event; event = heap.take(8)) taken.push(event.index);
  assert.deepEqual(taken, [4, 1, 2, 5, 0, 6]);
  assert.equal(heap.take(9), undefined);
});

test('the comparison is one page that fetches and runs nothing', () => {
  const page = compare({ findings: 300, projects: 20, days: 60, seed: 1 });
  assert.equal(page, compare({ findings: 300, projects: 20, days: 60, seed: 1 }));
  assert.match(page, /default-src 'none'/);
  assert.doesNotMatch(page, /<script|href=|src=|url\(|@import|NaN|undefined|Infinity/);
  assert.equal(page.match(/<svg/g)?.length, 4);
});
