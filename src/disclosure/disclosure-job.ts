/** Background work of disclosure. Handlers may run twice. */
import type { JobHandler } from '../store/job-worker.ts';
import { CLOCK_JOB, type Disclosure } from './disclosure.ts';
import { type Outbox, SEND_JOB } from './outbox-service.ts';

interface DisclosureJobParts {
  readonly disclosure: Pick<Disclosure, 'reachClocks'>;
  readonly outbox: Pick<Outbox, 'send'>;
}

export function createDisclosureJobs({ disclosure, outbox }: DisclosureJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [SEND_JOB]: async (payload) => {
      const id = (payload as { readonly message?: unknown }).message;
      if (typeof id !== 'string') throw new TypeError(`${SEND_JOB} names no message`);
      // Thrown, so that the queue tries again later; the message's row says why.
      if ((await outbox.send(id)) === 'again') throw new Error(`the message ${id} is not known to be delivered`);
    },
    [CLOCK_JOB]: async () => void (await disclosure.reachClocks()),
  };
}
