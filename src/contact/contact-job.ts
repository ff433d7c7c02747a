/** Background work of contact. Handlers may run twice. */
import type { Transaction } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { Answers } from './answer-service.ts';
import type { Mailbox } from './mailbox-client.ts';
import { type Outbox, SEND_JOB } from './outbox-service.ts';

/** Looks into the mailbox, and plans the next look. */
const MAILBOX_JOB = 'contact.mailbox';
const LOOK_EVERY_MS = 60_000;

interface ContactJobParts {
  readonly outbox: Pick<Outbox, 'send'>;
  /** Absent where no mailbox is configured. */
  readonly inbound?: {
    readonly database: Transaction;
    readonly mailbox: Pick<Mailbox, 'messages'>;
    readonly answers: Pick<Answers, 'receive'>;
  };
}

export function createContactJobs({ outbox, inbound }: ContactJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [SEND_JOB]: async (payload) => {
      const id = (payload as { readonly message?: unknown }).message;
      if (typeof id !== 'string') throw new TypeError(`${SEND_JOB} names no message`);
      // What is left to do was planned with the outcome, in one transaction.
      await outbox.send(id);
    },
    [MAILBOX_JOB]: async () => {
      if (!inbound) return;
      // Planned first, so that a mailbox which cannot be read for once is looked into again.
      await planLook(inbound.database, LOOK_EVERY_MS);
      for await (const raw of inbound.mailbox.messages()) await inbound.answers.receive(raw);
    },
  };
}

/** At most one look is planned. */
export async function planLook(tx: Transaction, afterMs = 0): Promise<void> {
  const { rows } = await tx.query<{ at: Date }>(`select clock_timestamp() + $1 * interval '1 ms' as at`, [afterMs]);
  const runAt = rows[0]?.at;
  await addJob(tx, MAILBOX_JOB, {}, { key: MAILBOX_JOB, ...(runAt && { runAt }) });
}
