/** The attestation can fail: whichever layer is taken away, it is noticed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseProfile, type SandboxProfile } from '../../src/sandbox/index.ts';
import { LAYERS, type Layer } from '../../src/sandbox/layers.ts';
import { createSandboxWithout } from '../../src/sandbox/sandbox.ts';
import { sandboxOptions } from '../support/sandbox.ts';

/** What was noticed: a refusal to start, or the probes that got through. */
async function noticed(profile: SandboxProfile, layer: Layer): Promise<readonly string[]> {
  const made = await createSandboxWithout(sandboxOptions(profile), new Set([layer]));
  if (!made.ok) return [`refused: ${made.refusal.layer}`];
  try {
    const attested = await made.value.attest();
    assert.ok(attested.ok);
    return attested.value.failed;
  } finally {
    await made.value.close();
  }
}

/** An unprivileged process cannot start bubblewrap without it, and a plain user has no other uid to give up. */
const NOT_REMOVABLE = new Set<Layer>([
  'user namespace',
  ...(process.getuid?.() === 0 ? [] : ['unprivileged host uid' as const]),
]);

for (const layer of LAYERS.user.filter((name) => !NOT_REMOVABLE.has(name))) {
  test(`without ${layer} the attestation of the profile user does not pass`, async () => {
    assert.notDeepEqual(await noticed('user', layer), []);
  });
}

test('without its cgroup the attestation of the profile full does not pass', {
  skip: chooseProfile() !== 'full',
}, async () => {
  assert.ok((await noticed('full', 'cgroup')).includes('host.in_cgroup'));
});
