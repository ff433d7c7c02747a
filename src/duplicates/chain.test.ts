import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findChains, type Link, OUTSIDE } from './chain.ts';

const hold = (capability: Link['gives']['capability'], position: string) => ({ capability, position });
const read: Link = {
  findingId: 'f1',
  project: 'codec',
  needs: OUTSIDE,
  gives: hold('read-memory', 'renderer'),
  score: 5.3,
};
const run: Link = {
  findingId: 'f2',
  project: 'codec',
  needs: hold('read-memory', 'renderer'),
  gives: hold('run-code', 'renderer'),
  score: 7.1,
};
const leave: Link = {
  findingId: 'f3',
  project: 'browser',
  needs: hold('run-code', 'renderer'),
  gives: hold('cross-boundary', 'host'),
  score: 6,
};

test('findings that follow each other make chains, the gravest first, with a priority of their own', () => {
  const chains = findChains([leave, run, read]);
  assert.deepEqual(
    chains.map(({ links }) => links.map(({ findingId }) => findingId).join()),
    ['f1,f2,f3', 'f1,f2'],
  );
  assert.ok((chains[0]?.priority ?? 0) > 7.1);
  assert.ok(chains[0]?.reasons.includes('crosses projects'));
});

test('what nobody outside can begin is no chain, and neither is a circle', () => {
  assert.deepEqual(findChains([run, leave]), []);
  const back: Link = { ...run, findingId: 'f4', gives: OUTSIDE };
  assert.ok(findChains([read, back]).every(({ links }) => links.every(({ findingId }) => findingId !== 'f4')));
});

test('a chain is never less urgent than its gravest link', () => {
  const chains = findChains([
    { ...read, score: 9.8 },
    { ...run, gives: hold('learn-layout', 'renderer') },
  ]);
  assert.equal(chains[0]?.priority, 9.8);
});

test('a chain holds ids, capabilities and positions, and nothing that runs', () => {
  for (const { links } of findChains([read, run, leave])) {
    for (const link of links) {
      assert.deepEqual(Object.keys(link).sort(), ['findingId', 'gives', 'needs', 'project', 'score']);
    }
  }
});
