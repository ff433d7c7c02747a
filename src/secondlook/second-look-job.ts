/** Draws once an hour. The handler may run twice: the same is drawn again. */
import type { Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { SecondLooks } from './secondlook.ts';

const DRAW_JOB = 'secondlook.draw';
const EVERY_MS = 3_600_000;

interface SecondLookJobParts {
  readonly database: Transaction;
  readonly secondLooks: Pick<SecondLooks, 'draw'>;
}

export function createSecondLookJobs({
  database,
  secondLooks,
}: SecondLookJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [DRAW_JOB]: async () => {
      await planDraw(database, EVERY_MS);
      await secondLooks.draw();
    },
  };
}

/** At most one is planned. */
export async function planDraw(tx: Transaction, afterMs = 0): Promise<void> {
  const { rows } = await tx.query<{ at: Date }>(`select clock_timestamp() + $1 * interval '1 ms' as at`, [afterMs]);
  const runAt = rows[0]?.at;
  await addJob(tx, DRAW_JOB, {}, { key: DRAW_JOB, ...(runAt && { runAt }) });
}
