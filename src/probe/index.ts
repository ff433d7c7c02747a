export { CALL_LANE_LIMITS, type CallFlaw, type CallLaneLimits, createCallLane } from './call-lane.ts';
export type { Lane, LaneCandidate, LaneGroup, LaneOutput, LaneReading, LaneTarget, PackageHints } from './lane.ts';
export { createLanes } from './lanes.ts';
export { simplifications, variantsOf } from './payload.ts';
export type { PlanDrive, PlanReach, PlanValue, ProbePlan } from './plan.ts';
export { samplesOf } from './regex-syntax.ts';
export { entryText, type RenderOptions, readPlan, renderReproducer, reproducerFileName } from './render.ts';
export { type ReproducerVerdict, readVerdict, VERDICT_PREFIX } from './verdict.ts';
