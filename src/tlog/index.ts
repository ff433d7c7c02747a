/** The door of the public log: promise, prove, verify. */
export type { AuditRefusal, AuditReport, LogReader } from './audit.ts';
export {
  checkFieldOpening,
  commitmentRoot,
  encodeSealedFinding,
  type FieldOpening,
  openField,
  readSealedFinding,
  type SealedFinding,
} from './commitment.ts';
export { type CommitmentId, type Entry, type EntryId, readEntry, type Statement } from './entry.ts';
export { type AnyRefusal, explain } from './explain.ts';
export type { AppendRefusal, Said } from './issuing-service.ts';
export { openKeyFile } from './key-file-client.ts';
export { KNOWN_HEADS_FOLDER } from './known-heads-client.ts';
export { LogUnreadable } from './log-reader-client.ts';
export { createVerifierKey, ED25519, formatVerifierKey, readVerifierKey, type VerifierKey } from './note.ts';
export { type Commitment, type Overdue, openedLate, overdueOpenings } from './overdue.ts';
export { checkProof, readProof } from './proof.ts';
export { createSequenceJobs, SEQUENCE_JOB } from './sequence-job.ts';
export { FINDING_FIELDS, type FindingField, type FindingValues, isFindingField } from './template.ts';
export { createTlog, type Tlog } from './tlog.ts';
export {
  checkProofFile,
  proveByName,
  proveWanted,
  type TrustOptions,
  type VerifyRefusal,
  verifyLog,
} from './verification-service.ts';
export { trustOnly, type WitnessPolicy } from './witness-policy.ts';
