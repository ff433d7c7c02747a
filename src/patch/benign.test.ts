import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import type { ProbePlan } from '../probe/index.ts';
import { type Behaviour, type BenignCall, benignCalls, compareBehaviour } from './benign.ts';
import { ordinaryWords } from './ordinary-words.ts';

const PLAN: ProbePlan = {
  flaw: 'command-injection',
  file: '',
  format: 'cjs',
  reach: [{ kind: 'get', name: 'look' }],
  drive: { kind: 'call', args: [{ kind: 'payload' }], after: [] },
  payload: ';touch {{canary}};',
};
const call = (id: string, isGuess: boolean, isEmpty = false): BenignCall => ({
  id,
  isEntry: true,
  isGuess,
  file: '',
  format: 'cjs',
  reach: [],
  drive: PLAN.drive,
  payload: isEmpty ? '' : 'abc',
});
const gave = (value: Json, started: Json[] = []): Json => ({ result: { value }, args: [], calls: [], started });
const threw = (name: string): Json => ({ result: { threw: name }, args: [], calls: [], started: [] });
const THREW = threw('Error');
const behaviour = (outcomes: Readonly<Record<string, Json>>): Behaviour => ({
  exports: [],
  outcomes: new Map(Object.entries(outcomes)),
});
const compare = (before: Json, after: Json, isGuess = false) => {
  const old = behaviour({ one: before });
  return compareBehaviour([call('one', isGuess)], [old, old], behaviour({ one: after }));
};

test('a call that ended the process or was run as program text promised nothing', () => {
  for (const before of ['ended the process', threw('SyntaxError'), threw('ReferenceError')]) {
    assert.deepEqual([compare(before, gave(1)).compared, compare(before, gave(1)).differences.length], [0, 0]);
  }
});

test('a call that threw or stayed open may do anything else, and shows the function at work only if it trips as before', () => {
  const before = threw('TypeError');
  for (const after of [gave(1), THREW, before]) assert.equal(compare(before, after).differences.length, 0);
  assert.deepEqual([compare(before, before).keptAtEntry, compare(before, THREW).keptAtEntry], [1, 0]);
  assert.equal(compare(gave('text never'), gave(1)).differences.length, 0);
  assert.equal(compare(THREW, THREW).keptAtEntry, 0, 'a function that refuses everything looks the same');
});

test('a call that started a program before it threw must still start it', () => {
  const tripped = (...started: Json[]): Json => ({ result: { threw: 'TypeError' }, args: [], calls: [], started });
  assert.equal(compare(tripped('ls abc'), gave(1, ['ls abc'])).differences.length, 0);
  assert.equal(compare(tripped('ls abc'), gave(1)).differences.length, 1);
  assert.equal(compare(tripped('ls abc'), tripped('rm abc')).differences.length, 1);
});

test('a long word may be refused only where the short one of its kind is, too', () => {
  const ran = gave(null, ['ls']);
  const calls = [call('short', true), { ...call('long', true), shortCall: 'short' }];
  const old = behaviour({ short: ran, long: ran });
  const narrowings = (short: Json) =>
    compareBehaviour(calls, [old, old], behaviour({ short, long: THREW })).differences.map(
      ({ isNarrowing }) => isNarrowing,
    );
  assert.deepEqual(narrowings(ran), [false]);
  assert.deepEqual(narrowings(THREW), [true, true]);
});

test('each long word stands beside its short one, and only where length mends nothing', () => {
  const longOf = (plan: Partial<ProbePlan>) =>
    benignCalls({ ...PLAN, ...plan }, { exports: [], examples: {} }).filter(({ shortCall }) => shortCall);
  const ids = (plan: Partial<ProbePlan>) =>
    benignCalls({ ...PLAN, ...plan }, { exports: [], examples: {} }).map(({ id }) => id);
  for (const flaw of ['command-injection', 'code-injection', 'prototype-pollution', 'path-traversal'] as const) {
    assert.ok(longOf({ flaw }).length > 0, flaw);
    for (const { shortCall } of longOf({ flaw })) assert.ok(ids({ flaw }).includes(shortCall ?? ''), shortCall);
  }
  assert.ok(longOf({ flaw: 'prototype-pollution', payload: '{"__proto__":{}}' }).length > 0);
  assert.deepEqual(longOf({ flaw: 'redos' }), []);
});

test('a call that gave a value must give the same', () => {
  assert.equal(compare(gave(1), gave(1)).differences.length, 0);
  assert.equal(compare(gave(1), gave(2)).differences.length, 1);
  const [difference] = compare(gave('text a'), THREW).differences;
  assert.deepEqual([difference?.before, difference?.after], ['gives "text a"', 'throws']);
});

