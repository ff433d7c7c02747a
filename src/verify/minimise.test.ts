import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProbePlan } from '../probe/index.ts';
import { minimise } from './minimise.ts';

const plan = (payload: string): ProbePlan => ({
  flaw: 'code-injection',
  file: '',
  format: 'cjs',
  reach: [],
  drive: { kind: 'call', args: [], after: [] },
  payload,
});
/** Every way to leave one character out. */
const shorter = ({ payload }: ProbePlan) =>
  [...payload].map((_, index) => plan(payload.slice(0, index) + payload.slice(index + 1)));

test('the smallest plan that still fires is found', async () => {
  const fires = async ({ payload }: ProbePlan) => payload.includes('a') && payload.includes('c');
  const result = await minimise(plan('xaxbxc'), { simplifications: shorter, fires, atOnce: 1, maxRuns: 1000 });
  assert.equal(result.payload, 'ac');
});

test('running side by side changes nothing about the result', async () => {
  const fires = async ({ payload }: ProbePlan) => payload.length > 2 || payload === 'bc';
  const of = (atOnce: number) => minimise(plan('abcd'), { simplifications: shorter, fires, atOnce, maxRuns: 1000 });
  assert.deepEqual(await of(3), await of(1));
});

test('no plan is run twice and the number of runs is bounded', async () => {
  const seen: string[] = [];
  const fires = async ({ payload }: ProbePlan) => {
    seen.push(payload);
    return payload.length > 0;
  };
  await minimise(plan('abcdef'), { simplifications: shorter, fires, atOnce: 2, maxRuns: 9 });
  assert.ok(seen.length <= 9, `${seen.length}`);
  assert.equal(new Set(seen).size, seen.length);
});

test('a plan that cannot be made smaller stays as it is', async () => {
  const it = plan('a');
  const result = await minimise(it, { simplifications: shorter, fires: async () => false, atOnce: 1, maxRuns: 10 });
  assert.equal(result, it);
});
