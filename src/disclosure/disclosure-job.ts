/** Background work of disclosure. Handlers may run twice. */
import type { JobHandler } from '../store/job-worker.ts';
import { CLOCK_JOB } from './deadline-service.ts';
import type { Disclosure } from './disclosure.ts';

interface DisclosureJobParts {
  readonly disclosure: Pick<Disclosure, 'reachClocks'>;
}

/** Each looks at its own case, so that many at once do not wait for each other; what a lost one leaves, the watch sweeps. */
export function createDisclosureJobs({ disclosure }: DisclosureJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [CLOCK_JOB]: async (payload) => {
      const { case: id } = payload as { readonly case?: unknown };
      await disclosure.reachClocks(typeof id === 'string' ? id : undefined);
    },
  };
}
