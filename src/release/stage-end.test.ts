/** On a real database, with a real log and real signatures: what becomes of a stage whose decision rests on what ends. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { deviatingDocuments, deviatingHouse, houseAct, SIGNERS, TRUST } from '../../test/support/release.ts';
import { type DecisionDocuments, evaluate, signDecision } from '../policy/index.ts';
import { createAdoptions } from './adoption-service.ts';
import { openEvidence } from './evidence-client.ts';
import { createRelease, type Release } from './release.ts';
import { findLogged, replay } from './replay-service.ts';
import { createStageEndJobs } from './stage-end-job.ts';
import { STAGE_END_JOB } from './stage-service.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ENDS = new Date('2026-11-25T00:00:00Z');
let world: World;
let release: Release;
let folder: string;
let now = new Date('2026-11-20T12:00:00Z');

before(async () => {
  world = await createWorld({ now: () => now });
  folder = await mkdtemp(join(tmpdir(), 'headstart-stage-end-'));
  const parts = { ...world.parts, evidence: openEvidence(folder) };
  release = createRelease(parts);
  const house = deviatingHouse();
  okOf(await createAdoptions(parts).adopt({ framework: house, trust: TRUST, act: houseAct(house) }));
  await setClock(now);
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

/** Of the database; that of the process stays where it is. */
async function setClock(at: Date): Promise<void> {
  await world.database.query(
    `create or replace function timekeeping.instant() returns timestamptz language sql volatile as $$ select '${at.toISOString()}'::timestamptz $$`,
  );
}

let made = 0;
async function model(): Promise<string> {
  made += 1;
  const id = await world.model(`ends-${made}`);
  okOf(await release.registerModel({ id, digest: DIGEST, isDemonstration: false }, 'operator'));
  return id;
}

const ask = (id: string, endsAt: Date, asOf = '2026-11-20T00:00:00Z'): DecisionDocuments =>
  deviatingDocuments({ model: id, modelDigest: DIGEST, asOf, stage: 'partners' }, endsAt);
const enact = (documents: DecisionDocuments) =>
  release.enact(documents, signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer]));
const atGate = async (id: string) => await world.membership.findModel(id);
const runJob = (id: string) => createStageEndJobs({ release })[STAGE_END_JOB]?.({ model: id } as never, {} as never);

async function saidOf(type: string) {
  const { rows } = await world.database.query<{ body: Buffer }>('select body from tlog.entries order by position');
  return rows
    .map(({ body }) => JSON.parse(Buffer.from(JSON.parse(body.toString()).payload, 'base64').toString()))
    .filter(({ predicateType }) => predicateType === type);
}

test('a stage that rests on a deviation carries its end, and the job that records it waits for that instant', async () => {
  const id = await model();
  const { decided, stage } = okOf(await enact(ask(id, ENDS)));
  assert.deepEqual([stage, decided?.endsAt, decided?.endsWith, decided?.isOver], ['partner', ENDS, 'deviation', false]);
  assert.deepEqual((await atGate(id))?.stageEndsAt, ENDS);
  const { rows } = await world.database.query<{ run_at: Date }>(
    'select run_at from graphile_worker.jobs where key = $1',
    [`${STAGE_END_JOB} ${id}`],
  );
  assert.deepEqual(rows, [{ run_at: ENDS }]);
});

test('one millisecond before its end the stage is open; at its end it is closed, before anybody records it', async () => {
  const id = await model();
  okOf(await enact(ask(id, ENDS)));
  await setClock(new Date(ENDS.getTime() - 1));
  assert.deepEqual([(await release.stageOf(id)).stage, (await atGate(id))?.stage], ['partner', 'partner']);
  await setClock(ENDS);
  assert.deepEqual([(await release.stageOf(id)).stage, (await atGate(id))?.stage], ['closed', 'closed']);
});

