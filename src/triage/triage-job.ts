/** Decides anew after a change, and once an hour all the same: a case may have learnt its CVE after the feed came in. */
import type { Database } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import { REDECIDE_JOB, TRIAGE_QUEUE, type Triage } from './triage.ts';

const HOURLY_JOB = 'triage.look';
const EVERY_MS = 3_600_000;

interface TriageJobParts {
  readonly database: Database;
  readonly triage: Pick<Triage, 'redecide'>;
}

export function createTriageJobs({ database, triage }: TriageJobParts): Readonly<Record<string, JobHandler>> {
  const again = async (): Promise<void> => {
    await triage.redecide();
    const { rows } = await database.query<{ at: Date }>("select now() + $1 * interval '1 millisecond' as at", [
      EVERY_MS,
    ]);
    const runAt = rows[0]?.at;
    if (runAt) await addJob(database, HOURLY_JOB, {}, { key: HOURLY_JOB, queue: TRIAGE_QUEUE, runAt });
  };
  return { [REDECIDE_JOB]: again, [HOURLY_JOB]: again };
}
