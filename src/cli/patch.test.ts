import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createRecordedTerminal } from '../../test/support/terminal.ts';
import { refuse } from '../lib/result.ts';
import type { TargetRefusal } from '../target/index.ts';
import { runCommandLine } from './cli.ts';
import { registerPatchCommands } from './patch.ts';

let home: string;
before(() => {
  home = mkdtempSync(join(tmpdir(), 'headstart-patch-cli-'));
  writeFileSync(join(home, 'some.patch'), 'some patch');
  writeFileSync(join(home, 'reproduce.cjs'), '// text');
});
after(() => rmSync(home, { recursive: true, force: true }));

async function run(args: readonly string[], refusal: TargetRefusal['kind'] = 'not-found', command = 'verify') {
  const { terminal, out: json, said } = createRecordedTerminal();
  const exit = await runCommandLine(['patch', command, ...args], {
    terminal,
    register: [
      (program) =>
        registerPatchCommands(program, {
          terminal,
          openTarget: async (target) => refuse({ kind: refusal, target, reason: 'told' }),
          findReproducer: async () => undefined,
          caseDependents: async () => undefined,
          patchParts: () => Promise.reject(new Error('nothing is to be run')),
        }),
    ],
  });
  return { exit, said: said.join('\n'), json };
}

const flags = (finding: string, patch: string) => [
  '--target',
  'pkg:npm/a@1.0.0',
  '--finding',
  finding,
  '--patch',
  patch,
];

test('a missing option or an unreadable patch is wrong usage', async () => {
  assert.equal((await run(['--target', 'x'])).exit, 2);
  assert.equal((await run(flags(join(home, 'reproduce.cjs'), join(home, 'absent')))).exit, 2);
});

test('a finding that is neither kept nor a file is not found', async () => {
  const { exit, said } = await run(flags('finding_0', join(home, 'some.patch')));
  assert.equal(exit, 4);
  assert.match(said, /finding_0/);
});

test('a target that cannot be had ends with the code of its reason', async () => {
  const args = flags(join(home, 'reproduce.cjs'), join(home, 'some.patch'));
  assert.equal((await run(args, 'not-found')).exit, 4);
  assert.equal((await run(args, 'registry-unavailable')).exit, 7);
  assert.equal((await run(args, 'hostile-archive')).exit, 6);
});

test('what a patch could break is named by hand or by a case, and something of it has to be', async () => {
  const dependents = (...args: readonly string[]) => run(args, 'not-found', 'dependents');
  assert.equal((await dependents()).exit, 2);
  assert.equal((await dependents('--case', 'case_0')).exit, 4);
  assert.equal((await dependents('--target', 'pkg:npm/a@1.0.0', '--patch', join(home, 'some.patch'))).exit, 2);
});
