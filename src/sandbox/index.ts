export type { SandboxEnd, SandboxLimits, SandboxProfile, SandboxRefusal, SandboxRequest, SandboxRun } from './run.ts';
