/** Reads watched feeds again, decides anew after a change, and once an hour all the same: a case may have learnt its CVE after the feed came in. */
import type { Result } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { FetchRefusal } from './feed-client.ts';
import { REDECIDE_JOB, TRIAGE_QUEUE, type Triage } from './triage.ts';

const HOURLY_JOB = 'triage.look';
export const FEEDS_JOB = 'triage.feeds';
const EVERY_MS = 3_600_000;

interface TriageJobParts {
  readonly database: Database;
  readonly triage: Pick<Triage, 'redecide' | 'readFeedsAgain'>;
  /** Left out: no feed is read again. */
  readonly fetchFeed?: (place: string) => Promise<Result<string, FetchRefusal>>;
}

/** At most one reading of the feeds is planned. */
export async function planFeeds(tx: Transaction, afterMs = 0): Promise<void> {
  const { rows } = await tx.query<{ at: Date }>("select clock_timestamp() + $1 * interval '1 millisecond' as at", [
    afterMs,
  ]);
  const runAt = rows[0]?.at;
  await addJob(tx, FEEDS_JOB, {}, { key: FEEDS_JOB, ...(runAt && { runAt }) });
}

export function createTriageJobs({
  database,
  triage,
  fetchFeed,
}: TriageJobParts): Readonly<Record<string, JobHandler>> {
  const again = async (): Promise<void> => {
    await triage.redecide();
    const { rows } = await database.query<{ at: Date }>("select now() + $1 * interval '1 millisecond' as at", [
      EVERY_MS,
    ]);
    const runAt = rows[0]?.at;
    if (runAt) await addJob(database, HOURLY_JOB, {}, { key: HOURLY_JOB, queue: TRIAGE_QUEUE, runAt });
  };
  const readFeeds: JobHandler = async () => {
    // Planned first, so that a reading which fails is not the last.
    await planFeeds(database, EVERY_MS);
    if (fetchFeed) await triage.readFeedsAgain(fetchFeed);
  };
  return { [REDECIDE_JOB]: again, [HOURLY_JOB]: again, [FEEDS_JOB]: readFeeds };
}
