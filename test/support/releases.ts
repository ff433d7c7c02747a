/** A world in which releases appear: a registry that publishes them, a real case of a flaw in one, the real sandbox. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEgress, namedOrigins } from '../../src/egress/index.ts';
import {
  createFollowup,
  createReleaseWorkshop,
  createSources,
  type FollowupParts,
  type Trial,
} from '../../src/followup/index.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createRegistry, openTarget } from '../../src/target/index.ts';
import { type ConfirmedFinding, type claimOf, createVerification, recordFinding } from '../../src/verify/index.ts';
import { startFakeRegistry } from '../fakes/fake-registry.ts';
import { createWorld } from './disclosure.ts';
import { FIXTURE_PACKAGES } from './installation.ts';
import { openSandbox } from './sandbox.ts';

export const PACKAGE = 'headstart-fixture-pollution';
export const BY = { actor: 'a person' };

const sourceOf = (version: '1.0.0' | '1.0.1'): string =>
  readFileSync(join(FIXTURE_PACKAGES, PACKAGE, version, 'index.js'), 'utf8');
export const FLAWED = sourceOf('1.0.0');
export const FIXED = sourceOf('1.0.1');
/** Refuses the payload as it is and nothing else: the flaw is still there for its variants. */
export const SYMPTOM = FLAWED.replace(
  "const keys = String(path).split('.');",
  "const keys = String(path).split('.');\n  if (keys[0] === '__proto__') return object;",
);

export type Releases = Awaited<ReturnType<typeof createReleases>>;

export async function createReleases(changes: Partial<Pick<FollowupParts, 'claims'>> = {}) {
  const world = await createWorld({ time: 'real' });
  const directory = await mkdtemp(join(tmpdir(), 'headstart-releases-'));
  const scratch = join(directory, 'scratch');
  const sandbox = await openSandbox();
  const server = await startFakeRegistry();
  const publish = (version: string, source: string) =>
    server.publish({ name: PACKAGE, version, main: 'index.js' }, { 'index.js': source });
  await publish('1.0.0', FLAWED);
  const settings = { registry: server.address, scopes: {}, ca: [], strictSsl: true, proxy: null, noProxy: null };
  const registry = createRegistry({
    ...{ mode: 'fresh', cache: join(directory, 'cache'), settings: { ...settings, cacheDirectory: directory } },
    limits: { requestMs: 5_000, attempts: 2, pauseMs: 1 },
  });
  const verification = createVerification({
    ...{ run: (request) => sandbox.run(request), random: systemRandom, scratch, simplifications: () => [] },
    limits: { seconds: 8, cpuSeconds: 4 },
    openTarget: (target) => openTarget({ target, scratch, registry }),
    listVersions: async () => assert.fail('nothing is measured here'),
  });
  const workshop = createReleaseWorkshop({ verification, scratch, registry });
  const egress = createEgress({ named: namedOrigins([server.address]) });
  const measured: string[] = [];
  const parts: FollowupParts = {
    ...world,
    ask: createSources({ egress, npm: { registry: server.address, scopes: {} } }),
    claims: changes.claims ?? (async () => []),
    measure: async (_tx, id) => void measured.push(id),
  };
  const finding = await findFlaw(verification, scratch, registry);
  const followup = createFollowup(parts);
  return {
    ...{
      world,
      server,
      publish,
      registry,
      verification,
      workshop,
      followup,
      egress,
      parts,
      scratch,
      finding,
      measured,
    },
    /** A real case of the flaw in 1.0.0, as far as `steps` take it. */
    async open(
      ...steps: readonly ('confirm' | 'notify' | 'acknowledge' | 'patch' | 'fix-released')[]
    ): Promise<string> {
      const id = await world.database.transaction(async (tx) => {
        const own = { ...finding, rootCause: { ...finding.rootCause, statement: `${Math.random()}` } };
        const options = { vault: world.vault, random: systemRandom, now: new Date(), campaignId: null };
        const recorded = await recordFinding(tx, own, options);
        const vendor = { name: 'A maintainer', address: 'maintainer@example.org', simulated: false };
        const opened = await world.disclosure.openCase(tx, {
          ...{ findingId: recorded.id, finding: own, policy: 'anthropic-2026', vendor, knownAs: [] },
        });
        assert.ok(opened.ok);
        return opened.value;
      });
      for (const step of steps) assert.ok((await world.disclosure.take(step, id, BY)).ok, step);
      return id;
    },
    /** Every look and every trial that is due; a person would say `watch run`. */
    async run(): Promise<readonly Trial[]> {
      for (const id of await followup.hurry()) await followup.look(id);
      const trials: Trial[] = [];
      for (const id of await followup.waiting()) {
        const trial = await followup.try(id, workshop);
        if (trial) trials.push(trial);
      }
      return trials;
    },
    async close(): Promise<void> {
      await server.close();
      await sandbox.close();
      await world.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function findFlaw(
  verification: ReturnType<typeof createVerification>,
  scratch: string,
  registry: ReturnType<typeof createRegistry>,
): Promise<ConfirmedFinding> {
  const plan = {
    ...{ flaw: 'prototype-pollution', file: '', format: 'cjs', payload: '__proto__.{{canary}}' },
    reach: [{ kind: 'get', name: 'set' }],
    drive: {
      kind: 'call',
      args: [{ kind: 'json', value: {} }, { kind: 'payload' }, { kind: 'json', value: '1' }],
      after: [],
    },
  } satisfies Parameters<typeof claimOf>[0];
  const tree = await openTarget({ target: `pkg:npm/${PACKAGE}@1.0.0`, scratch, registry });
  assert.ok(tree.ok);
  const candidate = { target: tree.value.purl, flaw: plan.flaw, entry: 'set', sink: null, oracle: '', plan };
  const found = await verification.verifyCandidate(candidate, tree.value);
  await tree.value.dispose();
  assert.ok(found.ok, found.ok ? '' : found.refusal.detail);
  return found.value;
}
