export { type Reproducer, type RunInSandbox, SandboxRefused } from './attack-service.ts';
export { type DependentEffect, tryDependent } from './dependent-service.ts';
export type { PatchFacts, PatchVerdict, TestComparison } from './judge.ts';
export { createTestComparison } from './own-tests-service.ts';
export {
  type Baseline,
  measureBaseline,
  type PatchParts,
  type PatchReport,
  verifyPatch,
} from './patch.ts';
export { type RepairPatch, repairPatch } from './repair-service.ts';
export { readReproducer } from './reproducer-service.ts';
export { applyToFiles, type FilePatch, type FileTexts, readPatch, writePatch } from './unified-diff.ts';
export { upstreamPatch, wholeUpstreamPatch } from './upstream-service.ts';
export { openUpstream } from './upstream-source-service.ts';
