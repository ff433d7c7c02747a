/** The door of the demonstration: a release from evidence to an incident, on a model that is marked as no real one. */
export { type DemonstrationParts, demonstrate } from './demonstration.ts';
export type { InstallationRecords } from './evidence.ts';
export {
  DEMONSTRATION_MODEL,
  type DemonstrationProvider,
  PROVIDER_KEY,
  PROVIDER_VARIABLE,
  startDemonstrationProvider,
} from './provider-service.ts';
export type { Demonstrated } from './told.ts';
