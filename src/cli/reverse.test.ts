/** On a real database, with a real log and real signatures. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, type World } from '../../test/support/programme.ts';
import { houseAct, houseDocuments, PEMS, SIGNERS, TRUST } from '../../test/support/release.ts';
import { createRecordedTerminal } from '../../test/support/terminal.ts';
import { evaluate, shippedDocuments, signDecision } from '../policy/index.ts';
import { createAdoptions, createRelease, openEvidence, type Release } from '../release/index.ts';
import { runCommandLine } from './cli.ts';
import { registerReverseCommand } from './reverse.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const NOW = new Date('2026-11-20T12:00:00Z');
let world: World;
let folder: string;
let release: Release;

before(async () => {
  world = await createWorld({ now: () => NOW });
  folder = await mkdtemp(join(tmpdir(), 'headstart-reverse-'));
  for (const [name, pem] of Object.entries(PEMS)) await writeFile(join(folder, `${name}.pem`), pem);
  const parts = { ...world.parts, evidence: openEvidence(join(folder, 'evidence')) };
  release = createRelease(parts);
  const framework = shippedDocuments.get('house') ?? null;
  okOf(await createAdoptions(parts).adopt({ framework, trust: TRUST, act: houseAct() }));
  okOf(await release.registerModel({ id: await world.model('m1'), digest: DIGEST, isDemonstration: false }, 'a'));
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(model: string, ...by: string[]) {
  const { terminal, said } = createRecordedTerminal();
  const places = { log: world.log.directory, evidence: join(folder, 'evidence') };
  const register = [
    (program: Parameters<typeof registerReverseCommand>[0]) =>
      registerReverseCommand(program, { terminal, release: async () => release, places }),
  ];
  const sign = by.flatMap((name) => join(folder, `${name}.pem`));
  const args = ['release', 'reverse', model, '--reason', 'new evidence', '--sign', ...sign];
  return { exit: await runCommandLine(args, { terminal, register }), said: said.join('\n') };
}

test('a body that may reverse the decision in force does by its key alone, and no other can', async () => {
  const none = await run('m1', 'board');
  assert.deepEqual([none.exit, none.said.includes('no decision is in force on m1')], [4, true]);
  const asked = { model: 'm1', modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' };
  const documents = houseDocuments(asked);
  const signed = signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer]);
  assert.equal(okOf(await release.enact(documents, signed)).stage, 'partner');
  await world.log.sequence();
  const others = await run('m1', 'lead', 'officer');
  assert.deepEqual([others.exit, others.said.includes('no body that may reverse it signed')], [6, true]);
  assert.equal((await release.stageOf('m1')).stage, 'partner');
  const reversed = await run('m1', 'board');
  assert.equal(reversed.exit, 0, reversed.said);
  assert.match(reversed.said, /is reversed; m1: closed/);
  assert.equal((await world.membership.findModel('m1'))?.stage, 'closed');
});
