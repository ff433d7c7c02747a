/** The sandbox that benches run in, in the fullest profile that this host allows. */
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { chooseProfile, createSandbox } from '../../src/sandbox/index.ts';

/** Throws, with the layer that is missing, where it will not start. */
export async function openSandbox(stateDirectory: string) {
  const made = await createSandbox({
    profile: chooseProfile(),
    stateDirectory,
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
  });
  if (!made.ok) throw new Error(`the sandbox will not start: ${made.refusal.reason}`);
  return made.value;
}
