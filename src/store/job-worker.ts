/**
 * Runs jobs in this process. graphile-worker keeps the jobs of a process that died locked for four hours, so each
 * process also keeps a row that beats, and frees the jobs of those whose beat stopped (or whose process is seen to be
 * gone, when it ran on this machine).
 */
import { EventEmitter } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker';
import { createId, type RandomBytes } from '../lib/id.ts';
import { countPendingJobs, type FailedJob, findFailedJobs } from './jobs.ts';
import { toKeptText } from './kept-error.ts';
import { quietLogger } from './migrate.ts';
import type { OpenDatabase } from './open-database.ts';
import type { Vault } from './vault.ts';

export interface JobContext {
  readonly jobId: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** The work it is a part of, as it was added with. */
  readonly of?: string | undefined;
  /** Set off when this process wants to stop. */
  readonly signal: AbortSignal;
}

export type JobHandler = (payload: unknown, context: JobContext) => Promise<void>;

export interface WorkerOptions {
  readonly database: OpenDatabase;
  readonly handlers: Readonly<Record<string, JobHandler>>;
  /** Jobs at a time in this process. */
  readonly concurrency: number;
  readonly random: RandomBytes;
  /** Seals what is kept of an error. */
  readonly vault: Pick<Vault, 'sealUnder'>;
  readonly beatMs?: number;
  /** A process whose last beat is older counts as dead; its jobs run again elsewhere. */
  readonly deadAfterMs?: number;
  /** Told of every attempt that threw. */
  readonly onFailure?: (failure: { name: string; jobId: string; attempt: number; error: unknown }) => void;
  /** Told when the database could not be reached; work goes on when it can. */
  readonly onTrouble?: (error: unknown) => void;
}

export interface Workers {
  /** Waits for the jobs that run. */
  stop(): Promise<void>;
}

const BEAT_MS = 1000;
const DEAD_AFTER_MS = 6000;
const POLL_MS = 1000;
const RESTART_PAUSE_MS = 500;
const IDLE_POLL_MS = 50;

export async function startWorkers(options: WorkerOptions): Promise<Workers> {
  const { database } = options;
  const beat = await startBeat(options);
  let stopping = false;
  let runner: Runner | undefined;
  const events: WorkerEvents = new EventEmitter();
  // The name under which jobs are locked; known only once a pool exists.
  events.on('pool:create', ({ workerPool }) => void beat.addWorker(workerPool.id).catch(options.onTrouble));
  const start = async (): Promise<Runner> => {
    const started = await run({
      pgPool: database.pool,
      taskList: toTaskList(options),
      concurrency: options.concurrency,
      pollInterval: POLL_MS,
      noHandleSignals: true,
      // Only what is written in batches is waited for when the workers stop; without, an ended job may be run again.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      logger: quietLogger(),
      events,
    });
    started.promise.catch(options.onTrouble ?? (() => {})).finally(() => void restart());
    return started;
  };
  const restart = async (): Promise<void> => {
    while (!stopping) {
      await sleep(RESTART_PAUSE_MS);
      if (stopping) return;
      try {
        runner = await start();
        return;
      } catch (error) {
        options.onTrouble?.(error);
      }
    }
  };
  runner = await start();
  return {
    async stop() {
      if (stopping) return;
      stopping = true;
      await runner?.stop().catch(options.onTrouble);
      await beat.stop();
    },
  };
}

function toTaskList(options: WorkerOptions): TaskList {
  const tasks: TaskList = {};
  for (const [name, handler] of Object.entries(options.handlers)) {
    tasks[name] = async (payload, helpers) => {
      const { id: jobId, attempts: attempt, max_attempts: maxAttempts, flags } = helpers.job;
      const [of] = Object.keys(flags ?? {});
      try {
        await handler(payload, { jobId, attempt, maxAttempts, of, signal: helpers.abortSignal });
      } catch (error) {
        options.onFailure?.({ name, jobId, attempt, error });
        const kept = new Error(toKeptText(options.vault, jobId, error));
        kept.stack = '';
        throw kept;
      }
    };
  }
  return tasks;
}

interface Beat {
  addWorker(id: string): Promise<void>;
  stop(): Promise<void>;
}

