/** On a real database, with a real log and a decision that a quorum signed. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, type World } from '../../test/support/programme.ts';
import { houseAct, houseCase, houseDocuments, SIGNERS, TRUST } from '../../test/support/release.ts';
import { createRecordedTerminal } from '../../test/support/terminal.ts';
import type { Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { evaluate, shippedDocuments, signDecision } from '../policy/index.ts';
import { createAdoptions, createRelease, openEvidence } from '../release/index.ts';
import { runCommandLine } from './cli.ts';
import { registerSafetyCaseCommands } from './safety-case.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ASKED = { modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' };
const FILES = [
  ...['overview.svg', 'safety-case.html', 'safety-case.json', 'safety-case.md'],
  ...['way-early-leak.svg', 'way-escape.svg', 'way-misuse-by-member.svg', 'way-stolen-access.svg'],
];

let world: World;
let folder: string;
let decisionSha256 = '';
before(async () => {
  const now = new Date('2026-11-20T12:00:00Z');
  world = await createWorld({ now: () => now });
  folder = await mkdtemp(join(tmpdir(), 'headstart-safety-case-'));
  const parts = { ...world.parts, evidence: openEvidence(join(folder, 'evidence')) };
  const release = createRelease(parts);
  for (const id of ['opened', 'closed'])
    okOf(
      await release.registerModel({ id: await world.model(id), digest: DIGEST, isDemonstration: false }, 'operator'),
    );
  okOf(
    await createAdoptions(parts).adopt({
      ...{ framework: shippedDocuments.get('house') ?? null, trust: TRUST, act: houseAct() },
    }),
  );
  const documents = houseDocuments({ ...ASKED, model: 'opened' });
  const decided = okOf(evaluate(documents));
  const opened = okOf(await release.enact(documents, signDecision(decided, [SIGNERS.lead, SIGNERS.officer])));
  decisionSha256 = opened.decided?.decision ?? '';
  await world.log.sequence();
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const { terminal, out, data, said } = createRecordedTerminal();
  const evidence = openEvidence(join(folder, 'evidence'));
  const cases = async () => {
    const { stageOf } = createRelease({ ...world.parts, evidence });
    return { stageOf, evidence, log: world.log.directory };
  };
  const register = [
    (program: Parameters<typeof registerSafetyCaseCommands>[0]) =>
      registerSafetyCaseCommands(program, { terminal, cases }),
  ];
  const exit = await runCommandLine(['release', 'safety-case', ...args], { terminal, register });
  return { exit, out: out[0], data: data.join(''), said: said.join('\n') };
}

test('the case that an open stage rests on is written out from the log and the evidence, twice to the same bytes', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const { exit, out } = await run('opened', '--out', one, '--json');
  assert.equal(exit, 0);
  await run('opened', '--out', two);
  assert.deepEqual((await readdir(one)).sort(), FILES);
  for (const name of FILES) assert.ok((await readFile(join(one, name))).equals(await readFile(join(two, name))), name);
  const { sha256, whole } = out as { sha256: string; whole: boolean };
  assert.deepEqual([`sha256:${sha256Hex(await readFile(join(one, 'safety-case.json')))}`, whole], [sha256, true]);
  const html = await readFile(join(one, 'safety-case.html'), 'utf8');
  assert.match(decisionSha256, /^[0-9a-f]{64}$/);
  assert.ok(html.includes(decisionSha256) && html.includes('partners (asked for partners)'));
  assert.doesNotMatch(html, /<script|class="warning"/);
});

test('without a folder the Markdown is printed; a model that nothing opened has no case', async () => {
  const { exit, data } = await run('opened');
  assert.deepEqual([exit, data.startsWith('# Safety case of opened\n')], [0, true]);
  const closed = await run('closed');
  assert.equal(closed.exit, 4);
  assert.match(closed.said, /no decision is in force on closed/);
});

test('a draft with a way of harm that no claim covers is written out all the same, ends with 6 and names the place', async () => {
  const draft = houseCase({ ...ASKED, model: 'm1' }, DIGEST) as { claims: Json[] };
  draft.claims.pop();
  const [file, evidence] = [join(folder, 'draft.json'), join(folder, 'known.json')];
  await writeFile(file, JSON.stringify(draft));
  await writeFile(evidence, JSON.stringify({ ...ASKED, model: 'm1' }));
  const out = join(folder, 'draft');
  const asked = ['m1', '--case', file, '--evidence', evidence, '--framework', 'house'];
  const told = await run(...asked, '--out', out, '--json');
  assert.equal(told.exit, 6);
  const { errors } = told.out as { errors: { place: string; why: string }[] };
  assert.ok(errors.some(({ place, why }) => place === '/ways/2 (early-leak)' && why === 'no claim covers it'));
  assert.match(await readFile(join(out, 'safety-case.html'), 'utf8'), /\/ways\/2 \(early-leak\): no claim covers it/);
  assert.equal((await run('m1', '--case', file)).exit, 2);
});

test('a draft of another form is told with the place, and one of another model is not shown as this one’s', async () => {
  const [file, evidence] = [join(folder, 'odd.json'), join(folder, 'known-too.json')];
  await writeFile(evidence, JSON.stringify({ ...ASKED, model: 'm1' }));
  await writeFile(file, JSON.stringify({ ...houseCase({ ...ASKED, model: 'm1' }, DIGEST), ways: [] }));
  const given = ['--case', file, '--evidence', evidence, '--framework', 'house'];
  const odd = await run('m1', ...given);
  assert.equal(odd.exit, 2);
  assert.match(odd.said, /odd\.json at \/ways/);
  await writeFile(file, JSON.stringify(houseCase({ ...ASKED, model: 'm2' }, DIGEST)));
  const other = await run('m1', ...given);
  assert.equal(other.exit, 6);
  assert.match(other.data, /it is about m2, not about m1/);
  assert.equal((await run('m3', ...given)).exit, 2);
});
