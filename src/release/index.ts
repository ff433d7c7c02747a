/** The door of release: decisions recorded and replayed, stages opened and closed. */
export { type EvidenceFiles, openEvidence } from './evidence-client.ts';
export {
  createRelease,
  type Recorded,
  type Release,
  type ReleaseParts,
  type ReleaseRefusal,
  type StageOf,
} from './release.ts';
export { openReplayLog, type Replayed, type ReplayLog, type ReplayRefusal, replay } from './replay-service.ts';
