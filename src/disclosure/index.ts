export { type AgreedEndRefusal, type EmbargoTerms, factsOf, termsOf } from './agreed-end.ts';
export { type Case, type CaseId, type CaseKind, isClosed, type RealCase, type Stage } from './case.ts';
export { type CaseRefusal, isStep, STEPS, type Step } from './case-step.ts';
export type { HistoryEntry } from './case-store.ts';
export { type CaseSummary, findCase, findReportedParty, OPERATOR, type OpenedCase } from './case-view-service.ts';
export { CLOCK_POLICIES, isPolicyName, type PolicyName, policyOf } from './clock-policy.ts';
export type { RunningClock } from './clock-store.ts';
export { type CompressedClock, createCompressedClock } from './compressed-clock.ts';
export { SILENCE_JOB } from './deadline-service.ts';
export {
  createDisclosure,
  type Disclosure,
  type DisclosureDependencies,
  type OpenRefusal,
  type StepRefusal,
} from './disclosure.ts';
export { createDisclosureJobs } from './disclosure-job.ts';
export { DUTIES, isDuty } from './duty-clock.ts';
export { advisoryIdOf, type Contact, type Learnt, type OwnTests, packageOf, titleOf } from './finding.ts';
export type { FirstPostRefusal } from './first-post.ts';
export { draftMitigation, MAX_MITIGATION } from './mitigation.ts';
export type { NewCase } from './new-case.ts';
export type { Report } from './report.ts';
export {
  isDemonstration,
  nextSimulatedAnswer,
  SIMULATED_ACTOR,
  type SimulatedAnswer,
} from './simulated-maintainer.ts';
export { type ClockFacts, dutiesOf, type TimelineEntry, timelineOf } from './timeline.ts';
