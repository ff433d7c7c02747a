export type { Attestation } from './attest-service.ts';
export { type Bubblewrap, CLONE_HOME, ensureBubblewrap, findBubblewrap } from './bubblewrap-client.ts';
export type { Layer } from './layers.ts';
export { DEFAULT_LIMITS } from './request.ts';
export type { SandboxEnd, SandboxLimits, SandboxProfile, SandboxRefusal, SandboxRequest, SandboxRun } from './run.ts';
export { chooseProfile, createSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
