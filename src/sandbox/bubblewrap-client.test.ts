/** Where bubblewrap comes from, and what is said when it does not come. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ensureBubblewrap, findBubblewrap } from './bubblewrap-client.ts';

const home = mkdtempSync(join(tmpdir(), 'headstart-bubblewrap-'));
after(() => rmSync(home, { recursive: true, force: true }));

test('an installed bubblewrap is found and says its version; nothing is installed', async () => {
  const said: string[] = [];
  const found = await ensureBubblewrap({ home, noApt: true, say: (line) => void said.push(line) });
  assert.ok(found.ok);
  assert.match(found.value.version, /^bubblewrap \d/);
  assert.deepEqual(said, []);
});

test('where it is missing and nothing may be installed, the refusal names the package', async () => {
  const said: string[] = [];
  const refused = await ensureBubblewrap({
    home,
    noApt: true,
    say: (line) => void said.push(line),
    path: home,
    cloneHome: home,
  });
  assert.ok(!refused.ok);
  assert.equal(refused.refusal.layer, 'bubblewrap');
  assert.match(refused.refusal.reason, /HEADSTART_NO_APT.*apt-get install bubblewrap/);
  assert.deepEqual(said, []);
});

test('a program that does not run is not taken for bubblewrap', async () => {
  const empty = join(home, 'empty');
  mkdirSync(join(empty, 'bwrap'), { recursive: true });
  assert.equal(await findBubblewrap(join(home, 'none'), empty, empty), undefined);
  assert.deepEqual(readdirSync(join(empty, 'bwrap')), []);
});
