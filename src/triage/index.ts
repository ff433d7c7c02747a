/** The door of triage: how bad, how soon, and why. */
export { affectedRange } from './affected.ts';
export { type Belief, type Calibration, type Review, SEVERITIES } from './calibration.ts';
export { type Chains, createChains, readHold } from './chain-service.ts';
export type { Claim, TriageDecision, TriageFacts, Valued } from './decide.ts';
export { FEED_KINDS, type FeedKind } from './feed.ts';
export { type FetchRefusal, fetchFeed } from './feed-client.ts';
export { createLists, type Lists } from './list-service.ts';
export { createTriage, type ImportRefusal, type Triage, type TriagedCase, type TriageParts } from './triage.ts';
export { createTriageJobs, planFeeds } from './triage-job.ts';
