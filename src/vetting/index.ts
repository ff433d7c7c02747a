/** The door of vetting: applications, evidence, terms, and who waits for what. */
export { CHECKLIST, type CheckItem, type Step } from './application.ts';
export {
  createVetting,
  createVettingJobs,
  MAX_EVIDENCE_BYTES,
  type Vetting,
  type VettingRefusal,
} from './vetting.ts';
export type { Onboarding } from './view-service.ts';
export type { Calendar } from './working-days.ts';
