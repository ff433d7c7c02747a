/**
 * Background work: rows in the database, added in the transaction that makes them necessary and run by any process.
 *
 *   added ──▶ running ──▶ done (row gone)
 *     ▲          │ throws, or its process dies
 *     └──────────┘ until maxAttempts, then failed: kept with its reason
 *
 * A handler may run twice (a process can die after the work and before the row goes), so it must be idempotent. Payloads
 * lie in the database in the clear: ids only, never what is sealed. Of an error its kind does, its text is sealed.
 */
import type { Json } from '../lib/canonical-json.ts';
import type { Transaction } from './database.ts';

export interface JobOptions {
  /** A second job of the same key replaces the first while that has not started. */
  readonly key?: string;
  /** A clock: not before this instant. */
  readonly runAt?: Date;
  readonly maxAttempts?: number;
  /** Jobs of one queue run one after the other. */
  readonly queue?: string;
  /** The work it is a part of (a campaign, say), which can be waited for by itself. */
  readonly of?: string | undefined;
  /** Of two jobs that are due, the one with the smaller number runs first; 0 where left out. */
  readonly priority?: number;
}

export interface FailedJob {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly attempts: number;
  readonly maxAttempts: number;
  /** As `kept-error.ts` writes it. */
  readonly reason: string;
  /** Null when it will not be tried again. */
  readonly nextAttemptAt: Date | null;
}

const MAX_ATTEMPTS = 5;
const FAILED_LIMIT = 1000;
/** A process that dies leaves no word. */
const PROCESS_DIED = 'the process that ran it died at every attempt';

/** Returns the job's id. Kept or lost with `tx`. */
export async function addJob(tx: Transaction, name: string, payload: Json, options: JobOptions = {}): Promise<string> {
  const { rows } = await tx.query<{ id: string }>(
    `select id::text from graphile_worker.add_job(
       $1::text, payload := $2::json, queue_name := $3::text, run_at := $4::timestamptz,
       max_attempts := $5::int, job_key := $6::text, flags := $7::text[],
       priority := $8::int)`,
    [
      name,
      JSON.stringify(payload),
      options.queue ?? null,
      options.runAt ?? null,
      options.maxAttempts ?? MAX_ATTEMPTS,
      options.key ?? null,
      options.of === undefined ? null : [options.of],
      options.priority ?? 0,
    ],
  );
  const job = rows[0];
  if (!job) throw new Error(`the job ${name} was not added`);
  return job.id;
}

/**
 * Jobs that threw, or whose process died at every attempt, the newest first; those that will be tried again among them.
 * With `of`, those of these pieces of work alone.
 */
export async function findFailedJobs(tx: Transaction, of?: readonly string[]): Promise<FailedJob[]> {
  const { rows } = await tx.query<FailedJob>(
    `select id::text, task_identifier as name, key, attempts, max_attempts as "maxAttempts",
            coalesce(last_error, $2) as reason,
            case when attempts < max_attempts then run_at end as "nextAttemptAt"
     from graphile_worker.jobs
     where (last_error is not null or attempts >= max_attempts) and locked_at is null
       and ($3::text[] is null or flags ?| $3)
     order by updated_at desc
     limit $1`,
    [FAILED_LIMIT, PROCESS_DIED, of ?? null],
  );
  return rows;
}

/** Gives jobs that failed for good one more set of attempts, from now. */
export async function retryFailedJobs(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.query(`select graphile_worker.reschedule_jobs($1::bigint[], run_at := now(), attempts := 0)`, [ids]);
}

/** Jobs that will still run without the passing of a clock: due, running, or to be tried again. `of` as above. */
export async function countPendingJobs(tx: Transaction, of?: readonly string[]): Promise<number> {
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::int as count from graphile_worker.jobs
     where (locked_at is not null or (attempts < max_attempts and (run_at <= now() or attempts > 0)))
       and ($1::text[] is null or flags ?| $1)`,
    [of ?? null],
  );
  return rows[0]?.count ?? 0;
}
