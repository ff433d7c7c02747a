import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type FakeRegistry, startFakeRegistry } from '../../test/fakes/fake-registry.ts';
import type { Manifest } from './manifest.ts';
import type { NpmSettings } from './npm-settings-client.ts';
import { createRegistry, type Registry, type RegistryOptions } from './registry-client.ts';

let fake: FakeRegistry;
let home: string;
let cache: string;

before(async () => {
  fake = await startFakeRegistry();
  home = mkdtempSync(join(tmpdir(), 'headstart-registry-'));
});
after(async () => {
  await fake.close();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => {
  cache = mkdtempSync(join(home, 'cache-'));
});

function settingsFor(registry: string): NpmSettings {
  return { registry, scopes: {}, ca: [], strictSsl: true, proxy: null, noProxy: '127.0.0.1', cacheDirectory: cache };
}

function open(mode: RegistryOptions['mode'] = 'fresh', limits: RegistryOptions['limits'] = {}): Registry {
  return createRegistry({ mode, settings: settingsFor(fake.address), limits: { pauseMs: 1, ...limits } });
}

async function manifestOf(name: string, registry = open()): Promise<Manifest> {
  const answer = await registry.packument(name);
  const manifest = answer.ok ? Object.values(answer.value.versions)[0] : undefined;
  assert.ok(manifest, `${name} was published`);
  return manifest;
}

const asks = (path: string) => fake.asked.filter((asked) => asked === path).length;

test('a registry that refuses twice is asked a third time', async () => {
  await fake.publish({ name: 'twice-refused', version: '1.0.0' });
  fake.fail('/twice-refused', 'refuse', 2);
  assert.equal((await manifestOf('twice-refused')).version, '1.0.0');
  assert.equal(asks('/twice-refused'), 3);
});

test('a registry that refuses for good is unavailable, and the refusal says what to do', async () => {
  await fake.publish({ name: 'refused', version: '1.0.0' });
  fake.fail('/refused', 'refuse');
  const answer = await open().packument('refused');
  assert.ok(!answer.ok && answer.refusal.kind === 'registry-unavailable');
  assert.match(answer.refusal.reason, /--cache/);
  assert.equal(asks('/refused'), 3);
});

test('a registry that never answers is given up after its time', async () => {
  fake.fail('/silent', 'hang');
  const answer = await open('fresh', { requestMs: 60, attempts: 2 }).packument('silent');
  assert.equal(!answer.ok && answer.refusal.kind, 'registry-unavailable');
  assert.equal(asks('/silent'), 2);
});

test('an archive cut off after its last byte is fetched again', async () => {
  await fake.publish({ name: 'cut', version: '1.0.0' });
  fake.fail('/cut/-/1.0.0.tgz', 'cut', 1);
  const registry = open();
  const answer = await registry.archive(await manifestOf('cut', registry));
  assert.ok(answer.ok);
  assert.equal(asks('/cut/-/1.0.0.tgz'), 2);
});

test('a truncated archive is fetched again, and never passed on', async () => {
  await fake.publish({ name: 'short', version: '1.0.0' });
  fake.fail('/short/-/1.0.0.tgz', 'truncate', 1);
  const registry = open();
  assert.ok((await registry.archive(await manifestOf('short', registry))).ok);
  fake.fail('/shorter/-/1.0.0.tgz', 'truncate');
  await fake.publish({ name: 'shorter', version: '1.0.0' });
  assert.ok(!(await registry.archive(await manifestOf('shorter', registry))).ok);
});

test('an answer that comes twice is a mismatch for an archive and unreadable for a document', async () => {
  await fake.publish({ name: 'double', version: '1.0.0' });
  const registry = open();
  const manifest = await manifestOf('double', registry);
  fake.fail('/double/-/1.0.0.tgz', 'twice');
  const archive = await registry.archive(manifest);
  assert.equal(!archive.ok && archive.refusal.kind, 'integrity-mismatch');
  fake.fail('/double', 'twice');
  const document = await registry.packument('double', { full: true });
  assert.equal(!document.ok && document.refusal.kind, 'registry-unavailable');
});

test('an archive replaced after its hash was announced is refused', async () => {
  await fake.publish({ name: 'replaced', version: '1.0.0' });
  const registry = open();
  const manifest = await manifestOf('replaced', registry);
  await fake.publish({ name: 'replaced', version: '1.0.0', changed: true });
  const answer = await registry.archive(manifest);
  assert.equal(!answer.ok && answer.refusal.kind, 'integrity-mismatch');
});

test('a package that does not exist is not found, and is asked for once', async () => {
  const answer = await open().packument('nobody');
  assert.equal(!answer.ok && answer.refusal.kind, 'not-found');
  assert.equal(asks('/nobody'), 1);
});

test('a failed answer is not remembered', async () => {
  const registry = open();
  assert.equal((await registry.packument('later')).ok, false);
  await fake.publish({ name: 'later', version: '1.0.0' });
  assert.equal((await registry.packument('later')).ok, true);
});

test('what was fetched once is there without the registry', async () => {
  await fake.publish({ name: 'kept', version: '1.0.0' });
  const online = open();
  await online.archive(await manifestOf('kept', online));
  const before = fake.asked.length;
  const offline = open('offline');
  const archive = await offline.archive(await manifestOf('kept', offline));
  assert.ok(archive.ok);
  assert.equal(fake.asked.length, before);
});

test('offline, what is not in the cache is refused with what to do', async () => {
  const answer = await open('offline').packument('never-fetched');
  assert.equal(!answer.ok && answer.refusal.kind, 'registry-unavailable');
  assert.match(!answer.ok ? answer.refusal.reason : '', /not in the cache/);
  assert.equal(asks('/never-fetched'), 0);
});

test('an answer larger than its limit is refused', async () => {
  await fake.publish({ name: 'big', version: '1.0.0', description: 'x'.repeat(5_000) });
  const answer = await open('fresh', { packumentBytes: 1_000 }).packument('big');
  assert.equal(!answer.ok && answer.refusal.kind, 'too-large');
});

test('a cache made by one is read by another who names its directory', async () => {
  await fake.publish({ name: 'shared', version: '1.0.0' });
  const directory = join(home, 'named');
  const limits = { pauseMs: 1 };
  const first = createRegistry({ mode: 'cache-first', cache: directory, settings: settingsFor(fake.address), limits });
  await first.archive(await manifestOf('shared', first));
  const second = createRegistry({ mode: 'cache-first', cache: directory, settings: settingsFor(fake.address), limits });
  await second.archive(await manifestOf('shared', second));
  assert.equal(asks('/shared') + asks('/shared/-/1.0.0.tgz'), 2);
});
