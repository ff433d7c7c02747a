import { test } from 'node:test';
import { spendAtGates } from './gate-budget.ts';

const seed = Date.now() % 1_000_000;

test(`over HTTP, at three gateways that are killed, a budget is never overspent, and is spent (seed ${seed})`, async () => {
  await spendAtGates({ each: 1, clients: 150, seed });
});
