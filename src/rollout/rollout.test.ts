import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, refusalOf, until, type World } from '../../test/support/programme.ts';
import { houseAct, houseDocuments, SIGNERS, TRUST } from '../../test/support/release.ts';
import { createIncidents } from '../incident/index.ts';
import { countryKey } from '../membership/index.ts';
import { evaluate, shippedDocuments, signDecision } from '../policy/index.ts';
import { type Authority, countryTag, findGrant } from '../program/index.ts';
import { createAdoptions, createRelease, foreseeStage, openEvidence, type Release } from '../release/index.ts';
import { believe } from '../timekeeping/index.ts';
import type { Measurement } from './metric.ts';
import { type RolloutPlan, readPlan } from './plan.ts';
import { type Analysis, advanceRollout, analyse, type Rollout, resumeRollout } from './progress.ts';
import { createRollouts, type Rollouts } from './rollout.ts';

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
  stepBeganAt: T0,
  ...change,
});

test('a broken bound fails, what was not measured is inconclusive, and nothing at all is no success', () => {
  const two: RolloutPlan = {
    ...plan,
    metrics: [...plan.metrics, { name: 'patch-rate', atLeast: 0.5, atMost: undefined }],
  };
  const of = (...measured: [string, number][]): Analysis => analyse(two, new Map(measured));
  assert.equal(of(['refusals', 0.05], ['patch-rate', 0.5]), 'success');
  assert.equal(of(['refusals', 0.051], ['patch-rate', 0.5]), 'failure');
  assert.equal(of(['refusals', 0.01], ['patch-rate', 0.49]), 'failure');
  assert.equal(of(['refusals', 0.01]), 'inconclusive');
  assert.equal(of(['refusals', 0.9]), 'failure');
  assert.equal(of(['refusals', Number.NaN], ['patch-rate', 1]), 'inconclusive');
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

test('a plan in a form that is not known is refused with its place, and so is one that shrinks', () => {
  const refusedAt = (change: object): string => {
    const read = readPlan({ ...PLAN, ...change } as never);
    return read.ok ? 'read' : read.refusal.place;
  };
  const steps = (...each: object[]) => ({ steps: each.map((step) => ({ name: 'x', holdMinutes: 1, ...step })) });
  assert.equal(refusedAt({}), 'read');
  assert.equal(refusedAt({ steps: [] }), '/steps');
  assert.equal(refusedAt({ metrics: [] }), '/metrics');
  assert.equal(refusedAt({ metrics: [{ name: 'refusals' }] }), '/metrics/0');
  assert.equal(refusedAt({ metrics: [{ name: 'as I see it', atMost: 1 }] }), '/metrics/0/name');
  assert.equal(refusedAt({ steps: [{ name: 'x', holdMinutes: -1 }] }), '/steps/0/holdMinutes');
  assert.equal(refusedAt({ failureLimit: 1.5 }), '/failureLimit');
  assert.equal(refusedAt({ onFailure: 'hope' }), '/onFailure');
  assert.equal(refusedAt({ waived: true }), '/waived');
  assert.equal(refusedAt(steps({ share: 1.1 })), '/steps/0/share');
  assert.equal(refusedAt(steps({ share: 0.2 }, { share: 0.1 })), '/steps/1/share');
  assert.equal(refusedAt(steps({ regions: ['FR'] }, { regions: ['DE'] })), '/steps/1/regions');
  assert.equal(refusedAt(steps({}, { regions: ['DE'] })), '/steps/1/regions');
  assert.equal(refusedAt(steps({ regions: ['FR'] }, { regions: ['DE', 'FR'] }, {})), 'read');
  assert.equal(refusedAt(steps({ regions: ['Europe'] })), '/steps/0/regions/0');
  assert.equal(refusedAt(steps({ rates: { model: { perSecond: 0, burst: 1 } } })), '/steps/0/rates/model/perSecond');
});

let world: World;
let release: Release;
let rollouts: Rollouts;
let authority: Authority;
let folder: string;
let now = T0;
let measured: readonly Measurement[] = [];
let heldSince: Date | null = null;
const DIGEST = `sha256:${'a'.repeat(64)}`;
const refusals = (value: number): readonly Measurement[] => [{ name: 'refusals', value, source: 'test' }];

before(async () => {
  const clock = { now: () => now };
  world = await createWorld(clock);
  folder = await mkdtemp(join(tmpdir(), 'headstart-rollout-'));
  const evidence = openEvidence(folder);
  release = createRelease({ ...world.parts, evidence, rollOut: (...given) => rollouts.settle(...given) });
  const framework = shippedDocuments.get('house') ?? null;
  okOf(await createAdoptions({ ...world.parts, evidence }).adopt({ framework, trust: TRUST, act: houseAct() }));
  rollouts = createRollouts({
    ...{ ...world.parts, release, evidence },
    instants: { read: async (tx) => ({ ...(await believe(clock).read(tx)), heldSince }) },
    measure: async () => measured,
    shareKey: Buffer.alloc(32, 3),
    tagOf: (country) => countryTag(countryKey(world.vault), country),
  });
  authority = await world.authority();
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const known = new Set<string>();
async function ensureModel(id: string): Promise<void> {
  if (!known.has(id)) await world.model(id);
  known.add(id);
}

async function open(id: string, stage: 'internal' | 'partners' | 'trusted', steps?: object): Promise<void> {
  if (!(await release.listModels()).some((each) => each.id === id)) {
    await ensureModel(id);
    okOf(await release.registerModel({ id, digest: DIGEST, isDemonstration: false }, 'operator'));
  }
  const asOf = new Date(now.getTime() - 60_000).toISOString();
  const documents = houseDocuments({ model: id, modelDigest: DIGEST, asOf, stage });
  const signed = signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer]);
  okOf(await release.enact(documents, signed, steps && ({ ...PLAN, ...steps } as never)));
}

async function take(id: string, values: readonly Measurement[]) {
  measured = values;
  return okOf(await rollouts.analyse(id));
}

test('a rollout begins on an open stage alone, and when it fails the model is closed in the same transaction', async () => {
  const id = 'rolled-out';
  await ensureModel(id);
  okOf(await release.registerModel({ id, digest: DIGEST, isDemonstration: false }, 'operator'));
  assert.equal(refusalOf(await rollouts.begin(id, PLAN)).kind, 'not-found');
  await open(id, 'partners');
  okOf(await rollouts.begin(id, PLAN));
  now = later(60);
  assert.equal((await take(id, refusals(0))).rollout.step, 1);
  assert.equal((await take(id, refusals(1))).rollout.state, 'running');
  assert.equal((await release.stageOf(id)).stage, 'partner');
  assert.equal((await take(id, refusals(1))).rollout.state, 'rolled-back');
  assert.equal((await release.stageOf(id)).stage, 'closed');
  assert.equal((await world.membership.listModels()).find((each) => each.id === id)?.stage, 'closed');
  assert.equal(refusalOf(await rollouts.analyse(id)).kind, 'not-running');
  assert.deepEqual(
    (await rollouts.analyses(id)).map(({ step, analysis, measured: [first] }) => [step, analysis, first?.value]),
    [
      [1, 'failure', 1],
      [1, 'failure', 1],
      [0, 'success', 0],
    ],
  );
  now = T0;
});

test('what cannot be measured pauses, and a person lets it run again', async () => {
  const id = 'paused';
  await open(id, 'partners', {});
  assert.equal((await take(id, [])).rollout.state, 'paused');
  assert.equal(okOf(await rollouts.resume(id)).state, 'running');
  assert.equal((await rollouts.find(id))?.state, 'running');
  assert.equal((await release.stageOf(id)).stage, 'partner');
});

test('an incident pauses the rollout of its model even where it does not close it, and only a person lets it run again', async () => {
  const id = 'troubled';
  await open(id, 'partners', {});
  const incidents = createIncidents({
    ...{ ...world.parts, release },
    pauseRollout: (tx, model) => rollouts.pauseIn(tx, model),
  });
  const record = { kind: 'incident', awareAt: T0.toISOString(), timeZone: 'UTC', occurredAt: null, facts: {} };
  const fresh = { record, model: id, summary: 'odd answers', owner: 'a' };
  const { rolloutPaused, suspension } = okOf(await incidents.open(fresh, 'a'));
  assert.deepEqual([rolloutPaused, suspension, (await rollouts.find(id))?.state], [true, undefined, 'paused']);
  assert.equal(refusalOf(await rollouts.analyse(id)).kind, 'not-running');
  const low = { ...record, facts: { seriousHarmExcluded: true } };
  okOf(await rollouts.resume(id));
  assert.equal(okOf(await incidents.open({ ...fresh, record: low }, 'a')).rolloutPaused, false);
  const grave = okOf(await incidents.open({ ...fresh, record: { ...record, facts: { cyberBreach: true } } }, 'a'));
  assert.ok(grave.rolloutPaused && grave.suspension);
  okOf(await release.resume(grave.suspension, { actor: 'a', second: 'b' }));
  assert.equal((await rollouts.find(id))?.state, 'paused', 'open again, and still waiting');
  assert.equal(okOf(await incidents.open(fresh, 'a')).rolloutPaused, false, 'nothing runs that could be paused');
});

test('an order from outside comes first: while the model is closed nothing is analysed and no step is held', async () => {
  const id = 'ordered';
  await open(id, 'partners', {});
  const asked = { model: id, kind: 'order' as const, reason: 'export control', askedBy: 'operator' };
  const order = okOf(await release.suspend(asked));
  now = later(61);
  measured = refusals(0);
  assert.equal(refusalOf(await rollouts.analyse(id)).kind, 'closed');
  assert.equal((await rollouts.find(id))?.step, 0);
  okOf(await release.resume(order.id, { actor: 'a', second: 'b' }));
  assert.equal((await take(id, refusals(0))).rollout.step, 0);
  now = later(61 + 60);
  assert.equal((await take(id, refusals(0))).rollout.step, 1);
  now = T0;
});

test('by a clock that is doubted nobody more is let in, but what fails still fails', async () => {
  const id = 'doubted';
  await open(id, 'partners', { failureLimit: 0 });
  now = later(61);
  heldSince = now;
  assert.equal((await take(id, refusals(0))).rollout.step, 0);
  assert.equal((await take(id, refusals(1))).rollout.state, 'rolled-back');
  heldSince = null;
  now = T0;
});

test('a file of results counts for the step that it was attached in, and for no later one', async () => {
  const id = 'evaluated';
  const metrics = [{ name: 'containment-breach-bound', atMost: 0.05 }];
  await open(id, 'partners', { metrics, inconclusiveLimit: 9 });
  const bounds = (upperBound95: number) =>
    Buffer.from(JSON.stringify({ verdicts: { CONTAINED: 99, ATTEMPT: 0, BREACH: 0, INCONCLUSIVE: 0 }, upperBound95 }));
  assert.equal((await take(id, [])).analysis, 'inconclusive');
  okOf(await rollouts.attach(id, bounds(0.03), 'operator'));
  now = later(60);
  const first = await take(id, []);
  assert.deepEqual([first.analysis, first.rollout.step], ['success', 1]);
  assert.match(first.measured[0]?.sha256 ?? '', /^sha256:[0-9a-f]{64}$/);
  now = later(61);
  assert.equal((await take(id, [])).analysis, 'inconclusive');
  okOf(await rollouts.attach(id, bounds(0.2), 'operator'));
  assert.equal((await take(id, [])).analysis, 'failure');
  const none = JSON.stringify({ verdicts: { CONTAINED: 0 }, upperBound95: 0 });
  assert.equal(refusalOf(await rollouts.attach(id, Buffer.from(none), 'operator')).kind, 'malformed');
  now = T0;
});

/** Keys of so many organisations of a tier, each with the presented key; made before the model is registered and closed. */
async function members(tier: 'partner' | 'trusted', count: number, model: string, country?: string) {
  const made: { organisation: string; key: string }[] = [];
  await ensureModel(model);
  for (let at = 0; at < count; at += 1) {
    const name = `${tier} ${model} ${country ?? ''} ${at}`;
    const organisation = await world.organisation(name, tier, country);
    const person = await world.person(organisation, `p@${name.replaceAll(' ', '-')}.test`);
    made.push({ organisation, key: (await world.key(organisation, person, [model], tier)).key });
  }
  return made;
}

async function seen(): Promise<void> {
  const { rows } = await world.database.query<{ epoch: string }>('select epoch from program.epoch');
  await until(() => authority.epoch >= Number(rows[0]?.epoch));
}
const letIn = (keys: readonly { key: string; organisation: string }[], model: string): string[] =>
  keys
    .filter(({ key }) => {
      const caller = authority.findCaller(key);
      return caller && findGrant(caller, model, now);
    })
    .map(({ organisation }) => organisation);

test('gateways let in the share of a step and those from before, growth drops nobody, and the last step ends it', async () => {
  const id = 'shared';
  const partners = await members('partner', 2, id);
  const trusted = await members('trusted', 12, id);
  await open(id, 'partners');
  const share = (each: number) => ({ name: `${each}`, holdMinutes: 0, share: each });
  const steps = { steps: [share(0), share(0.3), share(0.7), share(1)] };
  const all = [...partners, ...trusted];
  const foreseen = okOf(await rollouts.foresee(id, 'trusted', { ...PLAN, ...steps } as never));
  const effect = okOf(await foreseeStage(world.database, id, 'trusted', now, foreseen));
  await seen();
  assert.equal(letIn(all, id).length, 2);
  now = later(1);
  await open(id, 'trusted', steps);
  let before: string[] = [];
  for (const [at] of steps.steps.entries()) {
    await seen();
    const inside = letIn(all, id);
    assert.deepEqual(
      before.filter((each) => !inside.includes(each)),
      [],
    );
    assert.equal(inside.length - 2, effect.steps[at]?.gain);
    if (at === 0) assert.equal(inside.length, 2);
    before = inside;
    assert.equal((await take(id, refusals(0))).rollout.state, at === 3 ? 'done' : 'running');
  }
  await seen();
  assert.equal(letIn(all, id).length, 14);
  assert.equal(effect.gain, 12);
  const { rows } = await world.database.query('select id from program.rollouts where id = $1', [id]);
  assert.deepEqual(rows, []);
  now = T0;
});

test('a rollout that fails and goes back leaves the model to those who had it before, and to nobody else', async () => {
  const id = 'gone-back';
  const [partner] = await members('partner', 1, id);
  const [trusted] = await members('trusted', 1, id);
  await open(id, 'partners');
  assert.ok(partner && trusted);
  now = later(1);
  await open(id, 'trusted', { failureLimit: 0, onFailure: 'back' });
  await seen();
  assert.equal(letIn([partner, trusted], id).length, 2);
  assert.equal((await take(id, refusals(1))).rollout.state, 'rolled-back');
  await seen();
  assert.deepEqual(letIn([partner, trusted], id), [partner.organisation]);
  now = T0;
});

test('a step in some countries lets in who is evidenced to be there alone', async () => {
  const id = 'regional';
  const french = await members('partner', 1, id, 'FR');
  const german = await members('partner', 1, id, 'DE');
  const unknown = await members('partner', 1, id);
  await open(id, 'partners', {
    steps: [
      { name: 'France', holdMinutes: 0, regions: ['FR'] },
      { name: 'all', holdMinutes: 0 },
    ],
  });
  await seen();
  const all = [...french, ...german, ...unknown];
  assert.deepEqual(letIn(all, id), [french[0]?.organisation]);
  await take(id, refusals(0));
  await seen();
  assert.equal(letIn(all, id).length, 3);
});

test('a decision on the same stage leaves the rollout where it is; one on another stage ends it', async () => {
  const id = 'renewed';
  const keys = await members('partner', 4, id);
  await open(id, 'partners', { steps: [{ name: 'nobody yet', holdMinutes: 0, share: 0 }] });
  now = later(1);
  await open(id, 'partners');
  await seen();
  assert.equal(letIn(keys, id).length, 0);
  now = later(2);
  await open(id, 'internal');
  assert.equal(await rollouts.find(id), undefined);
  now = T0;
});

test('what a step says of rates is known of who was let in by it, and of nobody from before', async () => {
  const id = 'rated';
  const [partner] = await members('partner', 1, id);
  const [trusted] = await members('trusted', 1, id);
  await open(id, 'partners');
  assert.ok(partner && trusted);
  now = later(1);
  const rates = { organisation: { perSecond: 1, burst: 2 } };
  await open(id, 'trusted', { steps: [{ name: 'slowly', holdMinutes: 0, rates }] });
  await seen();
  const ratesOf = (key: string) => authority.findCaller(key)?.grants.get(id)?.stepRates;
  assert.deepEqual([ratesOf(partner.key), ratesOf(trusted.key)], [undefined, rates]);
  now = T0;
});
