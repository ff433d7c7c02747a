/** The door of what leaves, and of what comes back. */
export { type Address, readAddress } from './address.ts';
export { isRealMatter, type Matter, type RealMatter } from './channel.ts';
export { createContactJobs } from './contact-job.ts';
export type { Content } from './letter.ts';
export { createMailbox } from './mailbox-client.ts';
export type { Message } from './message-store.ts';
export {
  createOutbox,
  listMessages,
  type Outbox,
  type OutboxDependencies,
  type Posted,
  SEND_JOB,
  type SendOutcome,
} from './outbox-service.ts';
export { createSmtpClient, type SmtpClient, type SmtpSettings } from './smtp-client.ts';
