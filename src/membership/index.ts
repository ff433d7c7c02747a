/** The door of membership: who takes part, what they are granted, what is stopped. */
export { createKeys, type KeyRequest, type Keys } from './key-service.ts';
export {
  createMembership,
  findOrganisation,
  keyPepper,
  type Membership,
  type MembershipParts,
  type MembershipRefusal,
  type NewPerson,
} from './membership.ts';
export {
  createStops,
  type Hands,
  type StopCount,
  type StopRefusal,
  type StopRequest,
  type StopSet,
  type Stops,
} from './stop-service.ts';