async function startBeat(options: WorkerOptions): Promise<Beat> {
  const { database } = options;
  const beatMs = options.beatMs ?? BEAT_MS;
  const deadAfterMs = options.deadAfterMs ?? DEAD_AFTER_MS;
  const id = createId('process', options.random);
  const workers: string[] = [];
  const host = await describeHost();
  const start = await processStart(process.pid);
  const write = (): Promise<unknown> =>
    database.query(
      `insert into store.job_processes (id, worker_ids, host, os_pid, os_start) values ($1, $2, $3, $4, $5)
       on conflict (id) do update set worker_ids = excluded.worker_ids, beat_at = now()`,
      [id, workers, host, process.pid, start],
    );
  await write();
  // Writes that nobody waits for: one that came after the last word would leave a row behind.
  let naming = Promise.resolve<unknown>(undefined);
  await freeDeadJobs(database, host, deadAfterMs);
  const end = new AbortController();
  const loop = (async () => {
    while (!end.signal.aborted) {
      await sleep(beatMs, undefined, { signal: end.signal }).catch(() => {});
      if (end.signal.aborted) return;
      try {
        await write();
        await freeDeadJobs(database, host, deadAfterMs);
      } catch (error) {
        options.onTrouble?.(error);
      }
    }
  })();
  return {
    async addWorker(worker) {
      workers.push(worker);
      naming = naming.then(write, write);
      await naming;
    },
    async stop() {
      end.abort();
      await loop;
      await naming.catch(() => {});
      await database.query('delete from store.job_processes where id = $1', [id]).catch(options.onTrouble);
    },
  };
}

interface ProcessRow {
  readonly id: string;
  readonly worker_ids: string[];
  readonly late: boolean;
  readonly host: string;
  readonly os_pid: number;
  readonly os_start: string;
}

async function freeDeadJobs(database: OpenDatabase, host: string, deadAfterMs: number): Promise<void> {
  const { rows } = await database.query<ProcessRow>(
    `select id, worker_ids, host, os_pid, os_start, beat_at < now() - $1 * interval '1 ms' as late
     from store.job_processes`,
    [deadAfterMs],
  );
  const dead: ProcessRow[] = [];
  for (const row of rows) {
    const gone = row.host === host && (await processStart(row.os_pid)) !== row.os_start;
    if (row.late || gone) dead.push(row);
  }
  const { rows: nameless } = await database.query<{ locked_by: string }>(
    // A process that died between locking its first job and writing its worker's name.
    `select distinct locked_by from graphile_worker.jobs
     where locked_at < now() - $1 * interval '1 ms'
       and locked_by not in (select unnest(worker_ids) from store.job_processes)`,
    [deadAfterMs],
  );
  const workers = [...dead.flatMap((row) => row.worker_ids), ...nameless.map((row) => row.locked_by)];
  if (workers.length === 0 && dead.length === 0) return;
  await database.transaction(async (tx) => {
    await tx.query('select graphile_worker.force_unlock_workers($1::text[])', [workers]);
    await tx.query('delete from store.job_processes where id = any($1)', [dead.map(({ id }) => id)]);
  });
}

/** This boot of this machine, as seen from this set of process numbers. */
async function describeHost(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  const pids = await readlink('/proc/self/ns/pid').catch(() => 'unknown');
  return `${boot.trim()} ${pids}`;
}

/** When a process began, in ticks since boot; empty when there is none. Tells a process from a later one of its number. */
async function processStart(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? '' : (fields[18] ?? '');
}

/** Until nothing (of these pieces of work) is left that runs without the passing of a clock. Throws when that takes longer. */
export async function waitUntilIdle(
  database: OpenDatabase,
  timeoutMs: number,
  of?: readonly string[],
): Promise<FailedJob[]> {
  const until = performance.now() + timeoutMs;
  while ((await countPendingJobs(database, of)) > 0) {
    if (performance.now() > until) throw new Error(`jobs were still pending after ${timeoutMs} ms`);
    await sleep(IDLE_POLL_MS);
  }
  return findFailedJobs(database, of);
}

/** Runs every job that is due, and those they add, then stops. For command lines. */
export async function drainJobs(options: WorkerOptions & { readonly timeoutMs: number }): Promise<FailedJob[]> {
  const workers = await startWorkers(options);
  try {
    return await waitUntilIdle(options.database, options.timeoutMs);
  } finally {
    await workers.stop();
  }
}
