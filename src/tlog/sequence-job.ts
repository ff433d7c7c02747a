/** Turns promises into leaves in the background: one job for each promise, added in the promise's own transaction. */

import type { Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';

export const SEQUENCE_JOB = 'tlog.sequence';

/**
 * No job key on purpose: a key would make every transaction that promises something wait for every other, and let two of
 * them deadlock. A job that finds nothing pending costs two short transactions.
 */
export async function addSequenceJob(tx: Transaction): Promise<void> {
  await addJob(tx, SEQUENCE_JOB, {}, { queue: SEQUENCE_JOB, of: SEQUENCE_JOB });
}

/** For the worker's table of handlers. Idempotent: whatever is pending is sequenced, once. */
export function createSequenceJobs(log: { sequence(): Promise<unknown> }): Readonly<Record<string, JobHandler>> {
  return {
    [SEQUENCE_JOB]: async () => {
      await log.sequence();
    },
  };
}
