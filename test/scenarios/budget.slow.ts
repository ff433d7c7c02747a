import { test } from 'node:test';
import { spendBudgets } from './budget.ts';

const RUNS = 200;
const AT_ONCE = 10;
const seed = Date.now() % 1_000_000;

test(`in 200 runs of each series no budget for 100 calls is overspent, and each is spent (seed ${seed})`, async () => {
  for (let done = 0; done < RUNS; done += AT_ONCE) await spendBudgets(AT_ONCE, seed + done);
});
