/** The door of policy: frameworks as data, and what they say of evidence. Pure: no file, clock or database is read here. */
export { type Adoption, type AdoptionRefusal, openAdoption, signAdoption } from './adoption.ts';
export { type ClockRefusal, type RunningClock, runningClocks } from './clocks.ts';
export { type Decision, type DecisionEnd, decisionBytes, decisionSha256 } from './decide.ts';
export { CLAIM_KINDS, type Dossier, type DossierRefusal, readDossierValue } from './dossier.ts';
export {
  type DecisionDocuments,
  documentBytes,
  documentHash,
  type EvaluateRefusal,
  evaluate,
  openGround,
} from './evaluate.ts';
export { type Framework, isSourceVerified, labelOf, RELEASE_STAGES, type ReleaseStage } from './framework.ts';
export { diffFrameworks, type FrameworkChange } from './framework-diff.ts';
export { endOf, findUncounted, isCounted, measureHeadStart, type ReportedFinding, toMetrics } from './head-start.ts';
export { type IncidentRecord, type IncidentRefusal, readIncident } from './incident.ts';
export type { JudgedCase } from './judge-safety-case.ts';
export { judgeQuorum, type QuorumVerdict, signDecision, signReversal } from './quorum.ts';
export {
  type FrameworkRefusal,
  readFramework,
  readFrameworkValue,
} from './read-framework.ts';
export { readSafetyCase, SAFETY_CASE, type SafetyCase } from './safety-case.ts';
export { CURRENT_SEMANTICS, type Decide, SEMANTICS, type Semantics } from './semantics.ts';
export { shippedDocuments, shippedFrameworks } from './shipped.ts';
export { signStatement } from './statement.ts';
export { readTrust, type Trust, type TrustRefusal } from './trust.ts';
