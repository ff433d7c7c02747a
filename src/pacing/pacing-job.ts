/** Sends what has its turn, where the operator left that to the policy. Asks for itself again while that is so. */
import type { Database } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { Pacing } from './pacing.ts';

export const RELEASE_JOB = 'pacing.release';
/** Who released what the policy let go. */
const POLICY_ACTOR = 'pacing policy';
const EVERY_MS = 3_600_000;

interface PacingJobParts {
  readonly database: Database;
  readonly pacing: Pick<Pacing, 'settings' | 'releaseNext'>;
}

export function createPacingJobs({ database, pacing }: PacingJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [RELEASE_JOB]: async () => {
      if ((await pacing.settings()).releasedBy !== 'policy') return;
      await pacing.releaseNext({ actor: POLICY_ACTOR });
      const { rows } = await database.query<{ at: Date }>("select now() + $1 * interval '1 millisecond' as at", [
        EVERY_MS,
      ]);
      const runAt = rows[0]?.at;
      if (runAt) await addJob(database, RELEASE_JOB, {}, { key: RELEASE_JOB, runAt });
    },
  };
}
