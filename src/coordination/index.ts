export {
  type CaseContent,
  type Coordination,
  type CoordinationRefusal,
  createCoordination,
  type Shared,
} from './coordination.ts';
export { createCoordinationJobs } from './coordination-job.ts';
export { createLinks, LINK_DAYS, type Links, MAX_LINK_DAYS } from './link-service.ts';
export { createMaintainerPages, type MaintainerPages, type PageRefusal, type PartyPage } from './maintainer-service.ts';
export { isOneOf, MATTERS, type ParticipantId, ROLES, STANDINGS } from './participant.ts';
export type { Change, Knowing } from './shared-case.ts';
