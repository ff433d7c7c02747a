/** Background work of publication. The handler may run twice: what is published is published once. */
import type { Clock } from '../lib/clock.ts';
import type { Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import { PUBLISH_JOB, type Publishing } from './publish.ts';

/** Refusals that time alone lifts. Every other one is final and stands in the release's row. */
const PASSING: ReadonlySet<string> = new Set(['too-early', 'under-embargo']);
/** Before the next look at a release whose time should have come already. */
const PAUSE_MS = 60_000;

export interface PublishJobParts {
  readonly database: Transaction;
  readonly clock: Clock;
  readonly publishing: Pick<Publishing, 'publish' | 'dueAt'>;
}

export function createPublishJobs(parts: PublishJobParts): Readonly<Record<string, JobHandler>> {
  const { database, clock, publishing } = parts;
  return {
    [PUBLISH_JOB]: async (payload) => {
      const id = (payload as { readonly release?: unknown }).release;
      if (typeof id !== 'string') throw new TypeError(`${PUBLISH_JOB} names no release`);
      const outcome = await publishing.publish(id);
      if (outcome.ok || !PASSING.has(outcome.refusal.kind)) return;
      // No attempt has failed: the attempts of the queue would be used up long before a deadline comes.
      const due = (await publishing.dueAt(id))?.getTime() ?? 0;
      const runAt = new Date(Math.max(due, clock.now().getTime() + PAUSE_MS));
      await addJob(database, PUBLISH_JOB, { release: id }, { key: id, runAt });
    },
  };
}
