/** The door of publication: two signatures, then the world. */
export { documentPaths } from './advisory-documents.ts';
export { createPublicTree } from './public-tree-client.ts';
export {
  createPublishing,
  type Publishing,
  type PublishingDependencies,
  type PublishRefusal,
  type Signing,
} from './publish.ts';
export { createPublishJobs } from './publish-job.ts';
export type { ReleaseFacts, ReleaseRefusal } from './release.ts';
export { openReleaseSigners, type SignersRefusal } from './release-key-service.ts';
export type { ReleaseId } from './release-store.ts';
