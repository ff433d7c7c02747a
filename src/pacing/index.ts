export {
  type Allowance,
  CHANNELS,
  type Channel,
  NO_WISHES,
  USUAL_GROWTH,
  type Wishes,
} from './allowance.ts';
export { isSevere, POPULATION, type SentReport } from './capacity.ts';
export { readOutcome, SSVC_WEIGHTS, type SsvcOutcome, type Waiting } from './harm.ts';
export { divideByNeed, type ProjectNeed } from './need.ts';
export { type OptOutRefusal, projectOf } from './opt-out.ts';
export { outcomeOf } from './outcome.ts';
export {
  createPacing,
  type PacedCase,
  type Pacing,
  type PacingParts,
  type ProjectView,
  type ReleaseRefusal,
} from './pacing.ts';
export { createPacingJobs, planOptOuts, RELEASE_JOB } from './pacing-job.ts';
export { nextReports, type Position, type ProjectQueue } from './queue.ts';
export type { WishChange } from './wish-service.ts';
