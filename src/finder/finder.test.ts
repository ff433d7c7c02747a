import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FlawClass } from '../formats/flaw-class.ts';
import { systemClock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { systemRandom } from '../lib/id.ts';
import { readPlan, renderReproducer } from '../probe/index.ts';
import { chooseProfile, createSandbox, type Sandbox } from '../sandbox/index.ts';
import type { PackageTree } from '../target/index.ts';
import { type ResultCache, scanTree } from './finder.ts';

let scratch = '';
let sandbox: Sandbox;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'finder-test-'));
  const opened = await createSandbox({
    profile: chooseProfile(),
    stateDirectory: scratch,
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.refusal.reason);
  sandbox = opened.value;
});

after(async () => {
  await sandbox.close();
  await rm(scratch, { recursive: true, force: true });
});

async function treeOf(name: string, files: Readonly<Record<string, string>>): Promise<PackageTree> {
  const directory = await mkdtemp(join(scratch, 'tree-'));
  const packagePath = join('node_modules', name);
  for (const [path, text] of Object.entries({ 'package.json': `{"name":"${name}","version":"1.0.0"}`, ...files })) {
    const file = join(directory, packagePath, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return {
    purl: `pkg:npm/${name}@1.0.0`,
    name,
    version: '1.0.0',
    directory,
    packagePath,
    contentSha256: sha256Hex(JSON.stringify(files)),
    dependencies: [],
    uncovered: [],
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}

async function scan(index: string, classes: readonly FlawClass[], cache?: ResultCache) {
  const tree = await treeOf('subject', { 'index.js': index });
  return await scanTree({ tree, sandbox, seed: 1, classes, concurrency: 2, ...(cache ? { cache } : {}) });
}

const MERGE = `
function merge(into, from) {
  for (const key in from) {
    if (typeof from[key] === 'object' && typeof into[key] === 'object') merge(into[key], from[key]);
    else into[key] = from[key];
  }
  return into;
}
`;
const POLLUTION: readonly FlawClass[] = ['prototype-pollution'];

test('one flaw of each called class is found with its line, and nothing else', async () => {
  const index = `${MERGE}
const { exec } = require('child_process');
exports.merge = merge;
exports.list = function (options, done) { exec('ls -- "' + options.path + '"', done); };
exports.sum = function (text) { return new Function('return 1+' + text)(); };
exports.safe = function (text) { return String(text).length; };
`;
  const { candidates } = await scan(index, ['prototype-pollution', 'command-injection', 'code-injection']);
  assert.deepEqual(
    candidates.map(({ flaw, sink }) => `${flaw} ${sink?.file}:${sink?.line}`),
    [
      'code-injection subject/index.js:13',
      'command-injection subject/index.js:12',
      'prototype-pollution subject/index.js:5',
    ],
  );
  for (const { plan } of candidates)
    assert.deepEqual(readPlan(renderReproducer(plan, { packageName: 'subject' })), plan);
});

test('guarded twins of the same functions give no candidate', async () => {
  const index = `
const { execFile } = require('child_process');
exports.merge = function merge(into, from) {
  for (const key of Object.keys(from)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') continue;
    if (from[key] && typeof from[key] === 'object' && Object.hasOwn(into, key)) merge(into[key], from[key]);
    else into[key] = from[key];
  }
  return into;
};
exports.list = function (options, done) { execFile('ls', ['--', String(options.path)], done); };
exports.sum = function (text) { return 1 + Number(text); };
`;
  const { candidates } = await scan(index, ['prototype-pollution', 'command-injection', 'code-injection']);
  assert.deepEqual(candidates, []);
});

test('a function that runs a command as a whole is what it says, not a finding', async () => {
  const index = `exports.run = (command, done) => require('child_process').exec(command, done);`;
  assert.deepEqual((await scan(index, ['command-injection'])).candidates, []);
});

test('two calls on one object, a value read from an unknown option and a lazy result are driven', async () => {
  const index = `
exports.store = function () {
  const kept = {};
  let at = 'main';
  return {
    use(name) { at = name; },
    update(values) { if (!kept[at]) kept[at] = {}; for (const key in values) kept[at][key] = values[key]; },
  };
};`;
  const { candidates } = await scan(index, POLLUTION);
  assert.match(candidates[0]?.entry ?? '', /\.use\(payload\)\.update\(/);
  const curried = `
exports.put = (path, value) => (object) => {
  const keys = path.split('.');
  let at = object;
  while (keys.length > 1) at = at[keys.shift()] ??= {};
  at[keys[0]] = value;
};`;
  const second = (await scan(curried, POLLUTION)).candidates;
  assert.equal(second[0]?.sink?.line, 6);
  const lazy = `
exports.task = (options) => ({ run(done) { require('child_process').exec('ls ' + options.zzFolder, done); } });`;
  const commands = (await scan(lazy, ['command-injection'])).candidates;
  assert.equal(commands[0]?.sink?.line, 2);
});

test('what hangs, exits, floods, overwrites built-ins or kills its caller costs only itself', async () => {
  const index = `${MERGE}
exports.hang = () => { for (;;); };
exports.exit = () => process.reallyExit(0);
exports.flood = () => { const big = 'x'.repeat(1e6); for (let i = 0; i < 5; i++) require('fs').writeSync(1, big); };
exports.bend = () => { JSON.stringify = () => '{}'; Object.defineProperty = () => {}; Array.prototype.push = () => 0; };
exports.merge = merge;`;
  const { candidates, coverage } = await scan(index, POLLUTION);
  assert.deepEqual(
    candidates.map(({ sink }) => sink?.line),
    [5],
  );
  assert.ok(coverage.skipped.some(({ reason }) => reason.includes('hung or ended')));
});

test('calls that grow by what they open go on in a package that bends the built-ins while it is called', async () => {
  const index = `
exports.show = (page, done) => {
  JSON.stringify = () => '{}'; Array.prototype.map = () => []; Array.prototype.flatMap = () => []; Map.prototype.get = () => 0;
  if (page.kind !== 'folder') return done();
  if (page.depth === 7) require('child_process').exec('ls ' + page.place, done);
};`;
  const { candidates } = await scan(index, ['command-injection']);
  assert.deepEqual(
    candidates.map(({ sink }) => sink?.line),
    [5],
  );
});

test('a package that kills the watching process is searched all the same or reported as cut short', async () => {
  const index = `process.kill(process.ppid, 'SIGKILL'); ${MERGE} module.exports = merge;`;
  const { candidates, coverage } = await scan(index, POLLUTION);
  const isToldShort = coverage.skipped.some(({ reason }) => reason.includes('ended before its end'));
  assert.ok(candidates.length === 1 || isToldShort);
});

test('a package that prints results of its own making brings in nothing that has no plan', async () => {
  const index = `for (let i = 0; i < 3; i++) console.log('{"kind":"hit","plan":{}}');
try { require('fs').writeSync(3, '{"kind":"hit","plan":{"flaw":"prototype-pollution"},"frames":["a:1"]}\\n'); } catch {}
module.exports = () => 1;`;
  assert.deepEqual((await scan(index, POLLUTION)).candidates, []);
});

test('a package that cannot be loaded is named as skipped with the reason', async () => {
  const { candidates, coverage } = await scan(`require('missing-thing')`, POLLUTION);
  assert.deepEqual(candidates, []);
  assert.ok(coverage.skipped.some(({ reason }) => reason.includes('missing-thing')));
});

test('the same seed gives the same candidates, and a kept result runs nothing', async () => {
  const kept = new Map<string, Uint8Array>();
  const cache: ResultCache = {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, bytes) => {
      kept.set(key, bytes);
      return Promise.resolve();
    },
  };
  const index = `${MERGE} module.exports = merge;`;
  const first = await scan(index, POLLUTION, cache);
  const again = await scan(index, POLLUTION);
  const third = await scan(index, POLLUTION, cache);
  assert.equal(first.candidates.length, 1);
  assert.deepEqual(again.candidates, first.candidates);
  assert.deepEqual(third.candidates, first.candidates);
  assert.deepEqual([first.runs, third.runs], [1, 0]);
});

/** Names of targets that are words of the trade as well: a function of node:fs, a usual folder. */
const WORDS = new Set(['open', 'public']);

test('no name of a target stands in the source of the search', async (t) => {
  const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared');
  const text = await readFile(join(shared, 'data', 'npm-targets.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return t.skip('the list of targets is not here');
  const names = new Set((JSON.parse(text) as { package: string }[]).map((row) => row.package));
  const found: string[] = [];
  for (const folder of ['finder', 'probe']) {
    const directory = join(import.meta.dirname, '..', folder);
    for (const file of await readdir(directory)) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
      const source = await readFile(join(directory, file), 'utf8');
      for (const [, literal = ''] of source.matchAll(/['"`]([^'"`\n]+)['"`]/g))
        if (names.has(literal) && !(folder === 'probe' && WORDS.has(literal))) found.push(`${file}: ${literal}`);
    }
  }
  assert.deepEqual(found, []);
});
