export { type CacheParts, createFileCache } from './cache-store.ts';
export type { Candidate, SourcePosition } from './candidate.ts';
export {
  type FinderSandbox,
  type ResultCache,
  type ScanCoverage,
  type ScanInput,
  type ScanProgress,
  type ScanResult,
  scanTree,
} from './finder.ts';
export { readPackageHints } from './package-text-client.ts';
