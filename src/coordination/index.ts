export {
  type CaseContent,
  type Coordination,
  type CoordinationRefusal,
  createCoordination,
  type Shared,
} from './coordination.ts';
export {
  isOneOf,
  MATTERS,
  type Matter,
  type Participant,
  type ParticipantId,
  ROLES,
  STANDINGS,
} from './participant.ts';
export type { Change, Knowing, SharedCase } from './shared-case.ts';
