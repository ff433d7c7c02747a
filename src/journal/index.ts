/** The door of the journal: what was decided before it was done, and receipts that a stranger can check. */
export { type Admitted, createAdmittedReader, REACH_MS, toLostReceipt } from './admitted-service.ts';
export type { StoredReceipt } from './build-batch.ts';
export type { Head } from './commit-service.ts';
export { createHeadSayer, openReceiptKey, readLoggedJournals, receiptKeyPath } from './head-service.ts';
export {
  JOURNAL_FOLDER,
  type Journal,
  type JournalParts,
  openJournal,
  type PromptKeeper,
} from './journal.ts';
export {
  createPromptKeeper,
  destroyPrompts,
  lookAtPrompt,
  type PromptKeeperParts,
  type PromptParts,
} from './prompt-service.ts';
export { type JournalRefusal, readJournal } from './read-service.ts';
export {
  type CallId,
  checkReceipt,
  type GatewayId,
  type Position,
  type Receipt,
  type ReceiptRefusal,
  type Tokens,
  type Verdict,
} from './receipt.ts';
export type { AdmitRecord, LookRecord, RefuseRecord, StopRecord } from './record.ts';
export { forgetJournals, type RetentionParts, startRetention } from './retention-service.ts';
export { type JournalReport, verifyJournal } from './verify-service.ts';
