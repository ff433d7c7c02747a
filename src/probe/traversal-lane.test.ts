import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LaneCandidate } from './lane.ts';
import { readPlan, renderReproducer, reproducerFileName } from './render.ts';
import { CLIMBS } from './traversal-climb.ts';
import { traversalLane } from './traversal-lane.ts';
import { simplerStarts, traversalPayloads } from './traversal-payload.ts';
import { readVerdict } from './verdict.ts';

/** Our own small servers: nothing hostile, so they run here and not in the sandbox. */
const homes: string[] = [];
after(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

function home(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'traversal-'));
  homes.push(directory);
  const manifest = { name: 'small', version: '1.0.0', main: 'index.js', ...JSON.parse(files['package.json'] ?? '{}') };
  for (const [path, text] of Object.entries({ ...files, 'package.json': JSON.stringify(manifest) })) {
    const full = join(directory, 'node_modules', 'small', path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }
  return directory;
}

async function search(directory: string): Promise<readonly LaneCandidate[]> {
  const target = { name: 'small', version: '1.0.0', token: 'token', seed: 1 };
  const outputs = traversalLane.prepare(target).map((group) => {
    for (const file of group.files) writeFileSync(join(directory, file.path), file.content);
    const [, script = '', ...rest] = group.command;
    const path = fileURLToPath(new URL(script.replace('probe/', './'), import.meta.url));
    const run = spawnSync(process.execPath, [path, ...rest], { cwd: directory, encoding: 'utf8', timeout: 60_000 });
    return { group: group.name, stdout: run.stdout };
  });
  return (await traversalLane.read(target, 0, outputs)).candidates;
}

function reproduce(directory: string, candidate: LaneCandidate) {
  const text = renderReproducer(candidate.plan, { packageName: 'small' });
  assert.deepEqual(readPlan(text), candidate.plan);
  const file = join(directory, reproducerFileName(candidate.plan));
  writeFileSync(file, text);
  const run = spawnSync(process.execPath, [file, 'hsfeed01'], { cwd: directory, encoding: 'utf8', timeout: 60_000 });
  return { status: run.status, verdict: readVerdict(run.stdout, 'hsfeed01') };
}

const READS = (expression: string) => `
const http = require('http'), fs = require('fs'), path = require('path');
const root = path.join(__dirname, 'public');
const serve = (req, res) => fs.readFile(${expression}, (error, data) => {
  res.statusCode = error ? 404 : 200;
  res.end(data);
});`;

describe('the search for path traversal', () => {
  test('a server that listens when loaded and joins the request path is found, with the line that reads', async () => {
    const text = `${READS("path.join(root, req.url.split('?')[0])")}\nhttp.createServer(serve).listen(80);`;
    const directory = home({ 'index.js': text });
    const [found] = await search(directory);
    assert.equal(found?.entry, "require('small')");
    assert.deepEqual(found.sink, { file: 'small/index.js', line: 4 });
    const { status, verdict } = reproduce(directory, found);
    assert.equal(status, 0);
    assert.equal(verdict?.fired, true);
    assert.match(verdict.frames[0] ?? '', /^small\/index\.js:4$/);
  });

  test('a server that decodes the path after it was checked is found by an encoded climb', async () => {
    const text = `${READS('path.join(root, decodeURIComponent(req.url))')}
exports.start = (port) => http.createServer((req, res) => (req.url.includes('..') ? res.end() : serve(req, res))).listen(port);`;
    const [found] = await search(home({ 'index.js': text }));
    assert.equal(found?.plan.drive.kind, 'http');
    assert.match(found.plan.payload, /%2e/);
  });

  test('a function that makes a handler for the directory it is given is found', async () => {
    const text = `const fs = require('fs'), path = require('path');
module.exports = (options) => (req, res, next) => {
  if (!options.folder) return next();
  fs.createReadStream(path.join(options.folder, req.url)).on('error', () => res.end()).pipe(res);
};
const http = require('http');`;
    const directory = home({ 'index.js': text });
    const [found] = await search(directory);
    assert.equal(found?.plan.drive.kind, 'handler');
    assert.equal(reproduce(directory, found).status, 0);
  });

  test('a command-line entry point that takes the directory as an argument is found', async () => {
    const text = `#!/usr/bin/env node\nif (!process.argv[2]) process.exit(1);\n${READS('process.argv[2] + req.url')}\nhttp.createServer(serve).listen(8080);`;
    const directory = home({ 'package.json': '{"main":"nothing.js","bin":"cli"}', 'nothing.js': '', cli: text });
    const [found] = await search(directory);
    assert.equal(found?.plan.drive.kind, 'bin');
    assert.equal(reproduce(directory, found).status, 0);
  });

  test('a server that keeps to its directory, and one that shows the whole disk without a climb, are no finds', async () => {
    const contained = `${READS("path.join(root, path.normalize('/' + decodeURIComponent(req.url)))")}\nhttp.createServer(serve).listen(80);`;
    const wholeDisk = `${READS("req.url.split('?')[0]")}\nhttp.createServer(serve).listen(80);`;
    assert.deepEqual(await search(home({ 'index.js': contained })), []);
    assert.deepEqual(await search(home({ 'index.js': wholeDisk })), []);
  });

  test('the reproducer says that the call was not reached where the package is missing or does nothing', async () => {
    const text = `${READS('path.join(root, req.url)')}\nhttp.createServer(serve).listen(80);`;
    const [found] = await search(home({ 'index.js': text }));
    assert.ok(found);
    assert.equal(reproduce(home({ 'index.js': '' }), found).status, 2);
  });
});

describe('spellings of a climb', () => {
  test('every climb has at least twenty others, none of them twice, with the same ending', () => {
    for (const climb of CLIMBS) {
      const others = new Set(traversalPayloads(`${climb.payload}.html`));
      others.delete(`${climb.payload}.html`);
      assert.ok(others.size >= 20, climb.name);
      for (const other of others) assert.match(other, /\{\{canary\}\}\.html$/);
    }
  });

  test('a start is simplified by leaving out options and arguments', () => {
    const args = [{ kind: 'object', members: [['root', { kind: 'root' }]] }] as const;
    const drive = { kind: 'http', args, requestTarget: '{{payload}}' } as const;
    const plan = { flaw: 'path-traversal', file: '', format: 'cjs', reach: [], drive, payload: '/{{canary}}' } as const;
    assert.equal(simplerStarts(plan).length, 2);
  });
});
