export { POLICIES, type PolicyName } from './policy-service.ts';
export { compare, simulate } from './simulate.ts';
