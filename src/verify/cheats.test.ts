import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CHEATS, type Cheat } from '../../test/fixtures/cheats.ts';
import { HONEST } from '../../test/fixtures/honest.ts';
import { createWorkbench } from '../../test/fixtures/workbench.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { PackageTree } from '../target/index.ts';
import { type Claim, createVerification } from './index.ts';

const bench = await createWorkbench();
after(() => bench.close());
const verification = createVerification(bench.parts);
const trees = new Map<string, Promise<PackageTree>>();

function treeOf(name: string): Promise<PackageTree> {
  const known = trees.get(name) ?? bench.open(`${name}@1.0.0`);
  trees.set(name, known);
  return known;
}

function claimOf({ flaw, text }: Cheat): Claim {
  return { flaw, reproducer: { file: 'reproduce.cjs', text, sha256: sha256Hex(text) } };
}

test('there are at least a hundred cheating reproducers, no two alike', () => {
  assert.ok(CHEATS.length >= 100, `${CHEATS.length}`);
  assert.equal(new Set(CHEATS.map(({ text }) => text)).size, CHEATS.length);
});

test('none of a hundred cheating reproducers is confirmed', async () => {
  const accepted: string[] = [];
  const waiting = [...CHEATS];
  const work = async (): Promise<void> => {
    for (let cheat = waiting.pop(); cheat; cheat = waiting.pop()) {
      const outcome = await verification.confirmClaim(claimOf(cheat), await treeOf(cheat.packageName));
      if (outcome.ok) accepted.push(cheat.name);
    }
  };
  await Promise.all([work(), work()]);
  assert.deepEqual(accepted, []);
});

for (const honest of HONEST) {
  test(`a reproducer written by hand is confirmed: ${honest.name}`, async () => {
    const outcome = await verification.confirmClaim(claimOf(honest), await treeOf(honest.packageName));
    assert.ok(outcome.ok, outcome.ok ? '' : `${outcome.refusal.reason}: ${outcome.refusal.detail}`);
    assert.equal(outcome.value.reproduction.reproduced, 3);
  });

  test(`the same reproducer is refused on the fixed version: ${honest.name}`, async () => {
    const tree = await bench.open(`${honest.packageName}@1.0.1`);
    const outcome = await verification.confirmClaim(claimOf(honest), tree);
    assert.equal(outcome.ok, false);
  });
}
