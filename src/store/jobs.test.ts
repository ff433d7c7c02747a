import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { drainJobs, type JobHandler, startWorkers, waitUntilIdle } from './job-worker.ts';
import { addJob, countPendingJobs, findFailedJobs, retryFailedJobs } from './jobs.ts';
import { kindOfKept, openKept } from './kept-error.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';
import { createVault } from './vault.ts';

const TIMEOUT_MS = 30_000;
const HELD_MS = 300;
const vault = createVault({ masterKey: Buffer.alloc(32, 7), random: systemRandom });
let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
  await db.database.query('create table ran (what text, attempt int)');
});
after(() => db.drop());
afterEach(async () => {
  await db.database.query('delete from ran');
  await db.database.query('delete from graphile_worker._private_jobs');
});

const record: JobHandler = async (payload, { attempt }) => {
  await db.database.query('insert into ran values ($1, $2)', [JSON.stringify(payload), attempt]);
};
const drain = (handlers: Record<string, JobHandler>, concurrency = 2) =>
  drainJobs({ database: db.database, handlers, concurrency, random: systemRandom, vault, timeoutMs: TIMEOUT_MS });
const ran = async (): Promise<string[]> =>
  (await db.database.query<{ what: string }>('select what from ran order by what')).rows.map(({ what }) => what);

test('a job runs if the transaction that added it was kept, and does not exist otherwise', async () => {
  await db.database.transaction((tx) => addJob(tx, 'record', { n: 1 }));
  await assert.rejects(
    db.database.transaction(async (tx) => {
      await addJob(tx, 'record', { n: 2 });
      throw new Error('undone');
    }),
    /undone/,
  );
  assert.deepEqual(await drain({ record }), []);
  assert.deepEqual(await ran(), ['{"n":1}']);
});

test('of two jobs with one key, the later replaces the earlier', async () => {
  await addJob(db.database, 'record', { n: 1 }, { key: 'same' });
  await addJob(db.database, 'record', { n: 2 }, { key: 'same' });
  await drain({ record });
  assert.deepEqual(await ran(), ['{"n":2}']);
});

