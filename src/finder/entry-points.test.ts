import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandLinePrograms } from './entry-points.ts';

const FILES = ['cli.js', 'bin/run', 'bin/native', 'tool.mjs', 'folder/index.js'];
const headOf = (path: string) => Promise.resolve(path === 'bin/run' ? '#!/usr/bin/env node\n' : 'ELF');
const programs = (manifest: unknown) => commandLinePrograms(JSON.stringify(manifest), FILES, headOf);

test('a program is named by one text or by a map, without its ending, or as a folder', async () => {
  assert.deepEqual(await programs({ bin: './cli' }), [{ file: 'cli.js', format: 'cjs' }]);
  assert.deepEqual(await programs({ bin: { a: 'bin/run', b: 'tool.mjs', c: 'folder' } }), [
    { file: 'bin/run', format: 'cjs' },
    { file: 'tool.mjs', format: 'esm' },
    { file: 'folder/index.js', format: 'cjs' },
  ]);
  assert.deepEqual(await programs({ directories: { bin: './bin' } }), [{ file: 'bin/run', format: 'cjs' }]);
  assert.deepEqual(await programs({ bin: 'cli.js', type: 'module' }), [{ file: 'cli.js', format: 'esm' }]);
});

test('what is not there, is no script, leads out of the package or is no manifest names no program', async () => {
  for (const bin of ['missing.js', 'bin/native', '../cli.js', '/etc/passwd', 7, null, [7]])
    assert.deepEqual(await programs({ bin }), []);
  assert.deepEqual(await commandLinePrograms('not json', FILES, headOf), []);
});
