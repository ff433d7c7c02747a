export type {
  Case,
  CaseId,
  CaseKind,
  RealCase,
  Stage,
} from './case.ts';
export { type CaseRefusal, isStep, STEPS, type Step } from './case-step.ts';
export type { HistoryEntry } from './case-store.ts';
export { type CaseSummary, findCase, OPERATOR, type OpenedCase } from './case-view-service.ts';
export type { PolicyName } from './clock-policy.ts';
export type { RunningClock } from './clock-store.ts';
export { type CompressedClock, createCompressedClock } from './compressed-clock.ts';
export {
  createDisclosure,
  type Disclosure,
  type NewCase,
  type OpenRefusal,
  type StepRefusal,
} from './disclosure.ts';
export { createDisclosureJobs } from './disclosure-job.ts';
export { advisoryIdOf, type Contact, type Learnt, type OwnTests, packageOf, titleOf } from './finding.ts';
export type { Report } from './report.ts';
export {
  isDemonstration,
  nextSimulatedAnswer,
  SIMULATED_ACTOR,
  type SimulatedAnswer,
} from './simulated-maintainer.ts';
