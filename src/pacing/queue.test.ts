import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allowanceOf,
  askedRateAfter,
  LONGEST_WAIT_DAYS,
  NO_WISHES,
  type PacingRules,
  type Wishes,
} from './allowance.ts';
import { bundleWaiting, LARGEST_BUNDLE } from './bundle.ts';
import type { SentReport } from './capacity.ts';
import { LARGEST_SPREAD, type SsvcOutcome, type Waiting } from './harm.ts';
import { nextReports, type ProjectQueue, planQueue } from './queue.ts';

const RULES: PacingRules = { population: { fixesPerDay: 0.02, weightDays: 90, otherPace: 0.5 }, growth: 2 };
const QUEUE_RULES = { ...RULES, mostPerDay: null };
const TODAY = 400;
const OUTCOMES: readonly SsvcOutcome[] = ['defer', 'scheduled', 'out-of-cycle', 'immediate'];

const waiting = (id: string, changes: Partial<Waiting> = {}): Waiting => ({
  id,
  outcome: 'scheduled',
  isExploited: false,
  dependents: 10,
  isChained: false,
  foundDay: TODAY - 5,
  relation: null,
  ...changes,
});
const queueOf = (changes: Partial<ProjectQueue> = {}): ProjectQueue => ({
  project: 'pkg:npm/example',
  wishes: NO_WISHES,
  sent: [],
  waiting: [],
  ...changes,
});
const open = (sentDay: number): SentReport => ({ sentDay, endedDay: null, end: null, isSevere: true });
const ids = (queue: ProjectQueue, rules = RULES): readonly string[] =>
  nextReports(queue, TODAY, rules).next.flatMap(({ members }) => members.map(({ waiting: { id } }) => id));

const anyWaiting = fc
  .record({
    outcome: fc.constantFrom(...OUTCOMES),
    isExploited: fc.boolean(),
    dependents: fc.integer({ min: 0, max: 20_000_000 }),
    isChained: fc.boolean(),
    foundDay: fc.integer({ min: 0, max: TODAY }),
    relation: fc.constantFrom(null, 'a', 'b', 'c'),
  })
  .map((changes) => changes);
const anySent = fc
  .tuple(fc.integer({ min: 0, max: TODAY }), fc.option(fc.integer({ min: 0, max: 200 }), { nil: null }), fc.boolean())
  .map(([sentDay, after, isFixed]): SentReport => {
    if (after === null || sentDay + after > TODAY) return open(sentDay);
    return { sentDay, endedDay: sentDay + after, end: isFixed ? 'fixed' : 'missed', isSevere: after % 2 === 0 };
  });
const anyWishes = fc.record({
  channel: fc.constantFrom('private', 'public', 'cna', 'not-wanted'),
  optedOutBy: fc.constantFrom(null, 'a list'),
  mostOpen: fc.option(fc.integer({ min: 0, max: 6 }), { nil: null }),
  mostPerWeek: fc.option(fc.integer({ min: 0, max: 6 }), { nil: null }),
  askedRate: fc.constantFrom(0.25, 1, 4, 16),
}) as fc.Arbitrary<Wishes>;
const anyQueue = fc
  .tuple(fc.array(anyWaiting, { maxLength: 25 }), fc.array(anySent, { maxLength: 25 }), anyWishes, fc.nat())
  .map(([items, sent, wishes, name]): ProjectQueue => {
    const project = `pkg:npm/project-${name}`;
    return { project, sent, wishes, waiting: items.map((item, index) => waiting(`${project} ${index}`, item)) };
  });
const anyQueues = fc.uniqueArray(anyQueue, { maxLength: 5, selector: ({ project }) => project });

test('a declared limit is passed by no priority, and nothing goes to who wants nothing', () => {
  fc.assert(
    fc.property(anyQueue, fc.double({ min: 0.1, max: 1_000, noNaN: true }), (queue, growth) => {
      const next = ids(queue, { ...RULES, growth });
      const { channel, optedOutBy, mostOpen, mostPerWeek } = queue.wishes;
      const openNow = queue.sent.filter(({ endedDay }) => endedDay === null || endedDay > TODAY).length;
      const week = queue.sent.filter(({ sentDay }) => sentDay > TODAY - 7).length;
      if (next.length > 0) {
        assert.ok(mostOpen === null || openNow + next.length <= mostOpen);
        assert.ok(mostPerWeek === null || week + next.length <= mostPerWeek);
      }
      if (channel === 'not-wanted' || optedOutBy !== null) assert.deepEqual(next, []);
    }),
    { numRuns: 500 },
  );
});

test('only known attacks pass what was learnt, and they go first', () => {
  const full = queueOf({ sent: Array.from({ length: 40 }, () => open(TODAY - 80)) });
  const calm = waiting('calm', { outcome: 'immediate', isChained: true, foundDay: 0 });
  const attacked = waiting('attacked', { outcome: 'defer', isExploited: true });
  assert.deepEqual(ids({ ...full, waiting: [calm, attacked] }), ['attacked']);
  assert.deepEqual(ids({ ...full, waiting: [attacked], wishes: { ...NO_WISHES, mostOpen: 40 } }), []);
});

test('every report that waits has one place, and its reasons', () => {
  fc.assert(
    fc.property(anyQueues, fc.option(fc.integer({ min: 0, max: 8 }), { nil: null }), (queues, mostPerDay) => {
      const plan = planQueue(queues, TODAY, { ...RULES, mostPerDay });
      const all = queues.flatMap((queue) => queue.waiting.map(({ id }) => id));
      assert.deepEqual(plan.map(({ id }) => id).sort(), all.sort());
      assert.deepEqual(
        plan.map(({ position }) => position),
        all.map((_, index) => index + 1),
      );
      for (const { because, mayGo } of plan) {
        assert.match(because[0] ?? '', /^harm \d/);
        assert.equal(because.at(-1) === 'may go now', mayGo);
        if (!mayGo) assert.match(because.at(-1) ?? '', /^waits/);
      }
      assert.ok(plan.filter(({ mayGo }) => mayGo).length <= (mostPerDay ?? Number.POSITIVE_INFINITY));
    }),
    { numRuns: 300 },
  );
});

