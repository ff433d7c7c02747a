import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { runCommandLine } from './cli.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

function recorded() {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    json: (value) => void out.push(JSON.stringify(value)),
    data: (text) => void out.push(String(text)),
    say: (line) => void err.push(line),
  };
  return { out, err, terminal };
}

test('a command that is not built does not exist: exit 2, and standard output stays empty', async () => {
  const { out, err, terminal } = recorded();
  assert.equal(await runCommandLine(['pressure'], { terminal, register: [(program) => program.command('known')] }), 2);
  assert.deepEqual(out, []);
  assert.match(err.join('\n'), /unknown command/);
});

test('a refusal ends with its own exit code and says why on standard error', async () => {
  const { out, err, terminal } = recorded();
  const register = [
    (program: Command) =>
      program.command('refuse').action(() => {
        throw new CommandEnd('refused', 'not before the deadline');
      }),
  ];
  assert.equal(await runCommandLine(['refuse'], { terminal, register }), 6);
  assert.deepEqual(out, []);
  assert.deepEqual(err, ['headstart: not before the deadline']);
});

test('a fault tells its cause and ends with 70', async () => {
  const { err, terminal } = recorded();
  const register = [
    (program: Command) =>
      program.command('break').action(() => {
        throw new Error('outer', { cause: new Error('inner') });
      }),
  ];
  assert.equal(await runCommandLine(['break'], { terminal, register }), 70);
  assert.match(err.join('\n'), /outer[\s\S]*because: Error: inner/);
});
