/** Decides exposures anew after a new bill of materials, and once an hour all the same: a case may have learnt its range. */
import type { Database } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import { EXPOSURE_QUEUE, type Exposure, REDECIDE_JOB } from './exposure.ts';

const HOURLY_JOB = 'exposure.look';
const EVERY_MS = 3_600_000;

interface ExposureJobParts {
  readonly database: Database;
  readonly exposure: Pick<Exposure, 'redecide'>;
}

export function createExposureJobs({ database, exposure }: ExposureJobParts): Readonly<Record<string, JobHandler>> {
  const again = async (): Promise<void> => {
    await exposure.redecide();
    const { rows } = await database.query<{ at: Date }>("select now() + $1 * interval '1 millisecond' as at", [
      EVERY_MS,
    ]);
    const runAt = rows[0]?.at;
    if (runAt) await addJob(database, HOURLY_JOB, {}, { key: HOURLY_JOB, queue: EXPOSURE_QUEUE, runAt });
  };
  return { [REDECIDE_JOB]: again, [HOURLY_JOB]: again };
}
