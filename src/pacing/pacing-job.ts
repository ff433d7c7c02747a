/** Sends what has its turn, where the operator left that to the policy, and reads opt-out lists again. Each asks for itself again. */
import type { Database, Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { FetchList } from './opt-out-service.ts';
import type { Pacing } from './pacing.ts';

export const RELEASE_JOB = 'pacing.release';
/** Who released what the policy let go. */
const POLICY_ACTOR = 'pacing policy';
const EVERY_MS = 3_600_000;
export const OPT_OUT_JOB = 'pacing.opt-outs';
const LISTS_EVERY_MS = 24 * 3_600_000;

interface PacingJobParts {
  readonly database: Database;
  readonly pacing: Pick<Pacing, 'settings' | 'releaseNext' | 'refreshLists'>;
  readonly fetchText: FetchList;
}

/** At most one reading of the lists is planned. */
export async function planOptOuts(tx: Transaction, afterMs = 0): Promise<void> {
  const { rows } = await tx.query<{ at: Date }>("select clock_timestamp() + $1 * interval '1 millisecond' as at", [
    afterMs,
  ]);
  const runAt = rows[0]?.at;
  await addJob(tx, OPT_OUT_JOB, {}, { key: OPT_OUT_JOB, ...(runAt && { runAt }) });
}

export function createPacingJobs({
  database,
  pacing,
  fetchText,
}: PacingJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [OPT_OUT_JOB]: async () => {
      // Planned first, so that a reading which fails is not the last.
      await planOptOuts(database, LISTS_EVERY_MS);
      await pacing.refreshLists(fetchText);
    },
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
