/** The two commands from a fresh clone: as a plain user, and as root below a directory that only root may enter. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type FixtureRegistry, startFixtureRegistry } from '../../src/campaign/index.ts';
import { FIXTURE_PACKAGES, REPOSITORY, watch } from '../support/installation.ts';

/** Of `games`, which every Debian has: initdb wants an account with a name. */
const PLAIN = { uid: 5, gid: 60 };
const isRoot = process.getuid?.() === 0;
const skip = !isRoot && 'only root can become another user';
const LIMIT_MS = 10 * 60_000;

let parent: string;
let registry: FixtureRegistry;

before(async () => {
  parent = mkdtempSync(join(tmpdir(), 'headstart-clone-'));
  chmodSync(parent, 0o755);
  registry = await startFixtureRegistry(FIXTURE_PACKAGES);
});

after(async () => {
  await registry?.close();
  rmSync(parent, { recursive: true, force: true });
});

interface Account {
  readonly uid: number;
  readonly gid: number;
}

function must(command: string, ...args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(done.status, 0, `${command} ${args.join(' ')}: ${done.stderr}`);
}

/** A clone of what is committed, with a home directory beside it, both of this account. */
function makeClone(folder: string, { uid, gid }: Account): { clone: string; home: string } {
  const clone = join(folder, 'clone');
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  must('git', 'clone', '--quiet', '--no-hardlinks', REPOSITORY, clone);
  must('chown', '-R', `${uid}:${gid}`, clone, home);
  return { clone, home };
}

/** As a finished `npm ci` leaves them. Files are shared by hard links and stay root's; directories are the account's. */
function lendModules(clone: string, { uid, gid }: Account): void {
  must('cp', '-al', join(REPOSITORY, 'node_modules'), clone);
  const modules = join(clone, 'node_modules');
  rmSync(join(modules, '.cache'), { recursive: true, force: true });
  must('find', modules, '-type', 'd', '-exec', 'chown', `${uid}:${gid}`, '{}', '+');
  const stamp = join(modules, '.installed-lock-sha256');
  rmSync(stamp, { force: true });
  writeFileSync(
    stamp,
    createHash('sha256')
      .update(readFileSync(join(clone, 'package-lock.json')))
      .digest('hex'),
  );
  chownSync(stamp, uid, gid);
}

function run(
  { clone, home }: { clone: string; home: string },
  { uid, gid }: Account,
  command: string,
  ...args: string[]
) {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    LANG: 'C.UTF-8',
    HEADSTART_NO_APT: '1',
    npm_config_update_notifier: 'false',
  };
  const child = spawn(command, args, {
    cwd: clone,
    env: { ...env, ...environment },
    uid,
    gid,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return watch(child).ended;
}

let environment: Readonly<Record<string, string>> = {};

function writeCampaign(clone: string): string {
  const path = join(clone, '..', 'campaign.json');
  const known = [{ ids: ['HEADSTART-DEMO-1001'], class: 'prototype-pollution', fixedVersion: '1.0.1' }];
  const targets = [
    { target: 'pkg:npm/headstart-fixture-pollution@1.0.0', known },
    { target: 'pkg:npm/headstart-fixture-pollution@1.0.1' },
  ];
  writeFileSync(path, JSON.stringify({ name: 'clone', seed: 1, targets }));
  return path;
}

async function runCampaign(place: { clone: string; home: string }, account: Account): Promise<string> {
  environment = { npm_config_registry: registry.url };
  try {
    const args = ['start', '--silent', '--', '--exit', '--json', '--campaign', writeCampaign(place.clone)];
    const ended = await run(place, account, 'npm', ...args);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.json.length, 1, ended.stdout);
    assert.equal(ended.stdout.trim().split('\n').length, 1, 'nothing but the summary stands on standard output');
    assert.equal(ended.json[0]?.advisories, 1);
    return ended.stderr;
  } finally {
    environment = {};
  }
}

test('npm start from a clone of a plain user runs the campaign in the profile user, and all it leaves is his', {
  skip,
  timeout: LIMIT_MS,
}, async () => {
  const place = makeClone(join(parent, 'plain'), PLAIN);
  lendModules(place.clone, PLAIN);
  const said = await runCampaign(place, PLAIN);
  assert.match(said, /sandbox profile: user /);
  const home = join(place.clone, '.headstart');
  const names = readdirSync(home, { recursive: true, encoding: 'utf8' });
  assert.ok(names.length > 100);
  assert.deepEqual(
    names.filter((name) => statSync(join(home, name)).uid !== PLAIN.uid),
    [],
  );
  assert.equal(statSync(home).mode & 0o777, 0o700);
  const attested = await run(place, PLAIN, './headstart', 'sandbox', 'attest', '--json');
  assert.equal(attested.code, 0, attested.stderr);
  const refused = await run(place, PLAIN, './headstart', 'sandbox', 'run', '--profile', 'full', '--', 'true');
  assert.equal(refused.code, 125, 'a plain user is given no other profile than he asked for');
});

test('npm test from a clone of a plain user ends with the count alone on a line', {
  skip,
  timeout: LIMIT_MS,
}, async () => {
  const place = { clone: join(parent, 'plain', 'clone'), home: join(parent, 'plain', 'home') };
  const files = ['src/lib/dsse.test.ts', 'src/store/vault.test.ts', 'src/sandbox/sandbox.test.ts'];
  const ended = await run(place, PLAIN, 'npm', 'test', '--silent', '--', ...files);
  assert.equal(ended.code, 0, `${ended.stdout.slice(-3000)}\n${ended.stderr}`);
  assert.match(ended.stdout, /\n\d+ passed, 0 failed(, \d+ skipped)?\n$/);
});

test('a clone below a directory that only root may enter works as root', { skip, timeout: LIMIT_MS }, async () => {
  const folder = join(parent, 'private');
  mkdirSync(folder, { mode: 0o700 });
  const root = { uid: 0, gid: 0 };
  const place = makeClone(folder, root);
  lendModules(place.clone, root);
  await runCampaign(place, root);
});

test('a command on a clone without node_modules installs them first, running no install script', {
  skip,
  timeout: LIMIT_MS,
}, async (context) => {
  if (spawnSync('npm', ['ping', '--silent']).status !== 0) return context.skip('the npm registry does not answer');
  const place = makeClone(join(parent, 'empty'), PLAIN);
  const ended = await run(place, PLAIN, './headstart', 'validate', 'purl', join(place.clone, 'LICENSE'), '--json');
  assert.match(ended.stderr, /Installing the packages of package-lock\.json \(npm ci, no install scripts\)/);
  assert.equal(ended.code, 1, ended.stderr);
  assert.ok(existsSync(join(place.clone, 'node_modules/.bin/node')));
  const again = await run(place, PLAIN, './headstart', 'validate', 'purl', join(place.clone, 'LICENSE'), '--json');
  assert.doesNotMatch(again.stderr, /Installing/);
});
