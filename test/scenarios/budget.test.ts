import { test } from 'node:test';
import { spendBudgets } from './budget.ts';

const seed = Date.now() % 1_000_000;

test(`a budget for 100 calls admits at most 100 of 500 clients at three gateways that are killed, and is spent (seed ${seed})`, async () => {
  await spendBudgets(1, seed);
});
