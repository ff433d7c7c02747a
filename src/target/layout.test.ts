import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok, refuse } from '../lib/result.ts';
import { type Lookup, layOut } from './layout.ts';
import { type Manifest, readManifest } from './manifest.ts';

const HERE = { withDevDependencies: false, os: 'linux', cpu: 'x64' };

function manifest(value: Record<string, unknown>): Manifest {
  const read = readManifest({ version: '1.0.0', ...value });
  assert.ok(read);
  return read;
}

/** A registry in which every package is made when it is asked for. */
function madeBy(make: (name: string) => Record<string, unknown> | undefined): Lookup {
  return async (name) => {
    const made = make(name);
    if (!made) return refuse({ kind: 'registry-unavailable', reason: 'busy' });
    const one = manifest({ name, ...made });
    return ok({ name, tags: { latest: one.version }, versions: { [one.version]: one }, times: {} });
  };
}

const root = (dependencies: Record<string, string>, more = {}) => manifest({ name: 'root', dependencies, ...more });

test('dependencies without end are refused at the limit', async () => {
  const lookup = madeBy((name) => ({ dependencies: { [`p${Number(name.slice(1)) + 1}`]: '*' } }));
  const layout = await layOut(root({ p0: '*' }), lookup, HERE);
  assert.deepEqual(!layout.ok && layout.refusal, { kind: 'too-large', reason: 'it needs more than 500 packages' });
});

test('a registry that does not answer for a dependency refuses, for an optional one it is told', async () => {
  const lookup = madeBy(() => undefined);
  const plain = await layOut(root({ a: '*' }), lookup, HERE);
  assert.equal(!plain.ok && plain.refusal.kind, 'registry-unavailable');
  const optional = await layOut(root({}, { optionalDependencies: { a: '*' } }), lookup, HERE);
  assert.deepEqual(optional.ok && optional.value.uncovered, ['optional dependency a@* of root@1.0.0: busy']);
});

test('an optional package for another machine is left out', async () => {
  const lookup = madeBy((name) => ({ os: [name === 'mac' ? 'darwin' : 'linux'] }));
  const layout = await layOut(root({}, { optionalDependencies: { mac: '*', own: '*' } }), lookup, HERE);
  assert.ok(layout.ok);
  assert.deepEqual(
    layout.value.places.map(({ path }) => path),
    ['node_modules/own'],
  );
});

test('a dependency whose name would climb out is not even looked up', async () => {
  const asked: string[] = [];
  const lookup = madeBy((name) => {
    asked.push(name);
    return {};
  });
  const layout = await layOut(root({ '../../evil': '*', 'a/b': '*', fine: '*' }), lookup, HERE);
  assert.ok(layout.ok);
  assert.deepEqual([...new Set(asked)], ['fine']);
});

test('the same answers in any order of time give the same layout', async () => {
  const make = (name: string) =>
    name.length < 4 ? { dependencies: Object.fromEntries([...'cab'].map((letter) => [name + letter, '*'])) } : {};
  const slow: Lookup = async (name) => {
    await new Promise((resolve) => setTimeout(resolve, name.charCodeAt(name.length - 1) % 3));
    return await madeBy(make)(name);
  };
  const [first, second] = [
    await layOut(root({ a: '*', b: '*' }), madeBy(make), HERE),
    await layOut(root({ b: '*', a: '*' }), slow, HERE),
  ];
  assert.deepEqual(first, second);
});
