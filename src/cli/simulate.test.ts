import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommandLine } from './cli.ts';
import { registerSimulate } from './simulate.ts';
import type { Terminal } from './terminal.ts';

async function run(...args: string[]): Promise<{ exit: number; out: string[] }> {
  const out: string[] = [];
  const terminal: Terminal = {
    json: (value) => void out.push(JSON.stringify(value)),
    data: (text) => void out.push(String(text)),
    say: () => {},
  };
  const exit = await runCommandLine(['simulate', ...args], {
    terminal,
    register: [(program) => registerSimulate(program, { terminal })],
  });
  return { exit, out };
}

const SMALL = ['--findings', '400', '--projects', '25', '--days', '90', '--seed', '3', '--json'];
const MEMBERS = [
  'found',
  'reported',
  'patched',
  'patchedShareDay45',
  'fixedWithin180',
  'patchedBeforePublic',
  'deadlineBreaches',
  'exposureDays',
  'embargoViolations',
];

test('simulate prints one value with every member of the contract, and the same bytes for the same seed', async () => {
  const first = await run(...SMALL);
  assert.equal(first.exit, 0);
  assert.equal(first.out.length, 1);
  const outcome = JSON.parse(first.out[0] ?? '') as Record<string, unknown>;
  for (const member of MEMBERS) assert.equal(typeof outcome[member], 'number', member);
  assert.equal(outcome.found, 400);
  assert.equal(Object.keys(outcome.skill as object).length, 12);
  assert.deepEqual(await run(...SMALL), first);
});

test('the comparison page is written where asked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'headstart-simulate-'));
  try {
    const file = join(folder, 'page.html');
    assert.equal((await run(...SMALL, '--report', file)).exit, 0);
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/);
    assert.equal((await run(...SMALL, '--report', join(folder, 'no', 'page.html'))).exit, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is no policy, no count or beyond a limit is wrong usage', async () => {
  for (const args of [
    ['--policy', 'none'],
    ['--findings', '-1'],
    ['--findings', '1e3'],
    ['--projects', '0'],
    ['--days', '99999'],
    ['--seed', 'x'],
    ['--unknown'],
  ]) {
    assert.equal((await run(...args)).exit, 2, args.join(' '));
  }
});
