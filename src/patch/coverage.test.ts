import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EnteredFunction, isEnteredAgain } from './coverage.ts';

const at = (file: string, name: string): EnteredFunction => ({ file, name, start: 10, end: 20 });
const WAY = [at('pack/lib/put.js', 'put')];
const isAgain = (loaded: readonly string[], ...entered: EnteredFunction[]) => isEnteredAgain(WAY, { entered, loaded });

test('a function is entered again under its name, wherever it stands in its file now', () => {
  assert.equal(isAgain(['pack/lib/put.js'], { ...at('pack/lib/put.js', 'put'), start: 90, end: 99 }), true);
  assert.equal(isAgain(['pack/lib/put.js'], at('pack/lib/put.js', 'take')), false);
  assert.equal(isAgain(['pack/lib/put.js', 'pack/other.js'], at('pack/other.js', 'put')), false);
});

test('where its file is no longer loaded, it may have moved to another one of the same package', () => {
  assert.equal(isAgain(['pack/dist/all.js'], at('pack/dist/all.js', 'put')), true);
  assert.equal(isAgain(['other/put.js'], at('other/put.js', 'put')), false);
  assert.equal(isAgain(['pack/dist/all.js'], at('pack/dist/all.js', '')), false);
});

test('a function without a name is known by its file alone', () => {
  const entered = [at('pack/lib/put.js', 'take')];
  assert.equal(isEnteredAgain([at('pack/lib/put.js', '')], { entered, loaded: ['pack/lib/put.js'] }), true);
  assert.equal(isEnteredAgain([at('pack/gone.js', '')], { entered, loaded: ['pack/lib/put.js'] }), false);
});
