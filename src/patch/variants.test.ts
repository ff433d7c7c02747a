import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProbePlan, variantsOf as respell } from '../probe/index.ts';
import { payloadsOf } from './variant-payloads.ts';
import { crossingsOf, evasionsOf, variantsOf as madeOf, type Variant } from './variants.ts';

const variantsOf = (plan: ProbePlan, exports: string[][]): Variant[] => madeOf(plan, exports, respell(plan, 48, 1));

const CALL = { kind: 'call', args: [{ kind: 'json', value: {} }, { kind: 'payload' }], after: [] } as const;
const base = { file: '', format: 'cjs', reach: [{ kind: 'get', name: 'put' }], drive: CALL } as const;
const PLANS: readonly ProbePlan[] = [
  { ...base, flaw: 'prototype-pollution', payload: '__proto__.{{canary}}' },
  { ...base, flaw: 'prototype-pollution', payload: '{"__proto__":{"{{canary}}":"1"}}' },
  { ...base, flaw: 'command-injection', payload: ';touch {{canary}};' },
  { ...base, flaw: 'code-injection', payload: 'globalThis.{{canary}}=1' },
  {
    ...base,
    flaw: 'path-traversal',
    drive: { kind: 'http', args: [{ kind: 'root' }], requestTarget: '{{payload}}' },
    payload: `/${'../'.repeat(12)}{{canary}}`,
  },
  {
    ...base,
    flaw: 'redos',
    payload: '{{repeat}}!',
    pump: 'a',
    controlPump: '0',
    growth: 'exponential',
    expression: { source: '^(a+)+$', flags: '' },
  },
];

test('every class has more variants than are demanded, all different and none the plan itself', () => {
  for (const plan of PLANS) {
    const texts = variantsOf(plan, [['put'], ['take']]).map((variant) => JSON.stringify(variant.plan));
    assert.ok(texts.length >= 22, `${plan.flaw}: ${texts.length}`);
    assert.equal(new Set([...texts, JSON.stringify(plan)]).size, texts.length + 1, plan.flaw);
  }
});

test('the order is fixed, and the first ones are of several kinds', () => {
  for (const plan of PLANS) {
    const labels = () => variantsOf(plan, [['take']]).map(({ label }) => label);
    assert.deepEqual(labels(), labels());
  }
  const [plan] = PLANS;
  assert.ok(plan);
  const early = variantsOf(plan, [['take']]).slice(0, 22);
  assert.ok(early.some(({ label }) => label.startsWith('payload')));
  assert.ok(early.some(({ label }) => !label.startsWith('payload')));
});

test('what fired is crossed with other arguments, and nothing of it is tried twice', () => {
  const [plan] = PLANS;
  assert.ok(plan);
  const fired = variantsOf(plan, []).slice(0, 10);
  const crossed = crossingsOf(plan, fired);
  const known = new Set(fired.map((variant) => JSON.stringify(variant.plan)));
  assert.ok(crossed.length >= 22);
  assert.ok(crossed.every((variant) => !known.has(JSON.stringify(variant.plan))));
});

test('every class but slow expressions has evasions, and a word taken out of one leaves the attack', () => {
  for (const plan of PLANS) {
    const payloads = evasionsOf(plan).map((variant) => variant.plan.payload);
    assert.equal(payloads.length > 0, plan.flaw !== 'redos', plan.flaw);
    assert.equal(new Set([...payloads, plan.payload]).size, payloads.length + 1, plan.flaw);
  }
  const [plan] = PLANS;
  assert.ok(plan);
  const stripped = evasionsOf(plan).map((variant) =>
    variant.plan.payload.replace(/__proto__|constructor|prototype/g, ''),
  );
  assert.deepEqual(stripped, ['__proto__.{{canary}}', 'constructor.prototype.{{canary}}']);
});

test('a route inside a longer text is varied where it stands: other values, deeper keys, more steps before it', () => {
  const plan: ProbePlan = { ...base, flaw: 'prototype-pollution', payload: '--a.__proto__.{{canary}} 1' };
  const payloads = payloadsOf(plan);
  for (const wanted of [
    '--a.__proto__.{{canary}} true',
    '--a.__proto__.{{canary}}.x 1',
    '--a.b.__proto__.{{canary}} 1',
  ]) {
    assert.ok(payloads.includes(wanted), wanted);
  }
});

test('where a list among keys is the attack, deeper lists are tried on a patched version; where it is not, none', () => {
  const payloads = (payload: string) =>
    evasionsOf({ ...base, flaw: 'prototype-pollution', payload }).map(({ plan }) => plan.payload);
  const made = payloads('[["__proto__"],"{{canary}}"]');
  for (const wanted of ['[["__proto__"],["{{canary}}"]]', '[[["__proto__"]],"{{canary}}"]']) {
    assert.ok(made.includes(wanted), wanted);
  }
  assert.ok(!payloads('["__proto__","{{canary}}"]').some((one) => one.includes('[[')));
});
