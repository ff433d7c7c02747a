import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sample from '../demonstration/sample-evaluation.json' with { type: 'json' };
import type { Json } from '../lib/canonical-json.ts';
import { generateEd25519Pem } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import { documentHash } from '../policy/index.ts';
import { runCommandLine } from './cli.ts';
import { registerStatementCommands } from './statement.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const DIGEST = `sha256:${'a'.repeat(64)}`;
let folder: string;
let key: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headstart-statement-'));
  key = await file('key.pem', generateEd25519Pem());
});
after(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const kept: Json[] = [];
async function run(...args: string[]): Promise<{ exit: number; out: Record<string, unknown>; said: string }> {
  const [out, said]: [unknown[], string[]] = [[], []];
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const keep = async (document: Json): Promise<string> => {
    kept.push(document);
    return documentHash(document);
  };
  const register = [
    (program: Parameters<typeof registerStatementCommands>[0]) =>
      registerStatementCommands(program, { terminal, clock: { now: () => NOW }, keep }),
  ];
  const exit = await runCommandLine(['release', ...args], { terminal, register });
  return { exit, out: out[0] as Record<string, unknown>, said: said.join('\n') };
}

test('a claim is signed and dated, its statement named by the hash of what was saved, and nothing is overwritten', async () => {
  const claim = await file('claim.json', { id: 'stop-switch', standing: true, evidence: [DIGEST] });
  const save = join(folder, 'statement.json');
  const { exit, out } = await run('state', 'safeguards', claim, '--sign', key, '--save', save, '--json');
  assert.equal(exit, 0);
  assert.equal(out.statement, `sha256:${sha256Hex(await readFile(save))}`);
  assert.equal((out.claim as { at: string }).at, NOW.toISOString());
  assert.equal((await run('state', 'safeguards', claim, '--sign', key, '--save', save)).exit, 5);
  assert.equal((await run('state', 'rumours', claim, '--sign', key, '--save', `${save}.2`)).exit, 2);
  const typed = await file('metric.json', { name: 'Head start day', value: 135, source: 'me' });
  const refused = await run('state', 'metrics', typed, '--sign', key, '--save', `${save}.4`);
  assert.deepEqual([refused.exit, /is counted and not stated/.test(refused.said)], [6, true]);
  assert.equal(
    (await run('state', 'results', await file('list.json', []), '--sign', key, '--save', `${save}.3`)).exit,
    2,
  );
});

test('an evaluation log becomes a result that rests on the log itself; a sample is typed as simulated', async () => {
  const log = await file('log.json', sample);
  const to = ['--model-digest', DIGEST, '--sign', key, '--json'];
  const { exit, out } = await run('import-evaluation', log, ...to, '--save', join(folder, 'imported.json'));
  assert.equal(exit, 0);
  const { value, nature, digest, modelDigest } = out.claim as Record<string, string>;
  assert.deepEqual([value, nature, modelDigest], ['pass', 'simulated', DIGEST]);
  assert.equal(digest, documentHash(kept[0] ?? null));
});

test('a log that is none, or of another scorer, is refused with its place and keeps nothing', async () => {
  const before = kept.length;
  const to = ['--model-digest', DIGEST, '--sign', key];
  const odd = await file('odd.json', { ...sample, version: 1 });
  const refused = await run('import-evaluation', odd, ...to, '--save', join(folder, 'odd-imported.json'));
  assert.deepEqual([refused.exit, kept.length], [2, before]);
  assert.match(refused.said, /\/version/);
  const other = await run(
    'import-evaluation',
    await file('log2.json', sample),
    '--scorer',
    'other',
    ...to,
    '--save',
    join(folder, 'o.json'),
  );
  assert.match(other.said, /inconclusive/);
});

test('a log of a capability becomes a result with its threshold and its elicitation; one that is void is invalid', async () => {
  const run_ = { version: 2, status: 'success', eval: { created: '2026-11-01T00:00:00Z', task: 'range', model: 'm' } };
  const samples = ['C', 'C', 'I'].map((value, id) => ({ id, epoch: 1, scores: { match: { value } } }));
  const log = await file('capability.json', { ...run_, results: { total_samples: 3 }, samples });
  const of = ['import-evaluation', log, '--model-digest', DIGEST, '--sign', key, '--json', '--scorer', 'match'];
  const told = async (save: string, ...more: string[]) => {
    const { exit, out } = await run(...of, '--name', 'cyber-range', '--save', join(folder, save), ...more);
    const { value, elicitation, coverage, nature } = (out?.claim ?? {}) as Record<string, string>;
    return { exit, value, elicitation, coverage, nature };
  };
  const reached = await told('reached.json', '--reaches', '0.6', '--elicitation', '3 attempts, all tools');
  assert.deepEqual(reached, {
    ...{ exit: 0, value: 'pass', elicitation: '3 attempts, all tools', nature: 'real' },
    coverage: '2 of 3 samples solved, 0 show nothing; 0.6 is the threshold',
  });
  assert.equal((await told('below.json', '--reaches', '0.7')).value, 'fail');
  const voided = await told('void.json', '--reaches', '0.6', '--void', 'it knew the test');
  assert.deepEqual([voided.value, voided.coverage], ['invalid', 'void: it knew the test']);
  for (const share of ['0', '1.1', 'half']) assert.equal((await told('x.json', '--reaches', share)).exit, 2);
});
