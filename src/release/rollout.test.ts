import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { houseAct, houseDocuments, SIGNERS, TRUST } from '../../test/support/release.ts';
import { evaluate, shippedDocuments, signDecision } from '../policy/index.ts';
import { createAdoptions } from './adoption-service.ts';
import { openEvidence } from './evidence-client.ts';
import { createRelease, type Release } from './release.ts';
import {
  type Analysis,
  advanceRollout,
  analyse,
  type Rollout,
  type RolloutPlan,
  readPlan,
  resumeRollout,
} from './rollout.ts';
import { createRollouts, type Rollouts } from './rollout-service.ts';

const T0 = new Date('2026-11-20T12:00:00Z');
const later = (minutes: number): Date => new Date(T0.getTime() + minutes * 60_000);
const PLAN = {
  steps: [
    { name: 'a tenth', holdMinutes: 60 },
    { name: 'all', holdMinutes: 30 },
  ],
  metrics: [{ name: 'refusals', atMost: 0.05 }],
  failureLimit: 1,
  inconclusiveLimit: 0,
};
const plan = okOf(readPlan(PLAN));
const rollout = (change: Partial<Rollout> = {}): Rollout => ({
  model: 'm',
  plan,
  step: 0,
  state: 'running',
  failures: 0,
  inconclusive: 0,
  version: 1,
  updatedAt: T0,
  ...change,
});

test('a broken bound fails, what was not measured is inconclusive, and nothing at all is no success', () => {
  const two: RolloutPlan = {
    ...plan,
    metrics: [...plan.metrics, { name: 'patched', atLeast: 0.5, atMost: undefined }],
  };
  const of = (...measured: [string, number][]): Analysis => analyse(two, new Map(measured));
  assert.equal(of(['refusals', 0.05], ['patched', 0.5]), 'success');
  assert.equal(of(['refusals', 0.051], ['patched', 0.5]), 'failure');
  assert.equal(of(['refusals', 0.01], ['patched', 0.49]), 'failure');
  assert.equal(of(['refusals', 0.01]), 'inconclusive');
  assert.equal(of(['refusals', 0.9]), 'failure');
  assert.equal(of(['refusals', Number.NaN], ['patched', 1]), 'inconclusive');
  assert.equal(analyse({ ...plan, metrics: [] }, new Map()), 'inconclusive');
});

test('a step is left only after it was held, and the last one ends the rollout', () => {
  assert.equal(advanceRollout(rollout(), 'success', later(59)).step, 0);
  const second = advanceRollout(rollout(), 'success', later(60));
  assert.deepEqual([second.step, second.state], [1, 'running']);
  assert.equal(advanceRollout(second, 'success', later(89)).state, 'running');
  assert.equal(advanceRollout(second, 'success', later(90)).state, 'done');
});

test('failures beyond the limit roll back, inconclusive ones beyond theirs pause, and neither moves by itself again', () => {
  const once = advanceRollout(rollout(), 'failure', later(1));
  assert.equal(once.state, 'running');
  const twice = advanceRollout(once, 'failure', later(2));
  assert.equal(twice.state, 'rolled-back');
  const paused = advanceRollout(rollout(), 'inconclusive', later(1));
  assert.equal(paused.state, 'paused');
  for (const still of [twice, paused, rollout({ state: 'done' })]) {
    for (const analysis of ['success', 'failure', 'inconclusive'] as const)
      assert.equal(advanceRollout(still, analysis, later(999)), still);
  }
  assert.equal(resumeRollout(paused, later(5))?.state, 'running');
  assert.equal(resumeRollout(twice, later(5)), undefined);
});

test('a plan in a form that is not known is refused with its place', () => {
  const refusedAt = (change: object): string => {
    const read = readPlan({ ...PLAN, ...change } as never);
    return read.ok ? 'read' : read.refusal.place;
  };
  assert.equal(refusedAt({}), 'read');
  assert.equal(refusedAt({ steps: [] }), '/steps');
  assert.equal(refusedAt({ metrics: [] }), '/metrics');
  assert.equal(refusedAt({ metrics: [{ name: 'x' }] }), '/metrics/0');
  assert.equal(refusedAt({ steps: [{ name: 'x', holdMinutes: -1 }] }), '/steps/0');
  assert.equal(refusedAt({ failureLimit: 1.5 }), '/failureLimit');
  assert.equal(refusedAt({ waived: true }), '');
});

let world: World;
let release: Release;
let rollouts: Rollouts;
let folder: string;
let now = T0;
const DIGEST = `sha256:${'a'.repeat(64)}`;

before(async () => {
  world = await createWorld({ now: () => now });
  folder = await mkdtemp(join(tmpdir(), 'headstart-rollout-'));
  const parts = { ...world.parts, evidence: openEvidence(folder) };
  release = createRelease(parts);
  const framework = shippedDocuments.get('house') ?? null;
  okOf(await createAdoptions(parts).adopt({ framework, trust: TRUST, act: houseAct() }));
  rollouts = createRollouts({ ...world.parts, release });
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

test('a rollout begins on an open stage alone, and when it fails the model is closed in the same transaction', async () => {
  const id = await world.model('rolled-out');
  okOf(await release.registerModel({ id, digest: DIGEST, isDemonstration: false }, 'operator'));
  assert.equal(refusalOf(await rollouts.begin(id, PLAN)).kind, 'not-found');
  const documents = houseDocuments({ model: id, modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' });
  okOf(await release.enact(documents, signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer])));
  okOf(await rollouts.begin(id, PLAN));
  now = later(60);
  assert.equal(okOf(await rollouts.analyse(id, new Map([['refusals', 0]]))).rollout.step, 1);
  assert.equal(okOf(await rollouts.analyse(id, new Map([['refusals', 1]]))).rollout.state, 'running');
  assert.equal((await release.stageOf(id)).stage, 'partner');
  assert.equal(okOf(await rollouts.analyse(id, new Map([['refusals', 1]]))).rollout.state, 'rolled-back');
  assert.equal((await release.stageOf(id)).stage, 'closed');
  assert.equal((await world.membership.listModels()).find((each) => each.id === id)?.stage, 'closed');
  assert.equal(refusalOf(await rollouts.analyse(id, new Map([['refusals', 0]]))).kind, 'not-running');
  now = T0;
});

test('what cannot be measured pauses, and a person lets it run again', async () => {
  const id = await world.model('paused');
  okOf(await release.registerModel({ id, digest: DIGEST, isDemonstration: false }, 'operator'));
  const documents = houseDocuments({ model: id, modelDigest: DIGEST, asOf: '2026-11-20T00:00:00Z', stage: 'partners' });
  okOf(await release.enact(documents, signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer])));
  okOf(await rollouts.begin(id, PLAN));
  assert.equal(okOf(await rollouts.analyse(id, new Map())).rollout.state, 'paused');
  assert.equal(okOf(await rollouts.resume(id)).state, 'running');
  assert.equal((await rollouts.find(id))?.state, 'running');
  assert.equal((await release.stageOf(id)).stage, 'partner');
});
