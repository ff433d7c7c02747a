/** The door of the programme as gateways know it. What changes it stands in `membership`. */
export {
  type AuthorityBook,
  type AuthorityRows,
  type Caller,
  type CallerGrant,
  createAuthorityBook,
  findGrant,
  type LimitId,
  type RateLimits,
  toStopAttributes,
} from './authority.ts';
export { type Authority, type AuthorityParts, openAuthority } from './authority-client.ts';
export {
  createAuthorityStore,
  fromStopRow,
  type StopRow,
  toAccessKey,
  toGrant,
  toModel,
  toOrganisation,
  toPerson,
} from './authority-store.ts';
export {
  type AccessKey,
  actsFor,
  createAccessKey,
  createKeyMac,
  type Grant,
  type GrantId,
  isEmail,
  isName,
  type KeyId,
  type Organisation,
  type OrganisationId,
  type Person,
  type PersonId,
} from './member.ts';
export {
  changedFields,
  type Model,
  type ModelInput,
  type ModelRefusal,
  type ModelView,
  modelAt,
  openTo,
  type Prices,
  readModel,
  versionOf,
} from './model.ts';
export { type CountryKind, countryTag, isCountry, readCountryTerm } from './nationality.ts';
export { createNoticeStore, lockEpoch, type StageNotice } from './notice-store.ts';
export { createPresenceStore, type LiveCalls } from './presence-store.ts';
export { type RolloutNotice, type StepRates, WHOLE_SHARE } from './rollout.ts';
export {
  isEmpty,
  isInForce,
  isWide,
  matchesStop,
  namedAttributes,
  type Stop,
  type StopAttributes,
  type StopId,
  type StopTerms,
  UNCONFIRMED_STOP_HOURS,
} from './stop.ts';
export {
  type AccessLevel,
  isTier,
  isWithin,
  type LevelRefusal,
  type Rate,
  rightsOf,
  STAGES,
  type Stage,
  selectLevel,
  stricter,
  TIERS,
  type Tier,
} from './tier.ts';
