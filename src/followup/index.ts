export { createFollowup, type Followup, type FollowupParts, type Look, type Watched } from './followup.ts';
export { createFollowupJobs, planSweep } from './followup-job.ts';
export type { FollowSettings } from './followup-store.ts';
export type { Place } from './release.ts';
export { createReleaseWorkshop } from './release-workshop-service.ts';
export { createSources } from './source-service.ts';
export type { CaseFollowUp, ChaseRefusal } from './stale-service.ts';
export type { ReleaseWorkshop, Trial } from './trial-service.ts';
