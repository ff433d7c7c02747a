import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { CAMPAIGN_PACKAGES, createWorkbench } from '../../test/fixtures/workbench.ts';
import { scanTree } from '../finder/index.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { chooseProfile } from '../sandbox/index.ts';
import { createTestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { createVerification, recordFinding } from '../verify/index.ts';
import { runCommandLine } from './cli.ts';
import { registerReproduce } from './reproduce.ts';
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
        registerReproduce(program, {
          terminal,
          clock: systemClock,
          database: async () => database,
          vault: async () => vault,
          scratch: async () => bench.parts.scratch,
          registry: () => bench.registry,
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
const reveals = async () => (await database.query<{ command: string }>('select command from verify.reveals')).rows;
const id = await recordOne();

/** Found, confirmed and kept as a campaign does it, without its case. */
async function recordOne(): Promise<string> {
  const tree = await bench.open('headstart-fixture-settings@1.1.0');
  const { candidates } = await scanTree({ tree, sandbox: bench.sandbox, seed: 1, classes: ['prototype-pollution'] });
  const [candidate] = candidates;
  assert.ok(candidate);
  const finding = await createVerification(bench.parts).verifyCandidate(candidate, tree);
  assert.ok(finding.ok);
  const options = { vault, random: systemRandom, now: new Date(), campaignId: null };
  return (await database.transaction((tx) => recordFinding(tx, finding.value, options))).id;
}

test('a finding reproduces by its id, and from its saved reproducer alone', async () => {
  const file = join(directory, 'reproduce.cjs');
  const byId = await run('reproduce', id, '--times', '2', '--json', '--save', file);
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
  const outcome = await run('reproduce', id, '--times', '1', '--json', '--target', fixed);
  assert.deepEqual([outcome.exit, outcome.lines[0]?.reproduced], [1, 0]);
});

test('an unknown finding is not found', async () => {
  assert.equal((await run('reproduce', 'finding_0', '--json')).exit, 4);
});
