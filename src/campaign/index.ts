export { type CampaignEvent, toLine } from './progress.ts';
export type { CampaignStatus, DemonstrationStatus, TargetStatus } from './status.ts';
export { type CampaignExpectation, type CampaignSummary, shortfalls, toSummaryText } from './summary.ts';
