/** A patch of our small package, and packages of our own that depend on it in different ways. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type FakeRegistry, startFakeRegistry } from '../../test/fakes/fake-registry.ts';
import { openSandbox } from '../../test/support/sandbox.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { createRegistry, openTarget, type Registry } from '../target/index.ts';
import { type DependentEffect, tryDependent } from './dependent-service.ts';
import { writePatch } from './unified-diff.ts';

const NAME = 'headstart-fixture-depended-on';
const SOURCE = "exports.join = (parts) => parts.join('/');\nexports.first = (parts) => parts[0];\n";
const patchOf = (from: string, to: string): string =>
  writePatch(new Map([['index.js', SOURCE]]), new Map([['index.js', SOURCE.replace(from, to)]]));
/** Ordinary use of `join` is as before, that of `first` is not. */
const PATCH = patchOf('parts[0]', 'parts.at(-1)');

let server: FakeRegistry;
let sandbox: Sandbox;
let registry: Registry;
let folder: string;
before(async () => {
  server = await startFakeRegistry();
  sandbox = await openSandbox();
  folder = mkdtempSync(join(tmpdir(), 'headstart-dependents-'));
  const settings = { registry: server.address, scopes: {}, ca: [], strictSsl: true, proxy: null, noProxy: null };
  registry = createRegistry({
    ...{ mode: 'fresh', cache: join(folder, 'cache') },
    settings: { ...settings, cacheDirectory: join(folder, 'cache') },
  });
  for (const version of ['1.0.0', '2.0.0']) await server.publish({ name: NAME, version }, { 'index.js': SOURCE });
});
after(async () => {
  await server?.close();
  await sandbox?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Dependent {
  readonly test?: string;
  readonly wants?: string | null;
  readonly own?: string;
}

async function effectOf(
  name: string,
  { test: script, wants = '1.0.0', own }: Dependent,
  patch = PATCH,
): Promise<DependentEffect> {
  const manifest = {
    ...{ name, version: '1.0.0', dependencies: wants === null ? {} : { [NAME]: wants } },
    ...(script !== undefined && { scripts: { test: script } }),
  };
  await server.publish(manifest, { 'test.js': own ?? '' });
  const scratch = join(folder, 'scratch');
  const target = `pkg:npm/${name}@1.0.0`;
  const opened = await openTarget({ target, scratch, registry, withDevDependencies: true });
  assert.ok(opened.ok, opened.ok ? '' : opened.refusal.reason);
  try {
    return await tryDependent({ run: sandbox.run, scratch }, opened.value, { name: NAME, version: '1.0.0' }, patch);
  } finally {
    await opened.value.dispose();
  }
}

const uses = (call: string, expected: string): string =>
  `require('node:assert').equal(require('${NAME}').${call}, ${expected});`;

test('a dependent whose tests go on as before is not broken, and one whose tests fail with the patch is', async () => {
  const joins = await effectOf('dependent-joins', { test: 'node test.js', own: uses("join(['a', 'b'])", "'a/b'") });
  assert.equal(joins.effect, 'not-breaking', joins.reason);
  const firsts = await effectOf('dependent-firsts', { test: 'node test.js', own: uses("first(['a', 'b'])", "'a'") });
  assert.equal(firsts.effect, 'breaking', firsts.reason);
  assert.equal(firsts.dependent, 'pkg:npm/dependent-firsts@1.0.0');
});

test('what says nothing is unknown, each with its reason', async () => {
  const own = uses("join(['a'])", "'a'");
  for (const [name, dependent, patch, reason] of [
    ['no-tests', {}, PATCH, /not run: the package has no test script/],
    ['fails-before', { test: 'exit 3' }, PATCH, /not run: they do not run on the unpatched version either/],
    ['needs-missing', { test: 'no-such-runner' }, PATCH, /not run/],
    [
      'other-version',
      { test: 'node test.js', wants: '2.0.0', own },
      PATCH,
      /it uses .* 2\.0\.0, and the patch is for 1\.0\.0/,
    ],
    ['no-dependency', { test: 'exit 0', wants: null }, PATCH, /does not depend on/],
    ['other-text', { test: 'node test.js', own }, patchOf('parts[0]', 'x').replace('parts[0]', 'y'), /does not apply/],
    ['no-patch', { test: 'node test.js', own }, 'nothing', /patch/],
  ] as const) {
    const effect = await effectOf(`dependent-${name}`, dependent, patch);
    assert.equal(effect.effect, 'unknown', `${name}: ${effect.reason}`);
    assert.match(effect.reason, reason, name);
  }
});
