/** The door of release: decisions recorded and replayed, stages opened and closed. */
export { type Adoptions, type AdoptRefusal, createAdoptions } from './adoption-service.ts';
export { type EvidenceFiles, openEvidence } from './evidence-client.ts';
export {
  draftNotices,
  INCIDENT_STEPS,
  type Incident,
  renderIncident,
  SEVERITIES,
} from './incident.ts';
export { createIncidents, type IncidentOutcomeRefusal, type Incidents } from './incident-service.ts';
export {
  createRelease,
  type Recorded,
  type Release,
  type ReleaseParts,
  type ReleaseRefusal,
  type StageOf,
} from './release.ts';
export {
  findLogged,
  findMissingEvidence,
  openReplayLog,
  type Replayed,
  type ReplayLog,
  type ReplayRefusal,
  replay,
} from './replay-service.ts';
export type { Rollout } from './rollout.ts';
export { createRollouts, type RolloutRefusal, type Rollouts } from './rollout-service.ts';
export { foreseeStage, type StageEffect } from './stage-effect-service.ts';
