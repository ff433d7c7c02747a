export type { AffectedVersions, MeasuredVersion, VersionEvent, VersionOutcome } from './affected.ts';
export type { RunOutcome } from './confirm.ts';
export { type Claim, claimOf } from './confirm-service.ts';
export type {
  ConfirmedFinding,
  ControlKind,
  FindingId,
  Rejection,
  RejectionReason,
  Reproducer,
  Reproduction,
} from './finding.ts';
export {
  createFindingStore,
  listReveals,
  type RecordedFinding,
  type RecordOptions,
  recordFinding,
  type StoredFinding,
} from './finding-store.ts';
export type { RootCause } from './fingerprint.ts';
export type { ReleaseTrial } from './release-trial-service.ts';
export type { RunInSandbox } from './reproduce-service.ts';
export { screenReproducer } from './screen.ts';
export type { Metric, ProposedSeverity } from './severity.ts';
export { createVerification, type Verification, type VerificationParts } from './verify.ts';
