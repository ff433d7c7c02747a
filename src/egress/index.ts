/** The door of requests to the outside. */
export {
  createEgress,
  type Egress,
  type EgressAnswer,
  type EgressRefusal,
  type EgressRequest,
  explainEgress,
} from './egress.ts';
export { namedOrigins, type Origin } from './named-host.ts';
