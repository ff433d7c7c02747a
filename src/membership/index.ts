/** The door of membership: who takes part, what they are granted, what is stopped. */

export { type Caps, createCaps } from './cap-service.ts';
export { countryKey, createMembershipJobs, type OpenedCountry } from './country-service.ts';
export { createKeyDesk } from './key-desk-service.ts';
export { createKeys, type GrantRequest, type KeyRequest, type Keys } from './key-service.ts';
export {
  createMembership,
  keyPepper,
  type Membership,
  type MembershipParts,
  type MembershipRefusal,
  type NewPerson,
} from './membership.ts';
export {
  type Agreed,
  type CarryOut,
  createProposals,
  type ProposalParts,
  type ProposalRefusal,
  type Proposals,
} from './proposal-service.ts';
export { PROPOSAL_KINDS, type Proposal, type ProposalKind } from './proposal-store.ts';
export {
  createStops,
  type Hands,
  type StopCount,
  type StopRefusal,
  type StopRequest,
  type StopSet,
  type Stops,
} from './stop-service.ts';
