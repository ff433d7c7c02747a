import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { CAMPAIGN_PACKAGES, createWorkbench } from '../../test/fixtures/workbench.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { chooseProfile } from '../sandbox/index.ts';
import { createTestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { createVerification } from '../verify/index.ts';
import { runCommandLine } from './cli.ts';
import { registerFindingCommands } from './finding.ts';
import { createTerminal } from './terminal.ts';

const bench = await createWorkbench(CAMPAIGN_PACKAGES);
const { database, drop } = await createTestDatabase();
const directory = mkdtempSync(join(tmpdir(), 'headstart-scan-'));
after(async () => {
  await bench.close();
  await drop();
  rmSync(directory, { recursive: true });
});
const vault = createVault({ masterKey: Buffer.alloc(32, 3), random: systemRandom });

async function run(...args: string[]): Promise<{ exit: number; lines: Record<string, unknown>[] }> {
  const out = new PassThrough();
  const terminal = createTerminal(out, new PassThrough().resume());
  const exit = await runCommandLine(args, {
    terminal,
    register: [
      (program) =>
        registerFindingCommands(program, {
          terminal,
          clock: systemClock,
          random: systemRandom,
          database: async () => database,
          vault: async () => vault,
          scratch: async () => bench.parts.scratch,
          registry: () => bench.registry,
          sandbox: async () => bench.sandbox,
          verification: async () => createVerification(bench.parts),
          chooseProfile,
        }),
    ],
  });
  out.end();
  const said = await text(out);
  const lines = said.split('\n').filter((line) => line.startsWith('{'));
  return { exit, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const FLAWED = 'pkg:npm/headstart-fixture-settings@1.1.0';
const FIELDS = 'class,cwe,entry,file,id,line,oracle,reproducerSha256,reproductions,status,target';
const first = await run('scan', FLAWED, '--json');
const found = first.lines.find(({ status }) => status === 'confirmed');
const reveals = async () => (await database.query<{ command: string }>('select command from verify.reveals')).rows;

test('a scan prints one line per finding with the fields of the contract and no reproducer', () => {
  assert.ok(found, JSON.stringify(first));
  assert.equal(Object.keys(found).sort().join(), FIELDS);
  assert.deepEqual([found.class, found.cwe, found.reproductions], ['prototype-pollution', 'CWE-1321', 3]);
  assert.equal(`${found.file}:${found.line}`, 'headstart-fixture-settings/index.js:13');
});

test('a second scan gives the same finding under the same id', async () => {
  const again = await run('scan', FLAWED, '--json', '--reveal');
  assert.deepEqual(
    again.lines.map(({ id }) => id),
    first.lines.map(({ id }) => id),
  );
  assert.match(String(again.lines[0]?.reproducer), /require\('headstart-fixture-settings'\)/);
  assert.deepEqual(await reveals(), [{ command: 'scan --reveal' }]);
});

test('a scan of the fixed version finds nothing', async () => {
  const fixed = await run('scan', 'pkg:npm/headstart-fixture-settings@1.2.0', '--json');
  assert.deepEqual(
    fixed.lines.filter(({ status }) => status === 'confirmed'),
    [],
  );
});

test('a target that is not there leaves the scan incomplete', async () => {
  assert.equal((await run('scan', 'pkg:npm/headstart-fixture-none', '--json')).exit, 8);
});

test('a finding reproduces by its id, and from its saved reproducer alone', async () => {
  const file = join(directory, 'reproduce.cjs');
  const byId = await run('reproduce', String(found?.id), '--times', '2', '--json', '--save', file);
  assert.equal(byId.exit, 0);
  assert.deepEqual(Object.keys(byId.lines[0] ?? {}).sort(), ['of', 'oracle', 'recordSha256', 'reproduced']);
  assert.deepEqual([byId.lines[0]?.reproduced, byId.lines[0]?.of], [2, 2]);
  assert.match(readFileSync(file, 'utf8'), /plan: /);
  assert.equal((await reveals()).at(-1)?.command, 'reproduce --save');
  const fromFile = await run('reproduce', file, '--times', '1', '--json', '--target', FLAWED);
  assert.deepEqual([fromFile.exit, fromFile.lines[0]?.reproduced], [0, 1]);
});

test('on the fixed version the answer is no', async () => {
  const fixed = 'pkg:npm/headstart-fixture-settings@1.2.0';
  const outcome = await run('reproduce', String(found?.id), '--times', '1', '--json', '--target', fixed);
  assert.deepEqual([outcome.exit, outcome.lines[0]?.reproduced], [1, 0]);
});

test('an unknown finding is not found, and an engine that is not built is wrong usage', async () => {
  assert.equal((await run('reproduce', 'finding_0', '--json')).exit, 4);
  assert.equal((await run('scan', FLAWED, '--engine', 'c')).exit, 2);
  assert.equal((await run('scan', FLAWED, '--minutes', 'soon')).exit, 2);
});
