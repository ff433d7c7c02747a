/** The door of exposure: which partners a case hits, through what, and who of them is told. */
export { isDirect, packageOfPurl } from './blast-radius.ts';
export {
  createExposure,
  type Dependent,
  type ExposedCase,
  type Exposure,
  type ExposureParts,
  type ImportedBom,
  type PartnerExposure,
} from './exposure.ts';
export { createExposureJobs } from './exposure-job.ts';
export {
  createNotices,
  type Noticed,
  type NoticeParts,
  type Notices,
  type NoticesRefusal,
  type PartnerContact,
} from './notice-service.ts';
