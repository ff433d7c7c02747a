import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createWorkbench } from '../../test/fixtures/workbench.ts';
import { makeTestDirectory } from '../store/test-directory.ts';
import { createOwnTests, type OwnTestsBudget } from './own-tests-service.ts';

const folder = makeTestDirectory('headstart-own-tests-');
const plant = (name: string, files: Readonly<Record<string, string>>, script?: string): void => {
  const root = join(folder, 'packages', `headstart-fixture-${name}`, '1.0.0');
  const manifest = {
    name: `headstart-fixture-${name}`,
    version: '1.0.0',
    ...(script && { scripts: { test: script } }),
  };
  for (const [path, text] of Object.entries({ ...files, 'package.json': JSON.stringify(manifest) })) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
};
const CODE = { 'index.js': 'exports.double = (n) => 2 * n;\n' };
const CHECK = `if (require('..').double(2) !== 4) throw new Error('wrong'); console.log('1 passing');\n`;
plant('tested', { ...CODE, 'test/double.js': CHECK }, 'node test/double.js');
plant('endless', { ...CODE, 'test/double.js': 'for (;;) {}\n' }, 'node test/double.js');
plant('without', CODE, 'node test/double.js');
plant('silent', CODE);
const bench = await createWorkbench(join(folder, 'packages'));
after(async () => {
  await bench.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The comparison for a copy whose code was replaced. */
async function compare(name: string, code: string, budget?: OwnTestsBudget) {
  const tree = await bench.open(`headstart-fixture-${name}@1.0.0`);
  const copy = join(folder, `copy-${name}`);
  cpSync(join(tree.directory, tree.packagePath), copy, { recursive: true });
  writeFileSync(join(copy, 'index.js'), code);
  const { run, scratch } = bench.parts;
  const ownTests = createOwnTests({ run, scratch, registry: bench.registry, ...(budget && { budget }) }, tree.purl);
  try {
    const patched = { packagePath: tree.packagePath, host: copy };
    return await ownTests.compare(tree, tree, { directory: tree.directory, patched });
  } finally {
    await ownTests.dispose();
    await tree.dispose();
    rmSync(copy, { recursive: true });
  }
}

test('a patch that breaks what the package tests is worse, one that does not is no worse', async () => {
  assert.equal((await compare('tested', 'exports.double = (n) => n + n;\n')).outcome, 'same');
  assert.equal((await compare('tested', 'exports.double = (n) => n;\n')).outcome, 'worse');
});

test('a run that a limit cut off after the patch is not called worse', async () => {
  const budget = { fetchSeconds: 20, runSeconds: 2 };
  const { outcome, reason } = await compare('tested', 'for (;;) {}\n', budget);
  assert.equal(outcome, 'not-run');
  assert.match(reason, /cut off by its limit/);
});

test('tests that cannot be run are told as not run, with the reason', async () => {
  const reasons: readonly [string, RegExp, OwnTestsBudget?][] = [
    ['silent', /no test script/],
    ['without', /published without its tests/],
    ['endless', /cut off by its limit/, { fetchSeconds: 20, runSeconds: 1 }],
    ['tested', /not fetched within 0 s/, { fetchSeconds: 0, runSeconds: 1 }],
  ];
  for (const [name, reason, budget] of reasons) {
    const { outcome, reason: told } = await compare(name, CODE['index.js'], budget);
    assert.equal(outcome, 'not-run', name);
    assert.match(told, reason);
  }
});
