/** On a real database, with a real log and real signatures. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nextHouse } from '../../test/support/generated-decisions.ts';
import { createWorld, okOf, refusalOf, until, type World } from '../../test/support/programme.ts';
import { houseAct, houseDocuments, SIGNERS, TRUST } from '../../test/support/release.ts';
import type { Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import {
  CURRENT_SEMANTICS,
  type DecisionDocuments,
  evaluate,
  readFrameworkValue,
  SEMANTICS,
  shippedDocuments,
  signAdoption,
  signDecision,
  signReversal,
} from '../policy/index.ts';
import { type Adoptions, createAdoptions } from './adoption-service.ts';
import { openEvidence } from './evidence-client.ts';
import { createRelease, ENACT_WITHIN_DAYS, type Release } from './release.ts';
import { findLogged, findMissingEvidence, openReplayLog, replay } from './replay-service.ts';

const DAY_MS = 86_400_000;
const DIGEST = `sha256:${'a'.repeat(64)}`;
let world: World;
let release: Release;
let adoptions: Adoptions;
let folder: string;
let now = new Date('2026-11-20T12:00:00Z');

before(async () => {
  world = await createWorld({ now: () => now });
  folder = await mkdtemp(join(tmpdir(), 'headstart-release-'));
  const parts = { ...world.parts, evidence: openEvidence(folder) };
  release = createRelease(parts);
  adoptions = createAdoptions(parts);
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const house = shippedDocuments.get('house') ?? null;
const adopt = (document: Json, act: Buffer, more: object = {}) =>
  adoptions.adopt({ framework: document, trust: TRUST, act, ...more });

test('signed by its whole quorum, a decision under a framework that nobody adopted here opens nothing', async () => {
  const id = await model();
  const documents = ask(id);
  const { kind } = refusalOf(await release.enact(documents, signed(documents, 'lead', 'officer')));
  assert.equal(kind, 'not-adopted');
  const bare = { ...documents, dossier: { ...(documents.dossier as object), adoptions: [] } };
  const decided = okOf(evaluate(bare));
  assert.deepEqual([decided.stage, decided.missing[0]?.what], ['closed', 'adoption']);
  assert.match(decided.reasoning[0]?.adoption ?? '', /^not adopted/);
  assert.equal(await stageAtGate(id), 'closed');
});

test('an act that its bodies did not sign, that is of other bytes or of the future adopts nothing', async () => {
  const framework = okOf(readFrameworkValue(house));
  const [at, next] = [new Date('2026-05-01T00:00:00Z'), nextHouse(house, 3)];
  for (const by of [[SIGNERS.lead], [SIGNERS.officer, SIGNERS.board]]) {
    assert.equal(refusalOf(await adopt(house, signAdoption(framework, at, by))).kind, 'act-unsigned');
  }
  assert.equal(refusalOf(await adopt(next, houseAct())).kind, 'malformed-act');
  assert.equal(refusalOf(await adopt(house, houseAct(house, '2026-11-20T12:00:01Z'))).kind, 'act-from-the-future');
  okOf(await adopt(house, houseAct()));
  assert.equal(okOf(await adopt(house, houseAct())).framework, 'house');
});

let made = 0;
async function model(isDemonstration = false): Promise<string> {
  made += 1;
  const id = await world.model(`release-${made}`);
  okOf(await release.registerModel({ id, digest: DIGEST, isDemonstration }, 'operator'));
  return id;
}

const ask = (id: string, stage = 'partners', more: object = {}) =>
  houseDocuments({ model: id, modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage, ...more });
const signed = (documents: DecisionDocuments, ...by: (keyof typeof SIGNERS)[]) =>
  signDecision(
    okOf(evaluate(documents)),
    by.map((name) => SIGNERS[name]),
  );
const stageAtGate = async (id: string): Promise<string | undefined> =>
  (await world.membership.listModels()).find((each) => each.id === id)?.stage;

test('a model that is registered is closed until a decision that its quorum signed opens it', async () => {
  const id = await model();
  assert.equal(await stageAtGate(id), 'closed');
  const documents = ask(id);
  const opened = okOf(await release.enact(documents, signed(documents, 'lead', 'officer')));
  assert.deepEqual([opened.stage, opened.decided?.stage, await stageAtGate(id)], ['partner', 'partners', 'partner']);
});

test('without the quorum, on another decision, or twice, nothing opens', async () => {
  const id = await model();
  const documents = ask(id);
  for (const by of [['lead'], ['officer'], ['lead', 'board'], ['lead', 'tester']] as const) {
    assert.equal(refusalOf(await release.enact(documents, signed(documents, ...by))).kind, 'quorum-missing');
  }
  const wider = ask(id, 'trusted');
  assert.equal(refusalOf(await release.enact(wider, signed(documents, 'lead', 'officer'))).kind, 'quorum-missing');
  assert.equal(await stageAtGate(id), 'closed');
  okOf(await release.enact(documents, signed(documents, 'lead', 'officer')));
  assert.equal(refusalOf(await release.enact(documents, signed(documents, 'lead', 'officer'))).kind, 'exists');
});

test('a decision that a later one replaced does not come back', async () => {
  const id = await model();
  const wide = ask(id, 'trusted');
  const later = houseDocuments({ model: id, modelDigest: DIGEST, asOf: '2026-11-20T06:00:00Z', stage: 'internal' });
  assert.equal(okOf(await release.enact(later, signed(later, 'lead', 'officer'))).stage, 'internal');
  assert.equal(refusalOf(await release.enact(wide, signed(wide, 'lead', 'officer'))).kind, 'superseded');
  assert.equal(await stageAtGate(id), 'internal');
});

test('a stage that is not granted opens for no signature', async () => {
  const id = await model();
  const documents = ask(id, 'general');
  const refusal = refusalOf(await release.enact(documents, signed(documents, 'lead', 'officer', 'board')));
  assert.equal(refusal.kind, 'not-granted');
});

test('evidence that nobody signed opens nothing', async () => {
  const id = await model();
  const documents = ask(id);
  const claimed: DecisionDocuments = {
    ...documents,
    dossier: {
      ...{ model: id, modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' },
      determinations: [
        { framework: 'house', category: 'cyber', level: 'uplift', value: 'not-crossed', evidence: [DIGEST] },
      ],
    },
  };
  assert.equal(okOf(evaluate(claimed)).granted, true);
  assert.equal(refusalOf(await release.enact(claimed, signed(claimed, 'lead', 'officer'))).kind, 'unsigned-evidence');
});

test('a decision opens only the bytes it is about, and a demonstration only a demonstration', async () => {
  const id = await model();
  const other = houseDocuments({
    model: id,
    modelDigest: `sha256:${'b'.repeat(64)}`,
    asOf: '2026-11-20T00:00:00Z',
    stage: 'partners',
  });
  assert.equal(refusalOf(await release.enact(other, signed(other, 'lead', 'officer'))).kind, 'another-model');
  const simulated = ask(id, 'partners', { demonstration: true });
  assert.equal(refusalOf(await release.enact(simulated, signed(simulated, 'lead', 'officer'))).kind, 'another-model');
  const demonstration = await model(true);
  const shown = ask(demonstration, 'partners', { demonstration: true });
  assert.equal(okOf(await release.enact(shown, signed(shown, 'lead', 'officer'))).isDemonstration, true);
  const real = ask(demonstration);
  assert.equal(refusalOf(await release.enact(real, signed(real, 'lead', 'officer'))).kind, 'another-model');
  assert.equal(
    refusalOf(await release.registerModel({ id, digest: DIGEST, isDemonstration: true }, 'x')).kind,
    'exists',
  );
});

test('a decision is enacted within its days and not before its instant', async () => {
  const id = await model();
  const documents = ask(id);
  const envelope = signed(documents, 'lead', 'officer');
  const decidedAt = Date.parse('2026-11-20T00:00:00Z');
  for (const at of [decidedAt - 1, decidedAt + ENACT_WITHIN_DAYS * DAY_MS + 1]) {
    now = new Date(at);
    assert.equal(refusalOf(await release.enact(documents, envelope)).kind, 'too-old');
  }
  now = new Date(decidedAt + ENACT_WITHIN_DAYS * DAY_MS);
  assert.equal(okOf(await release.enact(documents, envelope)).stage, 'partner');
  now = new Date('2026-11-20T12:00:00Z');
});

test('no stage opens on a head start that says more than the cases do, whoever signed it', async () => {
  const id = await model();
  const counting = createRelease({
    ...{ ...world.parts, evidence: openEvidence(folder) },
    countMetrics: async (nature) => (nature === 'real' ? [{ name: 'head-start-day', value: 40 }] : []),
  });
  const saying = (day: number, nature = 'real') =>
    houseDocuments(
      { model: id, modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' },
      (claims) =>
        void claims.push([
          'metrics',
          { name: 'Head start day', value: day, source: 'me', at: '2026-11-19T00:00:00Z', nature },
        ]),
    );
  const typed = saying(135);
  const refusal = refusalOf(await counting.enact(typed, signed(typed, 'lead', 'officer')));
  assert.deepEqual(refusal, { kind: 'not-as-counted', metric: 'Head start day', said: 135, counted: 40 });
  assert.equal(await stageAtGate(id), 'closed');
  const counted = saying(40);
  assert.equal(okOf(await counting.enact(counted, signed(counted, 'lead', 'officer'))).stage, 'partner');
});

test('whatever suspends a model closes it at once, and only when all are lifted by two it is open again', async () => {
  const id = await model();
  const documents = ask(id);
  okOf(await release.enact(documents, signed(documents, 'lead', 'officer')));
  const authority = await world.authority();
  const asked = { model: id, kind: 'order' as const, reason: 'an order from outside', askedBy: 'counsel' };
  const first = okOf(await release.suspend(asked));
  const second = okOf(await release.suspend({ ...asked, kind: 'incident' }));
  assert.equal(await stageAtGate(id), 'closed');
  const epoch = authority.epoch;
  assert.equal(refusalOf(await release.resume(first.id, { actor: 'counsel' })).kind, 'second-person-needed');
  assert.equal(refusalOf(await release.resume(first.id, { actor: 'a', second: 'a' })).kind, 'second-person-needed');
  assert.equal(okOf(await release.resume(first.id, { actor: 'a', second: 'b' })).stage, 'closed');
  assert.equal(okOf(await release.resume(second.id, { actor: 'a', second: 'b' })).stage, 'partner');
  assert.equal(refusalOf(await release.resume(second.id, { actor: 'a', second: 'b' })).kind, 'not-found');
  await until(() => authority.epoch > epoch);
  assert.equal(await stageAtGate(id), 'partner');
});

test('a decision made while a model is suspended opens nothing until it is lifted', async () => {
  const id = await model();
  const suspension = okOf(await release.suspend({ model: id, kind: 'order', reason: 'an order', askedBy: 'counsel' }));
  const documents = ask(id);
  assert.equal(okOf(await release.enact(documents, signed(documents, 'lead', 'officer'))).stage, 'closed');
  assert.equal(await stageAtGate(id), 'closed');
  assert.equal(okOf(await release.resume(suspension.id, { actor: 'a', second: 'b' })).stage, 'partner');
});

test('a model that only the gate knows can be suspended too, and what is no model cannot', async () => {
  const id = await world.model('only-at-the-gate');
  const suspension = okOf(await release.suspend({ model: id, kind: 'person', reason: 'odd', askedBy: 'a' }));
  assert.equal(await stageAtGate(id), 'closed');
  assert.equal(okOf(await release.resume(suspension.id, { actor: 'a', second: 'b' })).stage, undefined);
  assert.equal(await stageAtGate(id), undefined);
  assert.equal(
    refusalOf(await release.suspend({ model: 'none', kind: 'person', reason: 'odd', askedBy: 'a' })).kind,
    'not-found',
  );
});

test('a body that may reverse a decision closes the model, and no two persons bring it back', async () => {
  const id = await model();
  const documents = ask(id);
  okOf(await release.enact(documents, signed(documents, 'lead', 'officer')));
  const { sha256 } = okOf(await release.record(documents));
  const stray = signReversal(sha256, 'no', [SIGNERS.lead]);
  assert.equal(refusalOf(await release.reverse(documents, stray)).kind, 'not-reversed');
  const reversal = signReversal(sha256, 'too early', [SIGNERS.board]);
  assert.equal(okOf(await release.reverse(documents, reversal)).stage, 'closed');
  assert.equal(await stageAtGate(id), 'closed');
  assert.equal(refusalOf(await release.enact(documents, signed(documents, 'lead', 'officer'))).kind, 'exists');
});

test('a decision is recorded once, and replayed from the log and the evidence alone to the same bytes', async () => {
  const documents = ask('replayed', 'general');
  const first = okOf(await release.record(documents));
  assert.equal(okOf(await release.record(documents)).entry, first.entry);
  await world.log.sequence();
  const log = okOf(await openReplayLog(world.log.directory, {}));
  for (const name of [first.sha256, `sha256:${first.sha256}`, first.entry]) {
    const logged = log.find(name);
    assert.ok(logged, name);
    const again = okOf(await replay(logged, openEvidence(folder)));
    assert.equal(sha256Hex(again.bytes), first.sha256);
  }
  assert.equal(log.find('f'.repeat(64)), undefined);
  for (const name of [first.sha256, first.entry]) {
    assert.deepEqual(okOf(await findLogged(world.log.directory, {}, name)), log.find(name));
  }
  assert.equal(okOf(await findLogged(world.log.directory, {}, 'f'.repeat(64))), undefined);
});

test('a decision in a log whose bytes were changed is found, and not proven', async () => {
  const { sha256 } = okOf(await release.record(ask('forged', 'general')));
  await world.log.sequence();
  const folder = join(world.log.directory, 'tile', 'entries');
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) => each.isFile());
  const kept: (readonly [string, Buffer])[] = [];
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    const bytes = await readFile(path);
    kept.push([path, bytes]);
    // One letter of the last signature.
    const changed = Buffer.from(bytes);
    const at = changed.lastIndexOf('"sig":"') + 10;
    changed[at] = changed[at] === 65 ? 66 : 65;
    await chmod(path, 0o644);
    await writeFile(path, changed);
  }
  assert.equal(refusalOf(await findLogged(world.log.directory, {}, sha256)).kind, 'log-not-verified');
  for (const [path, bytes] of kept) await writeFile(path, bytes);
  assert.equal(okOf(await findLogged(world.log.directory, {}, sha256))?.sha256, sha256);
});

test('a replay says what is missing, and that other rules give another decision', async () => {
  const { sha256 } = okOf(await release.record(ask('changed', 'general')));
  await world.log.sequence();
  const logged = okOf(await openReplayLog(world.log.directory, {})).find(sha256);
  assert.ok(logged);
  const other = {
    [CURRENT_SEMANTICS]: (...given: Parameters<(typeof SEMANTICS)[4]>) => ({
      ...SEMANTICS[CURRENT_SEMANTICS]?.(...given),
      granted: true,
    }),
  };
  assert.equal(refusalOf(await replay(logged, openEvidence(folder), other as never)).kind, 'differs');
  assert.equal(refusalOf(await replay(logged, openEvidence(folder), { 1: SEMANTICS[1] as never })).kind, 'not-decided');
  const [statement = ''] = logged.statements;
  const path = join(folder, statement.slice(7, 9), statement.slice(9));
  const missing = async () => okOf(await findMissingEvidence(world.log.directory, {}, openEvidence(folder)));
  assert.deepEqual(await missing(), []);
  await rm(path);
  assert.deepEqual(await missing(), [statement]);
  assert.equal(refusalOf(await replay(logged, openEvidence(folder))).kind, 'input-missing');
  await writeFile(path, 'something else');
  assert.equal(refusalOf(await replay(logged, openEvidence(folder))).kind, 'input-missing');
});

test('a later act supersedes an earlier one, and other bytes under one label raise an alarm', async () => {
  const id = await model();
  const documents = ask(id);
  const second = nextHouse(house, 3);
  const silent = { ...(house as object), title: 'House rules on cyber capability', notCovered: ['something new'] };
  const act = houseAct(silent, '2026-11-20T11:00:00Z');
  assert.equal(refusalOf(await adopt(silent, act)).kind, 'label-changed');
  okOf(await adopt(second, houseAct(second, '2026-11-20T10:00:00Z')));
  const old = refusalOf(await release.enact(documents, signed(documents, 'lead', 'officer')));
  assert.deepEqual([old.kind, 'why' in old && old.why.startsWith('the act in force')], ['not-adopted', true]);
  assert.equal(refusalOf(await adopt(house, houseAct(house, '2026-06-01T00:00:00Z'))).kind, 'act-superseded');
  okOf(await adopt(silent, act, { acceptChangedBytes: true }));
  const list = await adoptions.list();
  assert.deepEqual(
    list.map(({ inForce, shippedDiffers }) => [inForce, shippedDiffers]),
    [
      [true, true],
      [false, false],
      [false, false],
    ],
  );
});

test('the log names no model, and every change of a stage stands in it', async () => {
  const { rows } = await world.database.query<{ body: Buffer }>('select body from tlog.entries order by position');
  const texts = rows.map(({ body }) => Buffer.from(JSON.parse(body.toString()).payload, 'base64').toString());
  assert.ok(
    texts.every((text) => !text.includes('release-1')),
    'a model is named',
  );
  for (const kind of [
    'framework-adopted/v1',
    'decision/v1',
    'stage-opened/v1',
    'stage-suspended/v1',
    'stage-resumed/v1',
    'decision-reversed/v1',
  ]) {
    assert.ok(
      texts.some((text) => text.includes(`headstart/${kind}`)),
      kind,
    );
  }
});
