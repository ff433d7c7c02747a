import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sha256Hex } from '../lib/hash.ts';
import { shippedDocuments } from '../policy/index.ts';
import { runCommandLine } from './cli.ts';
import { registerPolicyCommands } from './policy.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headstart-policy-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const NOW = new Date('2026-11-21T12:00:00Z');
const said: string[] = [];

async function run(...args: string[]): Promise<{ exit: number; out: Record<string, unknown> }> {
  const out: unknown[] = [];
  said.length = 0;
  const terminal = {
    json: (value: unknown) => void out.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const register = [
    (program: Parameters<typeof registerPolicyCommands>[0]) =>
      registerPolicyCommands(program, {
        terminal,
        clock: { now: () => NOW },
        record: async () => ({ entry: 'entry_0' }),
      }),
  ];
  return { exit: await runCommandLine(args, { terminal, register }), out: out[0] as Record<string, unknown> };
}

async function file(name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const EVIDENCE = { model: 'm1', modelDigest: digest('a'), asOf: '2026-11-20T00:00:00Z', stage: 'partners' };
const OPEN = {
  ...EVIDENCE,
  determinations: [
    { framework: 'house', category: 'cyber', level: 'uplift', value: 'not-crossed', evidence: [digest('e')] },
  ],
};

test('a stage that is granted ends with 0, and the decision that is saved has the hash that was told', async () => {
  const saved = join(folder, 'decision.json');
  const evidence = await file('open.json', OPEN);
  const { exit, out } = await run('decide', '--framework', 'house', '--evidence', evidence, '--save', saved, '--json');
  assert.deepEqual([exit, out.model, out.stage], [0, 'm1', 'partners']);
  assert.equal(out.decisionSha256, sha256Hex(await readFile(saved)));
  assert.deepEqual([out.bindingRules, out.missing, out.ambiguities], [[], [], []]);
});

test('a stage that is not granted ends with 6 and says what is missing', async () => {
  const { exit, out } = await run(
    'decide',
    '--framework',
    'house',
    '--evidence',
    await file('bare.json', EVIDENCE),
    '--json',
  );
  assert.deepEqual([exit, out.stage], [6, 'closed']);
  assert.ok((out.missing as unknown[]).length > 0 && (out.bindingRules as unknown[]).length > 0);
  assert.ok(said.some((line) => line.includes('missing determination cyber uplift')));
});

test('evidence as of the future, and frameworks that cannot be judged, are refused with the place', async () => {
  const later = await file('later.json', { ...OPEN, asOf: '2026-11-21T12:05:01Z' });
  assert.equal((await run('decide', '--framework', 'house', '--evidence', later)).exit, 6);
  assert.match(said.join(), /asOf: it is in the future/);
  const broken = await file('broken.json', { ...(shippedDocuments.get('house') as object), quorums: [] });
  const evidence = await file('open.json', OPEN);
  assert.equal((await run('decide', '--framework', broken, '--evidence', evidence)).exit, 6);
  assert.match(said.join(), /missing-quorum.*\/quorums/);
  assert.equal((await run('decide', '--framework', 'house', 'house', '--evidence', evidence)).exit, 6);
});

test('what is no evidence, no file or no framework at all is told apart', async () => {
  const evidence = await file('open.json', OPEN);
  const odd = await file('odd.json', { ...OPEN, stage: 'everyone' });
  assert.equal((await run('decide', '--framework', 'house', '--evidence', odd)).exit, 2);
  assert.match(said.join(), /\/stage/);
  assert.equal((await run('decide', '--framework', 'house', '--evidence', join(folder, 'none'))).exit, 4);
  assert.equal((await run('decide', '--framework', await file('x.json', 'x'), '--evidence', evidence)).exit, 6);
  assert.equal((await run('decide', '--evidence', evidence)).exit, 2);
});

test('a difference of frameworks is told clause by clause, the alarm among it', async () => {
  const house = shippedDocuments.get('house') as { gates: { text: string }[] };
  const other = structuredClone(house);
  Object.assign(other.gates[0] ?? {}, { modality: 'MAY' });
  const { exit, out } = await run('framework', 'diff', 'house', await file('other.json', other), '--json');
  assert.equal(exit, 0);
  const changes = out as unknown as { clause: string; material: boolean; alarm?: true }[];
  assert.deepEqual(
    changes.map(({ clause, material, alarm }) => [clause, material, alarm ?? false]),
    [
      ['gates/cyber-containment', true, false],
      ['label', true, true],
    ],
  );
});

test('the shipped frameworks are listed, each with its source unverified', async () => {
  const { out } = await run('framework', 'list', '--json');
  const list = out as unknown as { id: string; sourceVerified: boolean }[];
  assert.ok(list.length >= 10);
  assert.ok(list.every(({ sourceVerified }) => !sourceVerified));
});

test('the clocks of an incident are given in the order in which they are due', async () => {
  const incident = {
    kind: 'incident',
    awareAt: '2026-11-20T10:00:00Z',
    occurredAt: null,
    resolvedAt: null,
    timeZone: 'Europe/Berlin',
    facts: { imminentRisk: true, deaths: 0, criticalInfrastructure: false, patchAvailableAt: null },
  };
  const { exit, out } = await run('clocks', await file('incident.json', incident), '--json');
  const clocks = out as unknown as { source: string; due: string; event: string }[];
  assert.equal(exit, 0);
  assert.deepEqual(
    clocks.map(({ due }) => due),
    clocks.map(({ due }) => due).toSorted(),
  );
  assert.deepEqual(
    clocks.slice(0, 2).map(({ due }) => due),
    Array(2).fill('2026-11-21T10:00:00.000Z'),
  );
  assert.ok(clocks.every(({ source, event }) => source !== '' && event !== ''));
  assert.match(said.join(), /no lawyer has reviewed/);
  assert.equal((await run('clocks', await file('odd.json', { ...incident, timeZone: 'Mars' }))).exit, 2);
  assert.equal((await run('clocks', await file('bare.json', { ...incident, awareAt: null }))).exit, 2);
});