test('a job with a clock waits for it and does not keep a drain waiting', async () => {
  await addJob(db.database, 'record', { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
  await drain({ record });
  assert.deepEqual(await ran(), []);
  await addJob(db.database, 'record', { n: 1 }, { runAt: new Date(Date.now() - 1000) });
  await drain({ record });
  assert.deepEqual(await ran(), ['{"n":1}']);
});

test('of two pieces of work, each is waited for and listed by itself, and its jobs know which they belong to', async () => {
  const broken = async () => {
    throw new Error('no luck');
  };
  await addJob(db.database, 'broken', null, { of: 'campaign_other', maxAttempts: 5 });
  await addJob(db.database, 'told', null, { of: 'campaign_mine' });
  const told: unknown[] = [];
  const workers = await startWorkers({
    database: db.database,
    concurrency: 1,
    random: systemRandom,
    vault,
    handlers: { broken, told: async (_payload, { of }) => void told.push(of) },
  });
  assert.deepEqual(await waitUntilIdle(db.database, TIMEOUT_MS, ['campaign_mine']), []);
  await workers.stop();
  assert.deepEqual(told, ['campaign_mine']);
  assert.equal(await countPendingJobs(db.database, ['campaign_other']), 1);
  assert.equal(await countPendingJobs(db.database, ['campaign_mine']), 0);
});

test('of the jobs that are due, the one with the smaller priority runs first', async () => {
  for (const [n, priority] of [0, -2, -1].entries()) await addJob(db.database, 'record', { n }, { priority });
  const order: unknown[] = [];
  await drain({ record: async (payload) => void order.push(payload) }, 1);
  assert.deepEqual(order, [{ n: 1 }, { n: 2 }, { n: 0 }]);
});

test('jobs that a job adds are drained too', async () => {
  await addJob(db.database, 'first', null);
  await drain({ record, first: async () => void (await addJob(db.database, 'record', 'second')) });
  assert.deepEqual(await ran(), ['"second"']);
});

test('a job that throws is tried again, and when all attempts failed it is listed with its reason', async () => {
  const seen: number[] = [];
  await addJob(db.database, 'broken', { n: 1 }, { maxAttempts: 2, key: 'k' });
  const failed = await drainJobs({
    database: db.database,
    handlers: {
      broken: async (_payload, { attempt }) => {
        seen.push(attempt);
        throw new TypeError(`no luck with secret-name\nsecond line`);
      },
    },
    concurrency: 1,
    random: systemRandom,
    vault,
    timeoutMs: TIMEOUT_MS,
  });
  assert.deepEqual(seen, [1, 2]);
  assert.deepEqual(
    failed.map(({ name, key, attempts, nextAttemptAt }) => ({ name, key, attempts, nextAttemptAt })),
    [{ name: 'broken', key: 'k', attempts: 2, nextAttemptAt: null }],
  );
  const [{ id, reason } = { id: '', reason: '' }] = failed;
  assert.equal(kindOfKept(reason), 'TypeError');
  assert.equal(openKept(vault, id, reason), 'TypeError: no luck with secret-name');
  const { rows } = await db.database.query(
    `select from graphile_worker._private_jobs as job where job::text like '%secret-name%'`,
  );
  assert.deepEqual(rows, [], 'the text of an error lies in the clear');
  await retryFailedJobs(
    db.database,
    failed.map(({ id }) => id),
  );
  await drain({ broken: record });
  assert.deepEqual(await findFailedJobs(db.database), []);
  assert.deepEqual(await ran(), ['{"n":1}']);
});

test('stopping waits for the job that runs, and until the database knows that it has run', async () => {
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let finished = false;
  await addJob(db.database, 'slow', null);
  const workers = await startWorkers({
    database: db.database,
    concurrency: 1,
    random: systemRandom,
    vault,
    handlers: {
      slow: async () => {
        started.resolve();
        await ended.promise;
        finished = true;
      },
    },
  });
  await started.promise;
  // The database takes no word of any job until the stop has been waiting for a while.
  const held = Promise.withResolvers<void>();
  const holding = db.database.transaction(async (tx) => {
    await tx.query('lock table graphile_worker._private_jobs in share mode');
    held.resolve();
    ended.resolve();
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
  });
  await held.promise;
  await workers.stop();
  assert.ok(finished);
  assert.equal(await countPendingJobs(db.database), 0);
  await holding;
});

test('no process is left in the table after a stop', async () => {
  await drain({ record });
  assert.deepEqual((await db.database.query('select id from store.job_processes')).rows, []);
});

const STUCK_WORKER = `
  const { openDatabase } = await import(process.argv[1] + '/open-database.ts');
  const { startWorkers } = await import(process.argv[1] + '/job-worker.ts');
  const { systemRandom } = await import(process.argv[1] + '/../lib/id.ts');
  const vault = { sealUnder: (_use, plain) => plain };
  const database = await openDatabase({ url: process.argv[2] });
  await startWorkers({ database, concurrency: 1, random: systemRandom, vault,
    handlers: { record: () => { process.stdout.write('running'); return new Promise(() => {}); } } });
`;

async function startStuckWorker() {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', STUCK_WORKER, '--', import.meta.dirname, db.url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  return child;
}

test('the job of a killed process runs again at once on the same machine', async () => {
  await addJob(db.database, 'record', { n: 1 });
  const child = await startStuckWorker();
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(await drain({ record }), []);
  const { rows } = await db.database.query('select what, attempt from ran');
  assert.deepEqual(rows, [{ what: '{"n":1}', attempt: 2 }]);
});

test('a job whose process was killed at every attempt is listed as failed and runs again when retried', async () => {
  await addJob(db.database, 'record', { n: 1 }, { maxAttempts: 2 });
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const child = await startStuckWorker();
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const failed = await drain({ record });
  assert.deepEqual(
    failed.map(({ attempts, nextAttemptAt, reason }) => [attempts, nextAttemptAt, reason]),
    [[2, null, 'the process that ran it died at every attempt']],
  );
  await retryFailedJobs(
    db.database,
    failed.map(({ id }) => id),
  );
  assert.deepEqual(await drain({ record }), []);
  assert.deepEqual(await ran(), ['{"n":1}']);
});

test('the job of a process killed on another machine runs again when its beat is late, and not before', async () => {
  await addJob(db.database, 'record', { n: 1 });
  const child = await startStuckWorker();
  // As if written by another machine: nobody here can see whether its process lives.
  await db.database.query(`update store.job_processes set host = 'elsewhere'`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const workers = await startWorkers({
    database: db.database,
    handlers: { record },
    concurrency: 1,
    random: systemRandom,
    vault,
    beatMs: 50,
    deadAfterMs: 1000,
  });
  assert.equal(await countPendingJobs(db.database), 1);
  assert.deepEqual(await ran(), []);
  assert.deepEqual(await waitUntilIdle(db.database, TIMEOUT_MS), []);
  await workers.stop();
  assert.deepEqual(await ran(), ['{"n":1}']);
});

test('a lock whose holder never wrote its name is freed when it is old enough', async () => {
  await addJob(db.database, 'record', { n: 1 });
  await db.database.query(
    `update graphile_worker._private_jobs set locked_by = 'nobody', locked_at = now() - interval '1 minute'`,
  );
  assert.deepEqual(await drain({ record }), []);
  assert.deepEqual(await ran(), ['{"n":1}']);
});

test('workers go on after the database has cut every connection', async () => {
  const workers = await startWorkers({
    database: db.database,
    handlers: { record },
    concurrency: 1,
    random: systemRandom,
    vault,
  });
  const outside = await createTestDatabase({ empty: true });
  await outside.database.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [
    new URL(db.url).pathname.slice(1),
  ]);
  await outside.drop();
  await addJob(db.database, 'record', { n: 1 });
  await waitUntilIdle(db.database, TIMEOUT_MS);
  await workers.stop();
  assert.deepEqual(await ran(), ['{"n":1}']);
});
