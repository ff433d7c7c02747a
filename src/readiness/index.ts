export { createReadiness, type Readiness, type SignOffWord, type Workshop } from './readiness.ts';
export { createReadinessJobs, REPORT_CHECK_JOB } from './readiness-job.ts';
