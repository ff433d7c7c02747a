/** Background work of publication. The handler may run twice: what is published is published once. */
import type { JobHandler } from '../store/job-worker.ts';
import { PUBLISH_JOB, type Publishing } from './publish.ts';

/** Refusals that time alone lifts; the queue tries again. Every other one is final and stands in the release's row. */
const PASSING: ReadonlySet<string> = new Set(['too-early', 'under-embargo']);

export function createPublishJobs(publishing: Pick<Publishing, 'publish'>): Readonly<Record<string, JobHandler>> {
  return {
    [PUBLISH_JOB]: async (payload) => {
      const id = (payload as { readonly release?: unknown }).release;
      if (typeof id !== 'string') throw new TypeError(`${PUBLISH_JOB} names no release`);
      const outcome = await publishing.publish(id);
      if (!outcome.ok && PASSING.has(outcome.refusal.kind)) throw new Error(`${id}: ${outcome.refusal.kind}`);
    },
  };
}
