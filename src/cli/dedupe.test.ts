import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommandLine } from './cli.ts';
import { registerDedupe } from './dedupe.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headstart-dedupe-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function run(text: string): Promise<{ exit: number; out: unknown[]; said: string }> {
  const file = join(folder, 'records.jsonl');
  await writeFile(file, text);
  const out: unknown[] = [];
  const said: string[] = [];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: (value: unknown) => void out.push(value),
    say: (line: string) => void said.push(line),
  };
  const exit = await runCommandLine(['dedupe', file], {
    terminal,
    register: [(program) => registerDedupe(program, { terminal })],
  });
  return { exit, out, said: said.join('\n') };
}

test('one line for each record, ids as they were given', async () => {
  const crash = { project: 'p', crashState: ['a', 'b', 'c'], sink: 'copy(to, from, n)', file: 'a/b.c', line: 4 };
  const lines = [{ id: 7, ...crash }, { id: 'x' }, { id: 8, ...crash }].map((each) => JSON.stringify(each));
  const { exit, out } = await run(`\uFEFF${lines.join('\r\n')}\n\n`);
  assert.equal(exit, 0);
  assert.deepEqual(out, [
    { id: 7, cluster: 7 },
    { id: 'x', cluster: 'x' },
    { id: 8, cluster: 7 },
  ]);
});

test('a line that is no record is refused with its number, and nothing is written', async () => {
  for (const [text, said] of [
    ['{"id":1}\n{"id":', /line 2 is not JSON/],
    ['{"project":"p"}', /line 1 has no "id"/],
    ['{"id":1}\n{"id":"1"}', /two records with the same id/],
  ] as const) {
    const ended = await run(text);
    assert.equal(ended.exit, 1);
    assert.deepEqual(ended.out, []);
    assert.match(ended.said, said);
  }
});
