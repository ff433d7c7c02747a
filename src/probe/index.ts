export type { Lane, LaneCandidate, LaneGroup, LaneOutput, LaneReading, LaneTarget } from './lane.ts';
export type { PlanDrive, PlanReach, PlanValue, ProbePlan } from './plan.ts';
export { type ReproducerVerdict, readVerdict, VERDICT_PREFIX } from './verdict.ts';
