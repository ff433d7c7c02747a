/** Holds the source to the table in `architecture.ts`. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { FOUNDATION, isDomain, isInside, MAY_IMPORT, MODULE_FILES, WHOLE } from '../architecture.ts';

const IMPORT = /^(import type|import|export)\b[^'";]*?from '([^']+)'|^(import) '([^']+)'|\b(import)\('([^']+)'\)/gm;

/** The composition root joins everything, and the configuration is read by it alone. */
const files = globSync('src/*/**/*.ts').filter((file) => !file.endsWith('.test.ts'));
const moduleOf = (path: string) => path.split('/')[1] ?? '';

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  return [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((match) => {
    const target = match[2] ?? match[4] ?? match[6] ?? '';
    const resolved = target.startsWith('.') ? posix.join(posix.dirname(file), target) : target;
    return { target: resolved, typeOnly: match[1] === 'import type' };
  });
}

test('every module is in the table, and the table holds nothing else', () => {
  assert.deepEqual(new Set(files.map(moduleOf)), new Set(Object.keys(MAY_IMPORT)));
});

test('a module of more files than the limit says why it stays whole, and only such a one does', () => {
  const sizes = Map.groupBy(files, moduleOf);
  const large = [...sizes].filter(([, of]) => of.length > MODULE_FILES).map(([module]) => module);
  assert.deepEqual(new Set(large), new Set(Object.keys(WHOLE)));
});

test('a module may import only what stands above it in the table', () => {
  const order = Object.keys(MAY_IMPORT);
  for (const [module, targets] of Object.entries(MAY_IMPORT)) {
    for (const target of targets) {
      assert.ok(order.indexOf(target) < order.indexOf(module), `${module} stands above ${target}`);
    }
  }
});

for (const file of files) {
  const from = moduleOf(file);
  const imports = importsOf(file);
  const ours = imports.filter(({ target }) => target.startsWith('src/') && moduleOf(target) !== from);

  test(`${file} keeps to its place`, () => {
    for (const { target } of ours) {
      assert.ok(MAY_IMPORT[from]?.includes(moduleOf(target)), `${from} may not import ${target}`);
      assert.ok(FOUNDATION.has(moduleOf(target)) || target.endsWith('/index.ts'), `enter by the door, not ${target}`);
    }
    if (isInside(file)) {
      const foreign = imports.filter(
        ({ target, typeOnly }) => !typeOnly && !target.startsWith('node:') && !isInside(target),
      );
      assert.deepEqual(foreign, [], 'what runs inside the sandbox imports nothing of ours');
    }
    if (isDomain(file)) {
      const foreign = imports.filter(
        ({ target, typeOnly }) =>
          target.startsWith('src/') &&
          !typeOnly &&
          !target.startsWith('src/lib/') &&
          !target.startsWith('src/formats/') &&
          !isDomain(target),
      );
      assert.deepEqual(foreign, [], 'domain files see only lib, formats and each other');
      const effects = imports.filter(({ target }) =>
        /^node:(fs|net|http|https|child_process|dgram|dns|worker_threads)/.test(target),
      );
      assert.deepEqual(effects, [], 'domain files do no input or output');
    }
  });
}
