export { createReadiness, type Readiness, type SignOffWord, type Workshop } from './readiness.ts';
