/** The door of rollouts: steps within an open stage. */
export { createMeasure, type Sources } from './measure-service.ts';
export { METRICS, type Measurement } from './metric.ts';
export type { Rollout } from './progress.ts';
export { createRollouts, type RolloutRefusal, type Rollouts } from './rollout.ts';
export { createRolloutJobs } from './rollout-job.ts';