test('what the plan lets go is what the simulator and the worker are given', () => {
  fc.assert(
    fc.property(anyQueues, (queues) => {
      const plan = planQueue(queues, TODAY, QUEUE_RULES).filter(({ mayGo }) => mayGo);
      assert.deepEqual(plan.map(({ id }) => id).sort(), queues.flatMap((queue) => ids(queue)).sort());
    }),
  );
});

test('the order in which the queue is read changes nothing', () => {
  fc.assert(
    fc.property(anyQueues, (queues) => {
      const turned = queues.map((queue) => ({ ...queue, waiting: queue.waiting.toReversed() })).reverse();
      assert.deepEqual(planQueue(turned, TODAY, QUEUE_RULES), planQueue(queues, TODAY, QUEUE_RULES));
    }),
  );
});

test('the least of all goes at last, however much of the worst keeps coming', () => {
  const least = waiting('least', { outcome: 'defer', dependents: 0, foundDay: 0 });
  const longest = 90 * LARGEST_SPREAD;
  let queue: Waiting[] = [least];
  let day = 0;
  for (; queue.some(({ id }) => id === 'least'); day++) {
    assert.ok(day <= longest + 1, 'it starves');
    if (day % 40 !== 0) continue;
    const worst = { outcome: 'immediate', dependents: 10_000_000, isChained: true, foundDay: day } as const;
    queue.push(waiting(`a${day}`, worst));
    const [first] = bundleWaiting(queue, day);
    queue = queue.filter(({ id }) => id !== first?.members[0]?.waiting.id);
  }
  assert.ok(day > 365, 'the test waits for nothing');
});

test('between projects each further report counts for less, so that none takes every place', () => {
  const many = queueOf({
    project: 'pkg:npm/large',
    waiting: Array.from({ length: 20 }, (_, index) => waiting(`large ${index}`, { outcome: 'immediate' })),
  });
  const one = queueOf({ project: 'pkg:npm/small', waiting: [waiting('small', { outcome: 'out-of-cycle' })] });
  const plan = planQueue([many, one], TODAY, { ...RULES, growth: 20, mostPerDay: 4 });
  const going = plan.filter(({ mayGo }) => mayGo).map(({ id }) => id);
  assert.equal(going.length, 4);
  assert.ok(going.includes('small'));
});

test('related findings leave together as one series, and each counts against what was declared', () => {
  const related = ['a', 'b', 'c'].map((id) => waiting(id, { relation: 'one file' }));
  const alone = waiting('d', { outcome: 'defer' });
  assert.deepEqual(ids(queueOf({ waiting: [...related, alone] }), { ...RULES, growth: 1 }), ['a', 'b', 'c']);
  const limited = queueOf({ waiting: related, wishes: { ...NO_WISHES, mostOpen: 2 } });
  assert.deepEqual(ids(limited), ['a', 'b']);
  const many = Array.from({ length: 12 }, (_, index) => waiting(String(index), { relation: 'one file' }));
  const sizes = bundleWaiting(many, TODAY).map(({ members }) => members.length);
  assert.deepEqual(sizes, [LARGEST_BUNDLE, LARGEST_BUNDLE, 2]);
});

test('"send me fewer" halves what a project is sent and "more" doubles it, within bounds', () => {
  const sent = Array.from({ length: 8 }, (_, index): SentReport => {
    const sentDay = TODAY - 80 + index * 10;
    return { sentDay, endedDay: sentDay + 9, end: 'fixed', isSevere: true };
  });
  const limit = (askedRate: number) => allowanceOf(sent, { ...NO_WISHES, askedRate }, TODAY, RULES).learntLimit;
  assert.equal(limit(1), 18, 'two for each of the eight fixes and one more');
  assert.ok(limit(0.5) === 9 && limit(2) === 36);
  assert.equal(limit(1 / 16), 1);
  assert.equal(askedRateAfter(1, 'fewer'), 0.5);
  assert.equal(askedRateAfter(16, 'more'), 16);
});

test('what will hardly be mended in time waits, a fix changes that, and in the end it goes alone', () => {
  const missed = Array.from({ length: 6 }, (_, index): SentReport => {
    const sentDay = TODAY - 300 + index;
    return { sentDay, endedDay: sentDay + 90, end: 'missed', isSevere: true };
  });
  const two = [waiting('a', { foundDay: TODAY }), waiting('b', { foundDay: TODAY })];
  const queue = queueOf({ sent: missed, waiting: two });
  const rules = { ...RULES, population: { fixesPerDay: 0.002, weightDays: 90, otherPace: 0.5 } };
  assert.deepEqual(ids(queue, rules), []);
  const mended = Array.from(
    { length: 4 },
    (): SentReport => ({ sentDay: 390, endedDay: 395, end: 'fixed', isSevere: true }),
  );
  assert.deepEqual(ids({ ...queue, sent: [...missed, ...mended] }, rules), ['a', 'b']);
  const late = { ...queue, sent: missed.map((each) => ({ ...each })), waiting: two };
  const { next } = nextReports(late, TODAY + LONGEST_WAIT_DAYS, {
    ...rules,
    population: { ...rules.population, fixesPerDay: 1e-6 },
  });
  assert.deepEqual(
    next.flatMap(({ members }) => members.map(({ waiting: { id } }) => id)),
    ['a'],
  );
});
