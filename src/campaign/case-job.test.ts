import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import { SIMULATED_ACTOR } from '../disclosure/index.ts';
import { type CaseJobParts, createCaseJobs, STEP_JOB } from './case-job.ts';
import { SEARCH_JOBS } from './search-job.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.close());

const context = { jobId: '1', attempt: 1, maxAttempts: 5, of: 'campaign_1', signal: AbortSignal.any([]) };
const never = async () => assert.fail('not a part of this step');

function jobsOf() {
  const parts: CaseJobParts = {
    database: world.database,
    trees: { use: never, close: never },
    disclosure: world.disclosure,
    disclosureUnder: () => world.disclosure,
    verification: { measureAffected: never },
    tryVersion: never,
    attemptPatches: never,
    publishAsOperator: never,
    completeRelease: never,
    onEvent: () => {},
  };
  return createCaseJobs(parts);
}

const waiting = async () =>
  (
    await world.database.query<{ key: string; flags: object }>(
      'select key, flags from graphile_worker.jobs where task_identifier = $1',
      [STEP_JOB],
    )
  ).rows;

/** As if the process died between the two writes: the second cannot be made. */
async function withoutQueue(work: () => Promise<unknown>): Promise<void> {
  await world.database.query('alter function graphile_worker.add_job rename to away');
  try {
    await assert.rejects(work(), /does not exist/);
  } finally {
    await world.database.query('alter function graphile_worker.away rename to add_job');
  }
}

test('a step and the job for the one after it are written together or not at all', async () => {
  const id = await world.open();
  const step = () => jobsOf()[STEP_JOB]?.({ caseId: id }, context) ?? never();
  await withoutQueue(step);
  assert.equal((await world.disclosure.find(id))?.case.stage, 'received');
  await step();
  assert.equal((await world.disclosure.find(id))?.case.stage, 'confirmed');
  assert.deepEqual(await waiting(), [{ key: `step ${id} confirmed`, flags: { campaign_1: true } }]);
  // Run again, as after a crash: the case has moved on and nothing is doubled.
  assert.equal((await waiting()).length, 1);
});

test('the answer of a simulated maintainer and the job after it are written together, too', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify'] as const) {
    assert.ok((await world.disclosure.take(step, id, { actor: SIMULATED_ACTOR })).ok);
  }
  await withoutQueue(() => jobsOf()[STEP_JOB]?.({ caseId: id }, context) ?? never());
  assert.equal((await world.disclosure.find(id))?.case.stage, 'notified');
});

test('a fixed version that was measured is not run again, and one on which the flaw still shows is not believed', async () => {
  const patched = async () => {
    const id = await world.open();
    for (const step of ['confirm', 'notify', 'acknowledge', 'patch'] as const) {
      assert.ok((await world.disclosure.take(step, id, { actor: SIMULATED_ACTOR })).ok);
    }
    return id;
  };
  const step = (id: string) => jobsOf()[STEP_JOB]?.({ caseId: id }, context) ?? never();
  const silent = await patched();
  await step(silent);
  assert.equal((await world.disclosure.find(silent))?.case.stage, 'fix-released');
  const fires = await patched();
  await world.disclosure.learn(fires, { fixedVersion: '1.2.2' });
  await assert.rejects(step(fires), /said to be fixed is fires/);
});

test('measured versions and the first step are written together or not at all', async () => {
  const id = await world.open();
  const measure = () => jobsOf()[SEARCH_JOBS.measure]?.({ caseId: id }, context) ?? never();
  await withoutQueue(measure);
  await measure();
  assert.ok((await waiting()).some(({ key }) => key === `step ${id} received`));
});
