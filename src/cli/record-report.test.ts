/** On a real database, with a real log: decisions, a stage that opened, an incident that closed its model. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, type World } from '../../test/support/programme.ts';
import { houseAct, houseDocuments, SIGNERS, TRUST } from '../../test/support/release.ts';
import { createRecordedTerminal } from '../../test/support/terminal.ts';
import type { RecordParts, RecordReport } from '../assurance/index.ts';
import { createIncidents } from '../incident/index.ts';
import { toHex } from '../lib/bytes.ts';
import { leafHash } from '../lib/merkle.ts';
import { ok } from '../lib/result.ts';
import { evaluate, shippedDocuments, signDecision } from '../policy/index.ts';
import { createAdoptions, createRelease, openEvidence } from '../release/index.ts';
import { verifyLog } from '../tlog/index.ts';
import { runCommandLine } from './cli.ts';
import { registerRecordReportCommands } from './record-report.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ASKED = { model: 'm1', modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' };
const NOW = new Date('2026-11-20T12:00:00Z');

let world: World;
let folder: string;
let records: RecordParts;
let incidents: ReturnType<typeof createIncidents>;
const cases = [{ id: 'case_unpublished', kind: 'real', stage: 'notified', openedAt: NOW }];
before(async () => {
  world = await createWorld({ now: () => NOW });
  folder = await mkdtemp(join(tmpdir(), 'headstart-record-report-'));
  const parts = { ...world.parts, evidence: openEvidence(join(folder, 'evidence')) };
  const release = createRelease(parts);
  incidents = createIncidents({ ...parts, release });
  okOf(
    await release.registerModel({ id: await world.model('m1'), digest: DIGEST, isDemonstration: false }, 'operator'),
  );
  okOf(
    await createAdoptions(parts).adopt({
      ...{ framework: shippedDocuments.get('house') ?? null, trust: TRUST, act: houseAct() },
    }),
  );
  const documents = houseDocuments(ASKED);
  okOf(await release.enact(documents, signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer])));
  okOf(await release.record(houseDocuments({ ...ASKED, stage: 'general' })));
  await openIncident();
  records = {
    log: world.log.directory,
    sequence: () => world.log.sequence(),
    models: release.listModels,
    incidents: incidents.list,
    suspensions: release.suspensionsOf,
    analyses: async () => [],
    findings: async () => ok({ findings: [] }),
    cases: async () => cases,
  };
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function openIncident(): Promise<void> {
  const record = {
    ...{ kind: 'incident', awareAt: '2026-11-20T10:00:00Z', occurredAt: null, resolvedAt: null, timeZone: 'UTC' },
    facts: { imminentRisk: true, deaths: 0, criticalInfrastructure: false, patchAvailableAt: null },
  };
  okOf(await incidents.open({ record, model: 'm1', summary: 'Known to few', owner: 'Ada' }, 'operator'));
}

async function run(...args: string[]) {
  const { terminal, out, data, said } = createRecordedTerminal();
  const parts = { terminal, clock: { now: () => NOW }, records: async () => records };
  const register = [
    (program: Parameters<typeof registerRecordReportCommands>[0]) => registerRecordReportCommands(program, parts),
  ];
  const exit = await runCommandLine(['release', 'report', ...args], { terminal, register });
  return { exit, out: out[0], data: data.join(''), said: said.join('\n') };
}
const TIME = ['--from', '2026-11-01', '--to', '2026-12-01'];
const valuesOf = ({ figures }: RecordReport) => new Map(figures.map(({ name, value }) => [name, value]));

test('a report is the same bytes each time, counts what happened, and says nothing of what is unpublished', async () => {
  const read = async (at: string, kind: string, ...asked: string[]) => {
    assert.equal((await run(kind, ...asked, '--out', join(folder, at))).exit, 0);
    return Promise.all(
      ['json', 'md', 'html'].map((end) => readFile(join(folder, at, `${kind}-report.${end}`), 'utf8')),
    );
  };
  const [risk, again] = [await read('one', 'risk', 'm1'), await read('two', 'risk', 'm1')];
  assert.deepEqual(again, risk);
  const values = valuesOf(JSON.parse(risk[0] ?? ''));
  const names = ['decisions', 'decisions-granted', 'stages-opened', 'decisions-with-safety-case', 'incidents-critical'];
  assert.deepEqual(
    [...names, 'incidents-closing', 'incidents-unresolved', 'suspensions'].map((name) => values.get(name)),
    [2, 1, 1, 2, 1, 1, 1, 1],
  );
  const open = await read('three', 'transparency', ...TIME);
  const told = valuesOf(JSON.parse(open[0] ?? ''));
  assert.deepEqual(
    ['frameworks-adopted', 'suspensions', 'cases-notified'].map((name) => told.get(name)),
    [1, 1, 1],
  );
  assert.doesNotMatch([...risk, ...open].join(), /case_unpublished|Known to few|Ada|incident_[0-9a-f]/);
  for (const { name, question } of (JSON.parse(risk[0] ?? '') as RecordReport).figures)
    assert.ok(
      risk[1]?.includes(`| ${name} | ${question} |`) && risk[2]?.includes(`<td>${name}</td><td>${question}</td>`),
      name,
    );
  assert.doesNotMatch(risk[2] ?? '', /<script|<link|<img|src=|href=|url\(/i);
});

test('every entry that a figure is traced to stands in the log at its index, under its leaf', async () => {
  const { out } = await run('transparency', ...TIME, '--json');
  const leaves = new Map<number, string>();
  const verified = okOf(
    await verifyLog(world.log.directory, {}, (index, body) => void leaves.set(index, toHex(leafHash(body)))),
  );
  const { log, figures } = out as unknown as RecordReport;
  assert.equal(log.root, toHex(verified.checkpoint.root));
  const traced = figures.flatMap(({ trace }) => trace.entries ?? []);
  assert.ok(traced.length >= 8);
  for (const { index, leaf } of traced) assert.equal(leaves.get(index), leaf);
});

test('counted again, a report holds although the log went on; one that was changed is told figure by figure', async () => {
  const { out } = await run('risk', 'm1', '--json');
  const file = join(folder, 'risk.json');
  const check = async (report: unknown, kind = 'risk') => {
    await writeFile(file, JSON.stringify(report));
    return run(kind, '--check', file, '--json');
  };
  await openIncident();
  await world.log.sequence();
  assert.deepEqual([(await check(out)).exit, (await check(out)).out], [0, { figures: 33, differing: [] }]);
  const report = out as unknown as RecordReport;
  const figures = report.figures.map((each) => (each.name === 'incidents-critical' ? { ...each, value: 0 } : each));
  const changed = await check({ ...report, figures });
  assert.equal(changed.exit, 1);
  assert.match(changed.said, /incidents-critical: it says 0, counted 1/);
  const { differing } = changed.out as { differing: { name: string }[] };
  assert.deepEqual(
    differing.map(({ name }) => name),
    ['incidents-critical'],
  );
  for (const log of [
    { ...report.log, size: 10_000 },
    { ...report.log, root: '0'.repeat(64) },
  ])
    assert.equal((await check({ ...report, log })).exit, 1);
  assert.deepEqual([(await check(report, 'transparency')).exit, (await check({ ...report, asOf: '' })).exit], [2, 2]);
});

test('a report is of a model that is known or of a whole time, and of one of the kinds there are', async () => {
  const exits = [['risk', 'm2'], ['praise', 'm1'], ['risk'], ['risk', '--from', '2026-11-01'], ['risk', 'm1', ...TIME]];
  const found: number[] = [];
  for (const args of exits) found.push((await run(...args)).exit);
  assert.deepEqual(found, [4, 2, 2, 2, 2]);
  assert.equal((await run('risk', '--from', '2026-12-01', '--to', '2026-11-01')).exit, 2);
});
