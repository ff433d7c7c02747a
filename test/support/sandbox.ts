/** A real sandbox for tests outside its module: the pinned Node, the real clock and randomness. */
import assert from 'node:assert/strict';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import {
  chooseProfile,
  createSandbox,
  type Sandbox,
  type SandboxOptions,
  type SandboxProfile,
} from '../../src/sandbox/index.ts';

/** Nothing can be kept or fetched below `/nonexistent`: the machine's own bubblewrap or none. */
export function sandboxOptions(profile: SandboxProfile, stateDirectory = '/nonexistent'): SandboxOptions {
  return { profile, stateDirectory, nodeBinary: process.execPath, random: systemRandom, clock: systemClock };
}

export async function openSandbox(profile: SandboxProfile = chooseProfile()): Promise<Sandbox> {
  const made = await createSandbox(sandboxOptions(profile));
  assert.ok(made.ok, made.ok ? '' : `${made.refusal.layer}: ${made.refusal.reason}`);
  return made.value;
}
