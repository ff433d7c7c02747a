/** What the search knows how to drive: each kind on a small package of our own, from the search to a confirmed finding. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Candidate, scanTree } from '../../src/finder/index.ts';
import type { FlawClass } from '../../src/formats/flaw-class.ts';
import type { PackageTree } from '../../src/target/index.ts';
import { createVerification } from '../../src/verify/index.ts';
import { createWorkbench, type Workbench } from '../fixtures/workbench.ts';

let bench: Workbench;

before(async () => {
  bench = await createWorkbench();
});

after(() => bench.close());

async function search(tree: PackageTree, classes: readonly FlawClass[]): Promise<readonly Candidate[]> {
  const { candidates } = await scanTree({ tree, sandbox: bench.sandbox, seed: 1, classes, concurrency: 2 });
  return candidates;
}

async function candidatesIn(spec: string, classes: readonly FlawClass[]): Promise<readonly Candidate[]> {
  const tree = await bench.open(spec);
  try {
    return await search(tree, classes);
  } finally {
    await tree.dispose();
  }
}

/** `class file:line` of every candidate, each of them confirmed: 3 of 3, silent on a stub and without the target. */
async function confirmed(name: string, classes: readonly FlawClass[]): Promise<string[]> {
  const tree = await bench.open(`${name}@1.0.0`);
  try {
    const found: string[] = [];
    for (const candidate of await search(tree, classes)) {
      const answer = await createVerification(bench.parts).verifyCandidate(candidate, tree);
      assert.ok(answer.ok, answer.ok ? '' : `${candidate.entry}: ${answer.refusal.reason}: ${answer.refusal.detail}`);
      const { flaw, sink, reproduction } = answer.value;
      assert.deepEqual([reproduction.reproduced, reproduction.of], [3, 3]);
      found.push(`${flaw} ${sink?.file.replace(`${name}/`, '')}:${sink?.line}`);
    }
    return found;
  } finally {
    await tree.dispose();
  }
}

test('a package that asks for the network interfaces while it loads is told of loopback alone, and searched', async () => {
  assert.deepEqual(await confirmed('headstart-fixture-network', ['command-injection']), [
    'command-injection index.js:7',
  ]);
});

test('a command-line program is driven by what its help, its text and its README name, and what it escapes is no find', async () => {
  assert.deepEqual(await confirmed('headstart-fixture-program', ['command-injection', 'code-injection']), [
    'code-injection bin/sum:7',
    'command-injection bin/tell.js:20',
  ]);
});

test('a function that refuses all but what its declared types say is driven by them', async () => {
  assert.deepEqual(await confirmed('headstart-fixture-typed', ['command-injection']), [
    'command-injection index.js:14',
  ]);
});

test('streams are written to and ended, and an emitter is sent the events that it listens to itself', async () => {
  const classes = ['command-injection', 'code-injection', 'prototype-pollution'] as const;
  assert.deepEqual(await confirmed('headstart-fixture-channels', classes), [
    'code-injection index.js:24',
    'command-injection index.js:14',
    'prototype-pollution index.js:36',
  ]);
});

test('calls that open new branches are kept and grown until they come to the statement behind them', async () => {
  assert.deepEqual(await confirmed('headstart-fixture-branches', ['command-injection']), [
    'command-injection index.js:10',
  ]);
});

test('what comes through a promise is looked into: of an export, of a call, of a method; and its guarded twin is silent', async () => {
  const classes = ['code-injection', 'command-injection', 'prototype-pollution', 'redos'] as const;
  assert.deepEqual(await confirmed('headstart-fixture-promises', classes), [
    'code-injection index.js:27',
    'command-injection index.js:14',
    'prototype-pollution index.js:11',
    'redos index.js:36',
  ]);
  assert.deepEqual(await candidatesIn('headstart-fixture-promises@1.0.1', classes), []);
});

test('a command-line program whose options or their values come to the prototype is found, and its guarded twin is silent', async () => {
  const classes = ['prototype-pollution'] as const;
  assert.deepEqual(await confirmed('headstart-fixture-options', classes), [
    'prototype-pollution bin/arguments.js:12',
    'prototype-pollution bin/settings.js:18',
  ]);
  assert.deepEqual(await candidatesIn('headstart-fixture-options@1.0.1', classes), []);
});
