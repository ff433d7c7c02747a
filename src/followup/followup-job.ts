/** Background work of follow-up. Handlers may run twice; the time they go by is the database's. */
import type { Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import { type Followup, LOOK_JOB, TRY_JOB } from './followup.ts';
import type { ReleaseWorkshop } from './trial-service.ts';

const SWEEP_JOB = 'followup.sweep';
const SWEEP_EVERY_MS = 3_600_000;
/** Who asks maintainers where the operator left that to the machine. */
const MACHINE = 'release watch';

interface FollowupJobParts {
  readonly database: Transaction;
  readonly followup: Pick<Followup, 'plan' | 'look' | 'try' | 'followed' | 'chase' | 'settings'>;
  readonly workshop: ReleaseWorkshop;
}

export function createFollowupJobs(parts: FollowupJobParts): Readonly<Record<string, JobHandler>> {
  const { database, followup, workshop } = parts;
  return {
    [SWEEP_JOB]: async () => {
      // Planned first, so that a sweep which fails is not the last.
      await planSweep(database, SWEEP_EVERY_MS);
      const { looksByItself, steppedBy } = await followup.settings();
      for (const watch of looksByItself ? await followup.plan() : []) {
        // One after the other: no source is asked by many workers at once.
        await addJob(database, LOOK_JOB, { watch }, { key: `${LOOK_JOB} ${watch}`, queue: LOOK_JOB });
      }
      if (steppedBy === 'machine') await chaseAll(followup);
    },
    // A source that cannot be asked is no failure of the job: the watch has its own pause.
    [LOOK_JOB]: async (payload) => void (await followup.look(readText(payload, 'watch'))),
    [TRY_JOB]: async (payload) => void (await followup.try(readText(payload, 'release'), workshop)),
  };
}

async function chaseAll(followup: FollowupJobParts['followup']): Promise<void> {
  for (const { caseId, stale } of await followup.followed()) {
    if (stale?.mayChase) await followup.chase(caseId, MACHINE);
  }
}

/** At most one sweep is planned. */
export async function planSweep(tx: Transaction, afterMs = 0): Promise<void> {
  const { rows } = await tx.query<{ at: Date }>(`select clock_timestamp() + $1 * interval '1 ms' as at`, [afterMs]);
  const runAt = rows[0]?.at;
  await addJob(tx, SWEEP_JOB, {}, { key: SWEEP_JOB, ...(runAt && { runAt }) });
}

function readText(payload: unknown, name: string): string {
  const value = (payload as Readonly<Record<string, unknown>> | null)?.[name];
  if (typeof value !== 'string') throw new TypeError(`the job's payload has no ${name}`);
  return value;
}
