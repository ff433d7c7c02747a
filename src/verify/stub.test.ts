import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { stubOf } from './stub.ts';

const directory = mkdtempSync(join(tmpdir(), 'headstart-stub-'));
after(() => rmSync(directory, { recursive: true }));

function write(name: string, files: Readonly<Record<string, string>>): void {
  for (const { path, content } of stubOf(new Map(Object.entries(files)))) {
    const file = join(directory, 'node_modules', name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

const load = createRequire(join(directory, 'x.cjs'));

test('a stub is loaded by the same name and file, takes any call and does nothing', () => {
  write('plain', {
    'package.json': '{"name":"plain","version":"1.0.0","main":"lib/a.js","scripts":{"install":"exit 1"}}',
    'lib/a.js': 'throw new Error("the target ran")',
    'lib/b.js': 'exports.x = 1',
  });
  const it = load('plain');
  assert.equal(typeof it.anything.at.all, 'function');
  assert.equal(typeof new it.Thing({ a: 1 }).run('x'), 'function');
  assert.equal(typeof load('plain/lib/b.js'), 'function');
  assert.equal(`${it.text}`, '');
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

test('a promise of a stub resolves instead of waiting for ever', async () => {
  assert.equal(typeof (await load('plain')), 'function');
});

test('a stub calls back, so that an effect hidden in a callback shows on it', () => {
  let called = 0;
  load('plain').each([1], () => {
    called += 1;
  });
  assert.equal(called, 1);
});

test('an ES module keeps its named exports', async () => {
  write('modern', {
    'package.json': '{"name":"modern","type":"module","exports":"./m.js"}',
    'm.js': 'export const a = 1; export function b() {}; const c = 2; export { c as d }; export default class {}',
  });
  const it = await import(join(directory, 'node_modules/modern/m.js'));
  assert.deepEqual(Object.keys(it).sort(), ['a', 'b', 'd', 'default']);
  assert.equal(typeof it.b('x').y, 'function');
});

test('a broken manifest does not stop the stub', () => {
  assert.deepEqual(stubOf(new Map([['package.json', '{']])), [{ path: 'package.json', content: '{}' }]);
});
