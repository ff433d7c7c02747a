import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type FakeManifest,
  type FakeRegistry,
  packMembers,
  packPackage,
  startFakeRegistry,
} from '../../test/fakes/fake-registry.ts';
import { createRegistry, listVersions, openPackageSource, openTarget, type Registry } from './index.ts';
import type { PackageTree } from './package-tree.ts';

let fake: FakeRegistry;
let registry: Registry;
let home: string;

before(async () => {
  fake = await startFakeRegistry();
  home = mkdtempSync(join(tmpdir(), 'headstart-target-'));
  registry = createRegistry({
    mode: 'fresh',
    settings: {
      registry: fake.address,
      scopes: {},
      ca: [],
      strictSsl: true,
      proxy: null,
      noProxy: '127.0.0.1',
      cacheDirectory: join(home, 'cache'),
    },
    limits: { pauseMs: 1 },
  });
});
after(async () => {
  await fake.close();
  rmSync(home, { recursive: true, force: true });
});

const scratch = () => join(home, 'scratch');
const open = (target: string, withDevDependencies = false) =>
  openTarget({ target, scratch: scratch(), registry, withDevDependencies });

async function opened(target: string, withDevDependencies = false): Promise<PackageTree> {
  const answer = await open(target, withDevDependencies);
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

const publish = async (...manifests: FakeManifest[]) => {
  for (const manifest of manifests) await fake.publish(manifest);
};

const versionAt = (tree: PackageTree, path: string) =>
  JSON.parse(readFileSync(join(tree.directory, path, 'package.json'), 'utf8')).version as string;

test('dependencies lie at the top, and a second version below the one who needs it', async () => {
  await publish(
    { name: 'lay-x', version: '1.0.0' },
    { name: 'lay-x', version: '2.0.0' },
    { name: 'lay-b', version: '1.0.0', dependencies: { 'lay-x': '^2.0.0' } },
    { name: 'lay-a', version: '1.0.0', dependencies: { 'lay-b': '*', 'lay-x': '^1.0.0' } },
  );
  const tree = await opened('pkg:npm/lay-a@1.0.0');
  assert.equal(versionAt(tree, 'node_modules/lay-x'), '1.0.0');
  assert.equal(versionAt(tree, 'node_modules/lay-b/node_modules/lay-x'), '2.0.0');
  assert.deepEqual(tree.dependencies, ['lay-b@1.0.0', 'lay-x@1.0.0', 'lay-x@2.0.0']);
  assert.equal(tree.packagePath, 'node_modules/lay-a');
});

test('packages that need each other end', async () => {
  await publish(
    { name: 'ring-a', version: '1.0.0', dependencies: { 'ring-b': '1' } },
    { name: 'ring-b', version: '1.0.0', dependencies: { 'ring-a': '1' } },
  );
  assert.deepEqual((await opened('pkg:npm/ring-a')).dependencies, ['ring-b@1.0.0']);
});

test('an alias lies under its other name', async () => {
  await publish(
    { name: 'real-name', version: '3.0.0' },
    { name: 'aliasing', version: '1.0.0', dependencies: { nick: 'npm:real-name@^3.0.0' } },
  );
  const tree = await opened('pkg:npm/aliasing');
  assert.equal(versionAt(tree, 'node_modules/nick'), '3.0.0');
});

test('peers are installed, optional ones are not, and a clash is told', async () => {
  await publish(
    { name: 'peer-p', version: '1.0.0' },
    { name: 'peer-p', version: '2.0.0' },
    { name: 'peer-q', version: '1.0.0', peerDependencies: { 'peer-p': '^2.0.0' } },
    {
      name: 'peer-a',
      version: '1.0.0',
      dependencies: { 'peer-p': '1.0.0', 'peer-q': '1' },
      peerDependencies: { 'lay-z': '*', 'peer-o': '*' },
      peerDependenciesMeta: { 'peer-o': { optional: true } },
    },
    { name: 'lay-z', version: '1.0.0' },
  );
  const tree = await opened('pkg:npm/peer-a');
  assert.deepEqual(tree.dependencies, ['lay-z@1.0.0', 'peer-p@1.0.0', 'peer-q@1.0.0']);
  assert.deepEqual(tree.uncovered, ['peer dependency peer-p@^2.0.0 of peer-q@1.0.0: 1.0.0 is used in its place']);
});

test('what cannot be had is named, and the rest is there', async () => {
  await publish(
    { name: 'part-x', version: '1.0.0' },
    {
      name: 'part-a',
      version: '1.0.0',
      dependencies: {
        'part-x': '1',
        'part-git': 'git+https://example.org/a.git',
        'part-gone': '1',
        'part-old': 'file:../x',
      },
      optionalDependencies: { 'part-none': '1' },
    },
  );
  const tree = await opened('pkg:npm/part-a');
  assert.deepEqual(tree.dependencies, ['part-x@1.0.0']);
  assert.deepEqual(tree.uncovered, [
    'dependency part-git@git+https://example.org/a.git of part-a@1.0.0: comes from a git repository, which is not fetched',
    'dependency part-gone@1 of part-a@1.0.0: the registry has no package "part-gone"',
    'dependency part-old@file:../x of part-a@1.0.0: comes from a directory address, which is not fetched',
    'optional dependency part-none@1 of part-a@1.0.0: the registry has no package "part-none"',
  ]);
});

test('a native build and an install script are told and not run', async () => {
  await fake.publish({ name: 'native', version: '1.0.0' }, { 'binding.gyp': '{}' });
  await fake.publish({ name: 'hooked', version: '1.0.0', scripts: { postinstall: 'exit 1' } });
  assert.match((await opened('pkg:npm/native')).uncovered.join(), /native build; no install script is run/);
  assert.match((await opened('pkg:npm/hooked')).uncovered.join(), /install script \(postinstall\)/);
});

test('a bundled dependency is the one that was packed', async () => {
  await publish({ name: 'bun-x', version: '9.0.0' });
  const files = { 'node_modules/bun-x/package.json': '{"name":"bun-x","version":"1.0.0"}' };
  const bundled = { name: 'bun-a', version: '1.0.0', dependencies: { 'bun-x': '*' }, bundleDependencies: ['bun-x'] };
  await fake.publish(bundled, files);
  const tree = await opened('pkg:npm/bun-a');
  assert.equal(versionAt(tree, 'node_modules/bun-a/node_modules/bun-x'), '1.0.0');
  assert.deepEqual(tree.dependencies, []);
});

test('what only its own tests need comes on request', async () => {
  await publish(
    { name: 'dev-x', version: '1.0.0' },
    { name: 'dev-a', version: '1.0.0', devDependencies: { 'dev-x': '1' } },
  );
  assert.deepEqual((await opened('pkg:npm/dev-a')).dependencies, []);
  assert.deepEqual((await opened('pkg:npm/dev-a', true)).dependencies, ['dev-x@1.0.0']);
});

test('a hostile archive, of the target or of a dependency, refuses and leaves nothing behind', async () => {
  const climbing = await packMembers([{ name: 'package/package.json', content: '{}' }, { name: 'package/../../x' }]);
  await fake.publish({ name: 'hostile', version: '1.0.0' }, {}, climbing);
  await publish({ name: 'victim', version: '1.0.0', dependencies: { hostile: '1' } });
  const before = readdirSync(scratch());
  for (const target of ['pkg:npm/hostile', 'pkg:npm/victim']) {
    const answer = await open(target);
    assert.ok(!answer.ok);
    assert.equal(answer.refusal.kind, 'hostile-archive');
    assert.equal(answer.refusal.target, target);
  }
  assert.deepEqual(readdirSync(scratch()), before);
});

test('a registry that fails half-way refuses the target, and optional losses do not', async () => {
  await publish(
    { name: 'half-x', version: '1.0.0' },
    { name: 'half-y', version: '1.0.0' },
    { name: 'half-a', version: '1.0.0', dependencies: { 'half-x': '1' } },
    { name: 'half-b', version: '1.0.0', optionalDependencies: { 'half-y': '1' } },
  );
  fake.fail('/half-x/-/1.0.0.tgz', 'refuse');
  fake.fail('/half-y/-/1.0.0.tgz', 'refuse');
  const answer = await open('pkg:npm/half-a');
  assert.equal(!answer.ok && answer.refusal.kind, 'registry-unavailable');
  assert.match((await opened('pkg:npm/half-b')).uncovered.join(), /half-y@1.0.0/);
});

test('everything unpacked can be read by another user, whatever the archive and the umask say', async () => {
  const members = [
    { name: 'package/package.json', content: '{"name":"modes","version":"1.0.0"}', mode: 0o000 },
    { name: 'package/bin/run', content: '#!/bin/sh', mode: 0o4711 },
  ];
  await fake.publish({ name: 'modes', version: '1.0.0' }, {}, await packMembers(members));
  const umask = process.umask(0o077);
  try {
    const { directory } = await opened('pkg:npm/modes');
    const mode = (path: string) => (statSync(join(directory, path)).mode & 0o7777).toString(8);
    assert.deepEqual(
      ['', 'node_modules/modes/bin', 'node_modules/modes/package.json', 'node_modules/modes/bin/run'].map(mode),
      ['755', '755', '644', '755'],
    );
  } finally {
    process.umask(umask);
  }
});

test('the same content has the same digest, and disposing removes it', async () => {
  await publish({ name: 'same', version: '1.0.0' }, { name: 'same', version: '1.0.1' });
  const [one, two, other] = [
    await opened('pkg:npm/same@1.0.0'),
    await opened('pkg:npm/same@1.0.0'),
    await opened('pkg:npm/same'),
  ];
  assert.equal(one.contentSha256, two.contentSha256);
  assert.notEqual(one.contentSha256, other.contentSha256);
  assert.notEqual(one.directory, two.directory);
  await one.dispose();
  assert.throws(() => statSync(one.directory), /ENOENT/);
});

test('an archive and a directory give the same tree as the registry', async () => {
  const manifest = { name: 'three-ways', version: '1.0.0' };
  await fake.publish(manifest);
  const directory = join(home, 'checkout');
  mkdirSync(join(directory, 'node_modules/left-out'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(directory, 'index.js'), 'module.exports = 1;\n');
  writeFileSync(join(home, 'three.tgz'), await packPackage(manifest));
  const trees = [await opened('pkg:npm/three-ways'), await opened(join(home, 'three.tgz')), await opened(directory)];
  assert.equal(new Set(trees.map(({ contentSha256 }) => contentSha256)).size, 1);
  symlinkSync('/etc/passwd', join(directory, 'link'));
  assert.match((await opened(directory)).uncovered.join(), /link or device was left out: "link"/);
});

test('a target that is not there, or is no package, is refused', async () => {
  mkdirSync(join(home, 'empty'), { recursive: true });
  writeFileSync(join(home, 'no.tgz'), 'no');
  const kinds = [
    'pkg:npm/absent',
    join(home, 'absent'),
    join(home, 'absent.tgz'),
    join(home, 'empty'),
    join(home, 'no.tgz'),
    'pkg:gem/x',
  ].map(async (target) => {
    const answer = await open(target);
    return answer.ok ? 'opened' : answer.refusal.kind;
  });
  assert.deepEqual(await Promise.all(kinds), [
    'not-found',
    'not-found',
    'not-found',
    'bad-target',
    'hostile-archive',
    'bad-target',
  ]);
});

test('a version that was not published is not found, and a tag is what it points at', async () => {
  await publish({ name: 'tagged', version: '1.0.0' }, { name: 'tagged', version: '2.0.0' });
  const answer = await open('pkg:npm/tagged@3.0.0');
  assert.equal(!answer.ok && answer.refusal.kind, 'not-found');
  assert.equal((await opened('pkg:npm/tagged@latest')).version, '2.0.0');
});

test('versions are listed oldest first with their dates', async () => {
  await publish({ name: 'many', version: '10.0.0' }, { name: 'many', version: '9.0.0', deprecated: 'old' });
  const answer = await listVersions(registry, 'many');
  assert.deepEqual(answer.ok && answer.value, [
    { version: '9.0.0', publishedAt: '1970-01-02T00:00:00.000Z', deprecated: 'old' },
    { version: '10.0.0', publishedAt: '1970-01-01T00:00:00.000Z', deprecated: null },
  ]);
});

test('the package alone comes without what it needs', async () => {
  await publish({ name: 'alone', version: '1.0.0', dependencies: { same: '1.0.0' } });
  const answer = await openPackageSource({ target: 'pkg:npm/alone', scratch: scratch(), registry });
  assert.ok(answer.ok);
  assert.deepEqual(readdirSync(answer.value.directory).sort(), ['index.js', 'package.json']);
});
