import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlockCoverage } from './coverage-inside.ts';
import { conditionIn, guide } from './guided-inside.ts';
import { drawFrom, drawOrder } from './random-inside.ts';
import type { Attempt } from './shapes-inside.ts';

/** A target of two branches, and its coverage, without V8: what a call is given decides what it opens. */
async function callsWith(seed: number): Promise<string[]> {
  const made: string[] = [];
  let last = '';
  let best = 0;
  const depthOf = (text: string): number =>
    text.includes('["mode",{"kind":"json","value":"deep"}]') ? (text.includes('"level"') ? 2 : 1) : 0;
  const coverage = {
    take: () => {
      const depth = depthOf(last);
      const opened = Math.max(0, depth - best) * 10;
      best = Math.max(best, depth);
      return {
        opened,
        passedBy: depth === 0 ? ["if (options.mode === 'deep')"] : ["if (options.level > 3 || a.b !== 'x')"],
      };
    },
  } as unknown as BlockCoverage;
  const call = (attempt: Attempt): Promise<readonly string[]> => {
    last = JSON.stringify(attempt.args);
    made.push(last);
    return Promise.resolve(['mode']);
  };
  const hints = { parameters: ['options'], examples: [], signatures: [], words: [] };
  await guide('code-injection', hints, coverage, drawFrom(seed, 'call .f'), { call, isOver: () => false });
  assert.equal(best, 2);
  return made;
}

test('a call that opens something is gone on from, until the deepest branch is open', async () => {
  assert.ok((await callsWith(1)).length > 20);
});

test('the same seed makes the same calls in the same order, another seed the same kind in another order', async () => {
  const first = await callsWith(7);
  assert.deepEqual(await callsWith(7), first);
  assert.notDeepEqual(await callsWith(8), first);
});

test('names and values before a block are read, the nearest first', () => {
  const { names, constants } = conditionIn(`switch (page.kind) { case 'a': return; case 'b': if (page.copies > 12) `);
  assert.deepEqual(names.slice(0, 2), ['copies', 'page']);
  const values = constants.map((value) => (value.kind === 'json' ? value.value : undefined));
  assert.deepEqual(values, ['b', 'a', 12, 13]);
});

test('a seed draws only what comes after the core, and loses nothing', () => {
  const items = Array.from({ length: 50 }, (_, at) => at);
  const drawn = (seed: number) => drawOrder(items, 10, drawFrom(seed, 'x'));
  assert.deepEqual(drawn(3), drawn(3));
  assert.notDeepEqual(drawn(3), drawn(4));
  assert.deepEqual(drawn(3).slice(0, 10), items.slice(0, 10));
  assert.deepEqual(
    drawn(3).toSorted((left, right) => left - right),
    items,
  );
});
