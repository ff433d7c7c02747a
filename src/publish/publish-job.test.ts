import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { PUBLISH_JOB, type PublishRefusal } from './publish.ts';
import { createPublishJobs } from './publish-job.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const context = { jobId: '1', attempt: 1, maxAttempts: 5, signal: AbortSignal.any([]) };

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

/** When the job runs next, after the release was refused for this. */
async function rescheduled(refusal: PublishRefusal, due: Date | undefined): Promise<Date | undefined> {
  await db.database.query('delete from graphile_worker._private_jobs');
  const publishing = { publish: async () => ({ ok: false, refusal }) as const, dueAt: async () => due };
  const jobs = createPublishJobs({ database: db.database, clock: { now: () => NOW }, publishing });
  await jobs[PUBLISH_JOB]?.({ release: 'release_1' }, context);
  const { rows } = await db.database.query<{ run_at: Date }>('select run_at from graphile_worker.jobs');
  assert.ok(rows.length <= 1);
  return rows[0]?.run_at;
}

test('a release that is too early is tried again when it is due, however far that is', async () => {
  const due = new Date('2030-06-01T00:00:00Z');
  for (const refusal of [{ kind: 'under-embargo' }, { kind: 'too-early', notBefore: due.toISOString() }] as const) {
    assert.deepEqual(await rescheduled(refusal, due), due);
  }
});

test('one whose time should have come already is looked at again soon, not at once', async () => {
  assert.deepEqual(await rescheduled({ kind: 'under-embargo' }, NOW), new Date('2030-01-01T00:01:00Z'));
  assert.deepEqual(await rescheduled({ kind: 'under-embargo' }, undefined), new Date('2030-01-01T00:01:00Z'));
});

test('what no time can lift is not tried again', async () => {
  assert.equal(await rescheduled({ kind: 'another-case' }, NOW), undefined);
});
