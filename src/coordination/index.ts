export {
  type CaseContent,
  type Coordination,
  type CoordinationRefusal,
  createCoordination,
  type Shared,
} from './coordination.ts';
export { createCoordinationJobs, createEscalationJobs } from './coordination-job.ts';
export { type CoordinatorChannel, createEscalations, type Escalations } from './escalation-service.ts';
export { createInvitations, type Invitation, type InvitationRefusal, type Invitations } from './invitation-service.ts';
export { createLinks, LINK_DAYS, type Links, MAX_LINK_DAYS } from './link-service.ts';
export { createMaintainerPages, type MaintainerPages, type PageRefusal, type PartyPage } from './maintainer-service.ts';
export { isOneOf, MATTERS, type ParticipantId, ROLES, STANDINGS } from './participant.ts';
export type { Change, Knowing } from './shared-case.ts';
