/** The attestation (thin form). */

import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result } from '../lib/result.ts';
import type { LaunchPlan } from './launch-client.ts';
import type { Layer } from './layers.ts';
import type { SandboxProfile, SandboxRefusal, SandboxRequest, SandboxRun } from './run.ts';

export interface Attestation {
  readonly profile: SandboxProfile;
  readonly layers: readonly Layer[];
  readonly probes: number;
  readonly stopped: number;
  readonly failed: readonly string[];
}

export interface AttestParts {
  readonly profile: SandboxProfile;
  readonly layers: readonly Layer[];
  readonly random: RandomBytes;
  run(request: SandboxRequest, planted?: LaunchPlan['planted']): Promise<Result<SandboxRun, SandboxRefusal>>;
}

export async function attest(parts: AttestParts): Promise<Result<Attestation, SandboxRefusal>> {
  const run = await parts.run({ command: ['/bin/true'] });
  if (!run.ok) return run;
  return ok({ profile: parts.profile, layers: parts.layers, probes: 0, stopped: 0, failed: ['no probe is built yet'] });
}
