import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommandLine } from './cli.ts';
import { registerDocumentCommands } from './document.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headstart-document-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const said: string[] = [];

async function run(...args: string[]): Promise<{ exit: number; out: unknown }> {
  const out: unknown[] = [];
  said.length = 0;
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const register = [
    (program: Parameters<typeof registerDocumentCommands>[0]) => registerDocumentCommands(program, { terminal }),
  ];
  return { exit: await runCommandLine(args, { terminal, register }), out: out[0] };
}

test('a vector gives score and severity, and what is no vector is wrong usage', async () => {
  const vector = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:H/VA:L/SC:N/SI:H/SA:L';
  assert.deepEqual(await run('score', 'cvss', vector, '--json'), {
    exit: 0,
    out: { score: 9.2, severity: 'critical' },
  });
  assert.equal((await run('score', 'cvss', 'CVSS:4.0/AV:N', '--json')).exit, 2);
});

test('a decision is taken from its table, and an incomplete question is wrong usage', async () => {
  assert.deepEqual(await run('score', 'ssvc', 'utility_1_0_0', 'A=Y', 'VD=C', '--json'), {
    exit: 0,
    out: { decision: 'S' },
  });
  assert.equal((await run('score', 'ssvc', 'utility_1_0_0', 'A=Y', '--json')).exit, 2);
  assert.equal((await run('score', 'ssvc', 'utility_1_0_0', 'AY')).exit, 2);
});

test('a question no table can answer is told in words: what is wrong, and what there is', async () => {
  const asked: readonly [string[], RegExp][] = [
    [['nosuch'], /no such table: nosuch\. There are .*utility_1_0_0/],
    [['utility_1_0_0', 'Q=Y'], /no decision point Q\. It asks for ssvc:A:/],
    [['utility_1_0_0', 'A=Q'], /has no value Q\. It takes N, Y/],
    [['utility_1_0_0', 'A=Y'], /also asks for ssvc:VD:/],
  ];
  for (const [args, expected] of asked) {
    assert.equal((await run('score', 'ssvc', ...args)).exit, 2);
    assert.match(said.join('\n'), expected);
    assert.doesNotMatch(said.join('\n'), /\{/);
  }
});

test('a file without a single package URL is not valid', async () => {
  const file = join(folder, 'none.txt');
  for (const text of ['', '\n \n']) {
    await writeFile(file, text);
    const { exit, out } = await run('validate', 'purl', file, '--json');
    assert.equal(exit, 1);
    assert.equal((out as { valid: boolean }).valid, false);
  }
  await writeFile(file, 'pkg:npm/ms@2.1.3\n');
  assert.equal((await run('validate', 'purl', file)).exit, 0);
});

test('an invalid document ends with 1 and its errors, a missing one with 4, an unknown format with 2', async () => {
  const file = join(folder, 'x.json');
  await writeFile(file, '{"id":"CVE-2030-1"}');
  const { exit, out } = await run('validate', 'osv', file, '--json');
  assert.equal(exit, 1);
  const { valid, errors } = out as { valid: boolean; errors: { test: string; path: string; message: string }[] };
  assert.ok(!valid && errors.length > 0 && errors.every(({ test: name, message }) => name === 'schema' && message));
  await writeFile(file, '{"id":"CVE-2030-1","modified":"2030-01-01T00:00:00Z"}');
  assert.deepEqual(await run('validate', 'osv', file, '--json'), { exit: 0, out: { valid: true, errors: [] } });
  assert.equal((await run('validate', 'osv', join(folder, 'none.json'))).exit, 4);
  assert.equal((await run('validate', 'pdf', file)).exit, 2);
});