test('the end is put on record once: at the gate for good, and in the log with the decision and what ended', async () => {
  const id = await model();
  await setClock(now);
  const documents = ask(id, ENDS);
  okOf(await enact(documents));
  const before_ = (await saidOf('headstart/stage-ended/v1')).length;
  await runJob(id);
  assert.equal((await saidOf('headstart/stage-ended/v1')).length, before_, 'too early: nothing happens');
  await setClock(ENDS);
  await runJob(id);
  await runJob(id);
  const ended = (await saidOf('headstart/stage-ended/v1')).slice(before_);
  assert.equal(ended.length, 1);
  const { subject, facts, documents: named } = ended[0];
  assert.deepEqual(
    [subject, facts.stage, facts.endsAt, facts.with],
    [DIGEST, 'partners', ENDS.toISOString(), 'deviation'],
  );
  await world.log.sequence();
  const logged = okOf(await findLogged(world.log.directory, {}, named[0].sha256));
  assert.ok(logged);
  assert.equal(okOf(await replay(logged, openEvidence(folder))).semantics, 4);
  await setClock(now);
  assert.equal((await release.stageOf(id)).stage, 'closed', 'a clock that goes back opens nothing');
  assert.equal((await atGate(id))?.stage, 'closed');
});

test('a suspension that is lifted after the end opens nothing', async () => {
  const id = await model();
  okOf(await enact(ask(id, ENDS)));
  const asked = { model: id, kind: 'person' as const, reason: 'a look', askedBy: 'a' };
  const { id: suspension } = okOf(await release.suspend(asked));
  await setClock(ENDS);
  assert.equal(okOf(await release.resume(suspension, { actor: 'a', second: 'b' })).stage, 'closed');
  assert.equal((await atGate(id))?.stage, 'closed');
  await setClock(now);
});

test('a decision whose ground has ended opens nothing, however it was signed', async () => {
  const id = await model();
  const documents = ask(id, ENDS);
  await setClock(ENDS);
  assert.equal(refusalOf(await enact(documents)).kind, 'over');
  assert.equal((await atGate(id))?.stage, 'closed');
  await setClock(now);
});

test('a later decision takes the place of the one that is over, whose end is on record first; the rest waits no longer', async () => {
  const id = await model();
  okOf(await enact(ask(id, ENDS)));
  await setClock(ENDS);
  now = new Date('2026-11-25T06:00:00Z');
  const later = new Date('2026-12-24T00:00:00Z');
  const opened = okOf(await enact(ask(id, later, '2026-11-25T03:00:00Z')));
  assert.deepEqual([opened.stage, opened.decided?.endsAt], ['partner', later]);
  const types = (await saidOf('headstart/stage-ended/v1')).length;
  await runJob(id);
  assert.equal((await release.stageOf(id)).stage, 'partner', 'the job of the earlier decision ends nothing');
  assert.equal((await saidOf('headstart/stage-ended/v1')).length, types);
  const { rows } = await world.database.query<{ at: Date }>(
    'select reopened_at as at from release.stages where model = $1',
    [id],
  );
  assert.deepEqual(rows, [{ at: now }]);
});

test("the operator's word narrows a model that opens by decisions, and opens it never", async () => {
  const id = await model();
  await setClock(now);
  const setStage = (stage: 'general' | 'partner' | 'internal' | 'closed' | undefined) =>
    world.membership.setStage(id, stage, 'operator');
  assert.equal(refusalOf(await setStage('general')).kind, 'by-decision');
  okOf(await enact(ask(id, new Date('2026-12-24T00:00:00Z'), '2026-11-25T03:00:00Z')));
  for (const stage of ['general', undefined] as const)
    assert.equal(refusalOf(await setStage(stage)).kind, 'by-decision');
  assert.equal(okOf(await setStage('internal')).stage, 'internal');
  assert.equal(refusalOf(await setStage('partner')).kind, 'by-decision');
});

test('no word of an operator lifts a suspension, even of a model that release never heard of', async () => {
  const id = await world.model('unheard-of');
  okOf(await world.membership.setStage(id, 'general', 'operator'));
  const asked = { model: id, kind: 'order' as const, reason: 'order of an office', askedBy: 'a' };
  const { id: suspension } = okOf(await release.suspend(asked));
  assert.equal(refusalOf(await world.membership.setStage(id, 'general', 'operator')).kind, 'by-decision');
  assert.equal(okOf(await release.resume(suspension, { actor: 'a', second: 'b' })).stage, 'general');
  okOf(await world.membership.setStage(id, 'internal', 'operator'));
  const [one, two] = [okOf(await release.suspend(asked)), okOf(await release.suspend(asked))];
  assert.equal(okOf(await release.resume(one.id, { actor: 'a', second: 'b' })).stage, 'closed');
  assert.equal(
    okOf(await release.resume(two.id, { actor: 'a', second: 'b' })).stage,
    'internal',
    'no wider than before',
  );
  assert.equal((await atGate(id))?.stage, 'internal');
});
