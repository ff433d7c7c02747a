export type { Share } from './agreement.ts';
export { leftUnfixedBy, planReaudit, type ReauditPlan } from './incomplete-fix.ts';
export type { Kind } from './sample.ts';
export { createSecondLookJobs, planDraw } from './second-look-job.ts';
export {
  createSecondLooks,
  FEWEST_PUBLISHED,
  type Looked,
  type LookRefusal,
  type SecondLookParts,
  type SecondLooks,
} from './secondlook.ts';
