/** Host uids are never shared between launchers, and those of dead launchers come back. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createHostUids } from './host-uid-client.ts';

const root = mkdtempSync(join(tmpdir(), 'headstart-uids-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('two launchers never hold the same uid, and one given back is used again by its holder', () => {
  const directory = join(root, 'shared');
  const [one, two] = [createHostUids(directory, 'one'), createHostUids(directory, 'two')];
  const leased = [one.lease(), two.lease(), one.lease(), two.lease()];
  assert.equal(new Set(leased).size, 4);
  assert.ok(leased.every((uid) => uid !== undefined && uid >= 64_000 && uid <= 64_999));
  one.giveBack(leased[0] ?? 0);
  assert.notEqual(two.lease(), leased[0]);
  assert.equal(one.lease(), leased[0]);
  one.close();
  two.close();
  assert.deepEqual(readdirSync(directory), []);
});

test('the lock of a dead launcher is reclaimed, that of a living one and an unreadable one are not', () => {
  const directory = join(root, 'stale');
  const first = createHostUids(directory, 'first');
  const held = first.lease();
  writeFileSync(join(directory, '64001'), `${process.pid}-1`);
  writeFileSync(join(directory, '64002'), '999999999-5');
  const second = createHostUids(directory, 'second');
  const leased = [second.lease(), second.lease(), second.lease()];
  assert.equal(held, 64_000);
  assert.deepEqual(leased, [64_001, 64_002, 64_003]);
  first.close();
  second.close();
});

test('when the range is used up there is no uid, rather than a shared one', () => {
  const directory = join(root, 'full');
  const all = createHostUids(directory, 'all');
  for (let count = 0; all.lease() !== undefined; count += 1) assert.ok(count < 1_000);
  const late = createHostUids(directory, 'late');
  assert.equal(late.lease(), undefined);
  all.close();
  assert.equal(late.lease(), 64_000);
  late.close();
});
