/** Background work of contact. Handlers may run twice. */
import type { JobHandler } from '../store/job-worker.ts';
import { type Outbox, SEND_JOB } from './outbox-service.ts';

export function createContactJobs({
  outbox,
}: {
  readonly outbox: Pick<Outbox, 'send'>;
}): Readonly<Record<string, JobHandler>> {
  return {
    [SEND_JOB]: async (payload) => {
      const id = (payload as { readonly message?: unknown }).message;
      if (typeof id !== 'string') throw new TypeError(`${SEND_JOB} names no message`);
      // What is left to do was planned with the outcome, in one transaction.
      await outbox.send(id);
    },
  };
}
