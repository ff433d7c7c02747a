export { createReadiness, type Readiness, type SignOffWord, type Workshop } from './readiness.ts';
export { type FollowedReport, followReport } from './report-text.ts';
