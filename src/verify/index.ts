export type { AffectedVersions, MeasuredVersion, VersionEvent, VersionOutcome } from './affected.ts';
export type {
  ConfirmedFinding,
  ControlKind,
  FindingId,
  Rejection,
  RejectionReason,
  Reproducer,
  Reproduction,
} from './finding.ts';
export type { RootCause } from './fingerprint.ts';
export { METRICS, type Metric, type ProposedSeverity } from './severity.ts';
