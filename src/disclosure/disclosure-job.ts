/** Background work of disclosure. Handlers may run twice. */
import type { JobHandler } from '../store/job-worker.ts';
import { CLOCK_JOB } from './deadline-service.ts';
import type { Disclosure } from './disclosure.ts';

interface DisclosureJobParts {
  readonly disclosure: Pick<Disclosure, 'reachClocks'>;
}

export function createDisclosureJobs({ disclosure }: DisclosureJobParts): Readonly<Record<string, JobHandler>> {
  return { [CLOCK_JOB]: async () => void (await disclosure.reachClocks()) };
}
