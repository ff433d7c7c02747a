/** Whatever a target is or does, it is contained and told with its reason, and the campaign goes on to the next one. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createCampaignStore } from '../../src/campaign/campaign-store.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { readMasterKey } from '../../src/store/master-key.ts';
import { createVault } from '../../src/store/vault.ts';
import {
  bomb,
  HIDES_FROM_HARNESS,
  MISBEHAVIOURS,
  manyFiles,
  writePackage,
  writeTarball,
} from '../support/hostile-packages.ts';
import { createInstallation, type Ended, FIXTURE_PACKAGES, type Installation } from '../support/installation.ts';

const CLEAN = 'exports.add = function add(left, right) { return left + right; };';

let installation: Installation;
let run: Ended;
let targets: Readonly<Record<string, string>>;
let settled: ReadonlyMap<
  string,
  { readonly state: string; readonly reason: string | null; readonly skipped: readonly string[] }
>;

before(
  async () => {
    installation = await createInstallation({ packages: FIXTURE_PACKAGES });
    const folder = join(installation.folder, 'targets');
    const hostile = Object.entries(MISBEHAVIOURS).map(([name, body]) => [
      name,
      writePackage(folder, name, { 'index.js': body }),
    ]);
    targets = {
      'not-there': join(folder, 'no-such-directory'),
      'not-published': 'pkg:npm/headstart-fixture-nobody@1.0.0',
      'no-such-version': 'pkg:npm/headstart-fixture-pollution@9.9.9',
      'no-package': writePackage(folder, 'no-package', { 'package.json': '{"private":true' }),
      'needs-native': writePackage(folder, 'needs-native', {
        'binding.gyp': '{"targets":[{"target_name":"addon","sources":["a.cc"]}]}',
        'a.cc': 'int main() {}',
        'index.js': "module.exports = require('./build/Release/addon.node');",
      }),
      ...Object.fromEntries(hostile),
      'is-shy': writePackage(folder, 'is-shy', { 'index.js': HIDES_FROM_HARNESS }),
      'many-files': await writeTarball(folder, 'many-files', manyFiles(100_000)),
      'absolute-path': await writeTarball(folder, 'absolute-path', [{ name: '/tmp/headstart-absolute', content: 'x' }]),
      'climbing-path': await writeTarball(folder, 'climbing-path', [
        { name: 'package/../../../climbed', content: 'x' },
      ]),
      links: await writeTarball(folder, 'links', [
        { name: 'package/passwords', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'package/hard', type: 'link', linkname: '/etc/passwd' },
        { name: 'package/passwords/below', content: 'x' },
      ]),
      bomb: await writeTarball(folder, 'bomb', bomb(300 * 1024 * 1024)),
      clean: writePackage(folder, 'clean', { 'index.js': CLEAN }),
    };
    run = await installation.run('scan', ...Object.values(targets), '--json');
    settled = await installation.inDatabase(async (database) => {
      // Which target a row is about is sealed: read with the installation's own master key.
      const masterKey = await readMasterKey(join(installation.home, 'master.key'));
      assert.ok(masterKey);
      const store = createCampaignStore(database, createVault({ masterKey, random: systemRandom }));
      const campaign = await store.findLatest('real');
      assert.ok(campaign);
      const rows = await store.listTargets(campaign.id);
      return new Map(
        rows.map(({ target, state, reason, skipped }) => [
          target,
          { state, reason: reason ?? null, skipped: [...skipped] },
        ]),
      );
    });
  },
  { timeout: 500_000 },
);

after(() => installation?.close());

function outcomeOf(name: string) {
  const outcome = settled.get(targets[name] ?? '');
  assert.ok(outcome, `${name} is not among the targets`);
  return outcome;
}

test('a scan of hostile targets ends by itself, with 8 for what was not covered', () => {
  assert.equal(run.code, 8, run.stderr.slice(-3000));
  assert.ok([...settled.values()].every(({ state }) => state !== 'waiting'));
});

test('the clean target at the end is covered whole, whatever came before it', () => {
  assert.deepEqual(outcomeOf('clean'), { state: 'scanned', reason: null, skipped: [] });
});

const UNAVAILABLE: Readonly<Record<string, RegExp>> = {
  'not-there': /not-found: there is no such/,
  'not-published': /not-found: .*headstart-fixture-nobody/,
  'no-such-version': /not-found: .*has no version "9\.9\.9"/,
  'no-package': /bad-target: its package\.json is unreadable/,
  'many-files': /too-large: .*20,?000/,
  'absolute-path': /hostile-archive: .*headstart-absolute/,
  'climbing-path': /hostile-archive: .*climbed/,
  bomb: /hostile-archive: unpacks to more than/,
};
for (const [name, reason] of Object.entries(UNAVAILABLE)) {
  test(`a target that is ${name} is told as unavailable with the reason`, () => {
    const { state, reason: told } = outcomeOf(name);
    assert.equal(state, 'unavailable');
    assert.match(told ?? '', reason);
    assert.ok(run.stderr.includes(told ?? '-'), 'the reason is told to people');
  });
}

const NOT_COVERED: Readonly<Record<string, RegExp>> = {
  'needs-native': /addon\.node|native/,
  'hangs-on-load': /limit|hung|time/,
  'hangs-on-call': /limit|hung|time/,
  'exits-on-load': /ended|exit/,
  'exits-on-call': /ended|exit|hung/,
  'takes-all-memory': /limit|hung|ended|memory/,
  'speaks-to-terminals': /red/,
  links: /link/,
};
for (const [name, reason] of Object.entries(NOT_COVERED)) {
  test(`what of ${name} was not covered is told with the reason`, () => {
    const { state, skipped } = outcomeOf(name);
    assert.equal(state, 'scanned');
    assert.match(skipped.join('\n'), reason);
  });
}

for (const name of ['floods-output', 'bends-built-ins', 'forks-without-end', 'writes-everywhere']) {
  test(`${name} is scanned to the end and yields no finding`, () => {
    assert.equal(outcomeOf(name).state, 'scanned');
    assert.deepEqual(
      run.json.filter(({ target, status }) => target === purlOf(name) && status === 'confirmed'),
      [],
    );
  });
}

test('a target that stays silent where it notices a search is found all the same, or told as rejected with the reason', () => {
  const found = run.json.filter(({ target }) => target === purlOf('is-shy'));
  assert.deepEqual(
    found.map(({ class: flaw }) => flaw),
    ['command-injection'],
  );
  const [line] = found;
  if (line?.status === 'confirmed') assert.equal(line.reproductions, 3);
  else assert.match(String(line?.reason), /^silent: /);
});

test('nothing was written outside the sandbox', () => {
  for (const place of [
    '/',
    '/tmp',
    '/dev/shm',
    '/etc',
    '/usr',
    homedir(),
    join(installation.folder, 'targets/writes-everywhere'),
  ]) {
    assert.ok(!existsSync(join(place, 'HEADSTART-WAS-HERE')), place);
  }
  assert.ok(!existsSync('/tmp/headstart-absolute'));
  assert.ok(existsSync(join(installation.folder, 'targets/writes-everywhere/index.js')));
});

test('no control character of a target reaches the terminal', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  assert.doesNotMatch(run.stderr + run.stdout, /[\u0000-\u0008\u000b-\u001f\u007f]/);
});

test('nothing false was confirmed', () => {
  const confirmed = run.json.filter(({ status }) => status === 'confirmed').map(({ target }) => target);
  assert.deepEqual(
    confirmed.filter((target) => target !== purlOf('is-shy')),
    [],
  );
});

/** As findings name a target that came from a directory. */
const purlOf = (name: string): string => `pkg:npm/fixture-${name}@1.0.0`;
