export { type CampaignParts, type Campaigns, createCampaigns } from './campaign.ts';
export { type CampaignFile, type KnownAdvisory, readCampaignFile } from './campaign-file.ts';
export type { Campaign, CampaignId, ScanCost, TargetRow } from './campaign-store.ts';
export type { CandidateRow } from './candidate-store.ts';
export { createCaseJobs, type PatchAttempt } from './case-job.ts';
export { createCaseOpening } from './case-opening-service.ts';
export { toFindingReport } from './finding-report-service.ts';
export { type FixtureRegistry, startFixtureRegistry } from './fixture-registry-client.ts';
export { createOperatorPublishing } from './operator-publishing-service.ts';
export { createOwnTests, missingOfTests } from './own-tests-service.ts';
export { createPatchAttempts } from './patch-attempts-service.ts';
export { type CampaignEvent, toLine } from './progress.ts';
export { type CampaignReports, createCampaignReports, type ScanLine } from './report-service.ts';
export { createSearchJobs, SEARCH_JOBS } from './search-job.ts';
export type { CampaignStatus, DemonstrationStatus, ReleaseStatus, TargetStatus } from './status.ts';
export {
  type CampaignExpectation,
  type CampaignSummary,
  type ReleaseShown,
  shortfalls,
  toSummaryText,
} from './summary.ts';
export { createTreeKeeper } from './tree-keeper-service.ts';
export { createVersionTrial } from './version-trial-service.ts';
