export type { PlanDrive, PlanReach, PlanValue, ProbePlan } from './plan.ts';
export { type ReproducerVerdict, readVerdict, VERDICT_PREFIX } from './verdict.ts';
