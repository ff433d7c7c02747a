export { type Case, type CaseId, type CaseKind, isRealCase, type RealCase, type Stage } from './case.ts';
export { type CaseRefusal, isStep, STEPS, type Step } from './case-step.ts';
