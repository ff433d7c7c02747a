/** The door of scope: on which assets an organisation may use the model, and what proves it. */
export { ASSET_FORMS, assetText } from './asset.ts';
export { type Challenge, instruct, METHODS, type Method } from './proof.ts';
export { createProofClient, type ProofClient, type ProofClientParts } from './proof-client.ts';
export { createScopeJobs } from './proving-service.ts';
export { createScoping, type ScopeParts, type Scoping } from './scope.ts';
export type { Answer, Holding } from './scope-answer.ts';
export type { ScopedAsset, ScopeId } from './scope-store.ts';
export type { Pass, ScopeRefusal } from './scope-writing-service.ts';
export { signAuthorisation, signCriticalList } from './signed-document.ts';
