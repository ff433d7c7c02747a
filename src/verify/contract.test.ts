import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';
import { codeContract, commandContract, type Spoken, withoutRoute } from './contract.ts';

const payload: PlanValue = { kind: 'payload' };

function planOf(part: Partial<ProbePlan>, args: readonly PlanValue[] = [payload], names = ['go']): ProbePlan {
  const reach = names.map((name): PlanReach => ({ kind: 'get', name }));
  return {
    flaw: 'command-injection',
    file: '',
    format: 'cjs',
    reach,
    drive: { kind: 'call', args, after: [] },
    payload: ';touch {{canary}};',
    ...part,
  };
}

const line = (command: string, inArguments = false) => ({ command, directory: '/work', inArguments });
const isRunning = (command: string, plan = planOf({}), inArguments = false) =>
  commandContract(line(command, inArguments), plan, 'c1') !== undefined;

test('a function that runs the command it is handed is no injection; one that puts it into its own command is', () => {
  assert.equal(isRunning(';touch c1;'), true);
  assert.equal(isRunning('  ;touch c1;\n'), true);
  assert.equal(isRunning('git log ;touch c1;'), false);
  assert.equal(isRunning(';touch c1; --version'), false);
});

test('quotes the target put around it make it data, though they do not hold', () => {
  assert.equal(isRunning('";touch c1;"'), false);
});

test('a command put together of several given texts is still nothing but what was given', () => {
  const given = planOf({}, [
    { kind: 'json', value: 'x' },
    { kind: 'array', items: [payload] },
  ]);
  assert.equal(isRunning('x ;touch c1;', given), true);
});

test('arguments of a program are data, unless the shell itself was asked for', () => {
  const args: readonly PlanValue[] = [
    { kind: 'json', value: 'x' },
    { kind: 'array', items: [payload] },
  ];
  const shell: PlanValue = { kind: 'object', members: [['shell', { kind: 'json', value: true }]] };
  assert.equal(isRunning('x ;touch c1;', planOf({}, args), true), false);
  assert.equal(isRunning('x ;touch c1;', planOf({}, [...args, shell]), true), true);
});

const PLAIN = 'globalThis.{{canary}}=1';
const spoken: Spoken = {
  packageName: 'acme',
  description: 'Tools for rows',
  parameters: ['rows'],
  nativeContext: false,
};
const isEvaluating = (
  part: Partial<ProbePlan>,
  names: string[],
  more: Partial<Spoken> = {},
  args?: readonly PlanValue[],
) =>
  codeContract(planOf({ flaw: 'code-injection', payload: PLAIN, ...part }, args, names), { ...spoken, ...more }) !==
  undefined;

test('plain code is evaluated by contract where the function, its parameter or the option is named as code', () => {
  assert.equal(isEvaluating({}, ['evaluate']), true);
  assert.equal(isEvaluating({}, ['compileTemplate']), true);
  assert.equal(isEvaluating({}, ['go'], { parameters: ['expr'] }), true);
  assert.equal(isEvaluating({}, [], { description: 'A tiny template engine' }), true);
  const option = (name: string): readonly PlanValue[] => [{ kind: 'object', members: [[name, payload]] }];
  assert.equal(isEvaluating({}, ['go'], {}, option('script')), true);
  assert.equal(isEvaluating({}, ['evaluate'], {}, option('label')), false);
});

test('plain code where nothing says code is an injection', () => {
  assert.equal(isEvaluating({}, ['format']), false);
  // The name of the package speaks for the package as a function only, not for each of its functions.
  assert.equal(isEvaluating({}, ['format'], { description: 'A tiny template engine' }), false);
});

test('what breaks out of the text around it is an injection whatever the function is called', () => {
  for (const text of [`';${PLAIN};'`, `"+(${PLAIN})+"`, `x){};${PLAIN};//`, `*/${PLAIN}/*`, `(){};${PLAIN};function x`])
    assert.equal(isEvaluating({ payload: text }, ['compile']), false, text);
  assert.equal(isEvaluating({ payload: `(${PLAIN})` }, ['compile']), true);
});

test('who promises to hold code in has broken the promise, and so has a language of its own that is climbed out of', () => {
  assert.equal(isEvaluating({}, ['evaluate'], { description: 'Safe evaluation of expressions' }), false);
  const climb = `this.constructor.constructor('${PLAIN}')()`;
  assert.equal(isEvaluating({ payload: climb }, ['evaluate']), false);
  assert.equal(isEvaluating({ payload: climb }, ['evaluate'], { nativeContext: true }), true);
});

test('the route to the prototype is levelled in the payload and in every argument, and nowhere else', () => {
  const level = withoutRoute(
    planOf(
      { payload: '__proto__.{{canary}}' },
      [{ kind: 'parse', text: '{"constructor":{"prototype":{}}}' }],
      ['prototype', 'set'],
    ),
  );
  assert.doesNotMatch(JSON.stringify([level.payload, level.drive]), /__proto__|constructor|prototype/);
  assert.match(level.payload, /\{\{canary\}\}/);
  assert.deepEqual(level.reach[0], { kind: 'get', name: 'prototype' });
});
