/** The door of release: decisions recorded and replayed, stages opened and closed. */
export { type Adoptions, type AdoptRefusal, createAdoptions } from './adoption-service.ts';
export { type EvidenceFiles, openEvidence } from './evidence-client.ts';
export { type LogAccount, type LogEntry, readLogEntries } from './log-entries-service.ts';
export {
  createRelease,
  type Recorded,
  type Release,
  type ReleaseParts,
  type ReleaseRefusal,
} from './release.ts';
export {
  findLogged,
  findMissingEvidence,
  openLogged,
  openReplayLog,
  type Replayed,
  type ReplayLog,
  type ReplayRefusal,
  replay,
} from './replay-service.ts';
export { foreseeStage, type StageEffect, type SteppedEffect } from './stage-effect-service.ts';
export { createStageEndJobs } from './stage-end-job.ts';
export { type StageOf, tierOf } from './stage-service.ts';
