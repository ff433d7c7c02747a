/** The door of what leaves, and of what comes back. */

export { type Address, isPublicChannel, readAddress } from './address.ts';
export { type AddressTrouble, checkAddress } from './address-service.ts';
export { type AnswerDependencies, type Answers, createAnswers } from './answer-service.ts';
export type { Matter, RealMatter } from './channel.ts';
export { createContactJobs, planLook } from './contact-job.ts';
export { type PublicKey, readPublicKey } from './encryption.ts';
export { createGithubClients, type GithubSettings } from './github-client.ts';
export { lookAtRepository, type RepositoryLook } from './github-look-client.ts';
export type { Word } from './incoming-mail.ts';
export type { Content } from './letter.ts';
export { createMailbox, type Mailbox } from './mailbox-client.ts';
export { isPersonsWord, type MessageState, PERSONS_WORDS } from './message.ts';
export type { Message } from './message-store.ts';
export {
  type Carriers,
  createOutbox,
  listMessages,
  type Outbox,
  type Posted,
  SEND_JOB,
  type SendOutcome,
} from './outbox-service.ts';
export { createSmtpClient, type SmtpClient, type SmtpSettings } from './smtp-client.ts';
export { createVinceClient, type VinceSettings } from './vince-client.ts';
export { createWebhookClient } from './webhook-client.ts';