test('only a guessed input may be refused, and another answer is no refusal', () => {
  const ran = gave('undefined undefined', ['ls abc']);
  const narrowing = (after: Json, isGuess: boolean) => compare(ran, after, isGuess).differences[0]?.isNarrowing;
  assert.equal(narrowing(THREW, true), true);
  assert.equal(narrowing(gave('undefined undefined'), true), true);
  assert.equal(narrowing(THREW, false), false);
  assert.equal(narrowing(gave('undefined undefined', ['rm abc']), true), false);
  assert.equal(narrowing(gave('text other'), true), false);
});

test('a call that shows nothing is not counted as kept', () => {
  const nothing = gave('undefined undefined');
  assert.equal(compare(nothing, nothing).keptAtEntry, 0);
  assert.equal(compare(gave(false), gave(false)).keptAtEntry, 1);
  assert.equal(compare(gave(null, ['ls']), gave(null, ['ls'])).keptAtEntry, 1);
  const old = behaviour({ one: gave(1) });
  const onEmpty = compareBehaviour([call('one', true, true)], [old, old], old);
  assert.equal(onEmpty.keptAtEntry, 0, 'nor what becomes of an empty word');
});

test('an answer that depends on the input shows the function at work, and so does a changed argument', () => {
  const nothing = gave('undefined undefined');
  const compareAll = (outcomes: Readonly<Record<string, Json>>) => {
    const all = behaviour(outcomes);
    return compareBehaviour(
      Object.keys(outcomes).map((id) => call(id, false)),
      [all, all],
      all,
    ).keptAtEntry;
  };
  assert.equal(compareAll({ a: nothing, b: nothing }), 0);
  assert.equal(compareAll({ a: gave(null), b: gave({ error: '' }) }), 2);
  assert.equal(compareAll({ a: { ...(nothing as object), isChanged: true } as Json }), 1);
  assert.equal(compareAll({ a: gave(['text 400']) }), 0, 'a refusal of a server is none');
});

test('documented calls are taken as written, and those with a word of the attack are left out', () => {
  const text = (value: string) => ({ kind: 'json', value }) as const;
  const examples = { look: [[text('main')], [text('a; b')], [{ kind: 'payload' } as const]] };
  const ids = benignCalls(PLAN, { exports: [], examples }).map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id) => id.startsWith('documented')),
    ['documented 0: "main"'],
  );
  assert.ok(ids.some((id) => id.startsWith('entry')));
});

test('the attacked function is not called with plain arguments of another kind, under whatever name', () => {
  const entry = (path: string[], isAttacked: boolean) => ({ path, type: 'function', isAttacked });
  const exports = [entry(['look'], true), entry(['default', 'look'], true), entry(['other'], false)];
  const elsewhere = benignCalls(PLAN, { exports, examples: {} }).filter(({ isEntry }) => !isEntry);
  assert.ok(elsewhere.length > 5 && elsewhere.every(({ id }) => id.startsWith('other ')));
});

test('what documents call the package itself with is ordinary for it, not for one of its functions', () => {
  const examples = { main: [[{ kind: 'json', value: '1 second' } as const]] };
  const documented = (reach: ProbePlan['reach']) =>
    benignCalls({ ...PLAN, reach }, { exports: [], examples }).filter(({ id }) => id.startsWith('documented'));
  assert.deepEqual(
    documented([]).map(({ drive }) => 'args' in drive && drive.args),
    examples.main,
  );
  assert.equal(documented(PLAN.reach).length, 0);
});

test('harmless input has the shape of the payload: keys where it is a list of keys, objects where it holds objects', () => {
  const wordsFor = (payload: string) =>
    ordinaryWords({
      flaw: 'prototype-pollution',
      payload,
      drive: { kind: 'call', args: [{ kind: 'parse', text: '{{payload}}' }], after: [] },
    }).map(({ word }) => word);
  assert.ok(!wordsFor('["__proto__","{{canary}}"]').some((word) => word.includes('{')));
  assert.ok(wordsFor('[{"__proto__":{"{{canary}}":1}}]').some((word) => word.startsWith('[{')));
  assert.ok(wordsFor('{"__proto__":{"{{canary}}":1}}').every((word) => word.startsWith('{')));
  assert.ok(!wordsFor('[["__proto__"],"{{canary}}"]').some((word) => word.startsWith('[[')));
  const own = wordsFor('--a.__proto__.{{canary}} 1').filter((word) => word.startsWith('--'));
  assert.equal(own[0], '--a.b.c 1');
  assert.match(own[1] ?? '', /^--a\.b\.\w{70} 1$/);
});

test('of the texts made from a slow expression one must stay as it was, and the others need not', () => {
  const calls = ['one', 'other'].map((id) => ({ ...call(id, true), isSample: true }));
  const old = behaviour({ one: gave('text a'), other: gave('text b') });
  const differing = (one: Json, other: Json) =>
    compareBehaviour(calls, [old, old], behaviour({ one, other })).differences;
  assert.equal(differing(gave('text a'), gave('text c')).length, 0);
  assert.equal(differing(gave('text c'), gave('text d')).length, 2);
});
