/**
 * The demonstration of a release: a model that is marked as one, behind a mock provider, is opened to partners by signed
 * decisions on this installation's own records, closed by an incident at a real gateway, and restored in two stages.
 *
 *   closed ─decision─▶ internal ─checks at the gate─decision─▶ partners ─incident─▶ closed
 *                         ▲                                        ▲                  │
 *                         └── decision, two persons resume ────────┼──── reviewed ◀───┘
 *                                       └──────── decision ────────┘
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Incidents } from '../incident/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Keys, Membership, Stops } from '../membership/index.ts';
import type { Tier } from '../program/index.ts';
import { type Adoptions, type EvidenceFiles, openReplayLog, type Release, replay } from '../release/index.ts';
import type { Tlog } from '../tlog/index.ts';
import { type CallAnswer, type CallOptions, callModel } from './call-client.ts';
import { createDecider, type Decider, type Opened } from './decision-service.ts';
import { checksResult, type GateChecks, type InstallationRecords, resultsOf, SAFEGUARDS } from './evidence.ts';
import { DEMONSTRATION_MODEL, modelDigest, PROVIDER_VARIABLE } from './provider-service.ts';
import { demonstrationCase } from './safety-case.ts';
import { settle } from './settle.ts';
import { type Demonstrated, type Restored, toLines } from './told.ts';

export interface DemonstrationParts {
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly membership: Pick<
    Membership,
    'addModel' | 'addOrganisation' | 'findOrganisation' | 'addPerson' | 'findByEmail'
  >;
  readonly approve: (organisation: string, tier: Tier) => Promise<void>;
  readonly keys: Pick<Keys, 'createKey' | 'revokeKey'>;
  readonly stops: Pick<Stops, 'set' | 'lift'>;
  readonly ledger: Pick<Ledger, 'grantCredit' | 'showCredit'>;
  readonly release: Release;
  readonly adoptions: Adoptions;
  readonly incidents: Incidents;
  readonly evidence: EvidenceFiles;
  readonly log: Pick<Tlog, 'sequence' | 'directory'>;
  /** Of the mock provider. */
  readonly providerUrl: string;
  /** Of a gateway that runs now. */
  readonly gatewayUrl: string;
  readonly say: (line: string) => void;
}

interface Caller {
  readonly id: string;
  readonly key: string;
}

const ACTOR = 'the demonstration';
const REVIEW = {
  schema: 'headstart-incident-review/1',
  happened: 'DEMONSTRATION: nothing. An incident was opened to show what it closes, and worked through.',
  causes: ['None: it was opened on purpose.'],
  effects: ['The model was closed at the gate until two hands let it through again.'],
  changes: [],
};
const SECOND = 'the demonstration, for a second person (one person)';
/** Free of charge would hide that calls are metered. Micro-dollars per million tokens. */
const PRICES = { input: 1_000_000, output: 5_000_000, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1 };
const CREDIT_MICRO = 1_000_000;
/** Within which a gateway must have heard of a change; it promises a second. */
const HEARD_WITHIN_MS = 10_000;
const BETWEEN_CALLS_MS = 2;

export async function demonstrate(parts: DemonstrationParts, records: InstallationRecords): Promise<Demonstrated> {
  const decider = createDecider(parts);
  await setUp(parts, decider);
  const digests = await stateRecords(decider, records);
  const inner = await decider.open('internal');
  const insider = await createCaller(parts, 'internal');
  await untilStatus(parts, insider, 200);
  const checks = await checkGate(parts, insider);
  const checked = await decider.stateResults([checksResult(checks)]);
  for (const { id, on } of SAFEGUARDS) {
    const evidence = on.flatMap((name) => checked.get(name) ?? digests.get(name) ?? []);
    decider.state('safeguards', { framework: 'house', id, standing: evidence.length === on.length, evidence });
  }
  await decider.stateCase(demonstrationCase(DEMONSTRATION_MODEL, modelDigest(), parts.clock.now()));
  const opened = await decider.open('partners');
  const partner = await createCaller(parts, 'partner');
  const answered = await untilStatus(parts, partner, 200);
  const paused = await pause(parts, partner);
  const { decisions, ...restored } = await restore(parts, decider, paused, { insider, partner });
  for (const { id } of [insider, partner]) settle(await parts.keys.revokeKey(id, ACTOR));
  const { decided, stage } = await parts.release.stageOf(DEMONSTRATION_MODEL);
  const demonstrated: Demonstrated = {
    ...{ model: DEMONSTRATION_MODEL, records, checks, restored },
    stage: stage === 'partner' ? (decided?.stage ?? 'closed') : 'closed',
    decisionSha256: decided?.decision ?? '',
    replayed: await replayAll(parts, [inner, opened, ...decisions]),
    others: decider.askOthers('partners'),
    quorum: opened.decision.quorum.flatMap(({ approve }) => ('all' in approve ? approve.all : approve.any)),
    frameworks: opened.decision.inputs.frameworks.map(({ id, version }) => `${id} ${version}`),
    receipt: answered.receipt ?? null,
    ...{ incident: paused.incident, refusal: paused.refusal, refusedAfterMs: paused.refusedAfterMs },
  };
  for (const line of toLines(demonstrated)) parts.say(line);
  return demonstrated;
}

/** May run again after a start that was killed: what is there stays, and what closed the model then is lifted. */
async function setUp(parts: DemonstrationParts, decider: Decider): Promise<void> {
  const { membership, release } = parts;
  const model = { id: DEMONSTRATION_MODEL, protocol: 'anthropic', url: parts.providerUrl, prices: PRICES };
  settle(await membership.addModel({ ...model, apiKeyEnv: PROVIDER_VARIABLE }, { actor: ACTOR, replace: true }));
  const known = (await release.listModels()).some(({ id }) => id === DEMONSTRATION_MODEL);
  if (!known) {
    const registered = { id: DEMONSTRATION_MODEL, digest: modelDigest(), isDemonstration: true };
    settle(await release.registerModel(registered, ACTOR));
  }
  await decider.adopt();
  for (const { id, kind } of (await release.stageOf(DEMONSTRATION_MODEL)).suspensions)
    if (kind === 'incident') settle(await release.resume(id, { actor: ACTOR, second: SECOND }));
}

async function stateRecords(decider: Decider, records: InstallationRecords): Promise<ReadonlyMap<string, string>> {
  const digests = await decider.stateResults(resultsOf(records));
  // Of a mock nothing can be ruled out by a sample; the gate treats it as crossed.
  const claim = { framework: 'house', category: 'cyber', level: 'uplift', value: 'cannot-rule-out' };
  const evidence = [digests.get('containment-evaluation') ?? ''];
  decider.state('determinations', { ...claim, evidence, nature: 'simulated', modelDigest: modelDigest() });
  for (const { name, value, source } of records.metrics) {
    decider.state('metrics', { name, value, source, nature: 'simulated' });
  }
  return digests;
}

async function createCaller(parts: DemonstrationParts, tier: Tier): Promise<Caller & { readonly person: string }> {
  const { membership, keys, ledger } = parts;
  const name = `Demonstration (${tier})`;
  const found = await membership.findOrganisation(name);
  const organisation = found.ok ? found.value.id : settle(await membership.addOrganisation({ name }, ACTOR));
  if (!found.ok || found.value.standing !== 'approved') await parts.approve(organisation, tier);
  const email = `${tier}@demonstration.invalid`;
  const [known] = await membership.findByEmail(email);
  const person = known?.id ?? settle(await membership.addPerson({ organisation, email }, ACTOR));
  const { availableMicro } = await ledger.showCredit(organisation);
  if (availableMicro < CREDIT_MICRO) settle(await ledger.grantCredit(organisation, CREDIT_MICRO, ACTOR));
  const request = { organisation, person, models: [DEMONSTRATION_MODEL], tier };
  return { ...settle(await keys.createKey(request, ACTOR)), person };
}

const call = ({ gatewayUrl }: DemonstrationParts, options: CallOptions): Promise<CallAnswer> =>
  callModel(gatewayUrl, DEMONSTRATION_MODEL, options);

/** The first answer with that status, or that refusal. */
async function untilStatus(parts: DemonstrationParts, { key }: Caller, wanted: number | string): Promise<CallAnswer> {
  const end = parts.monotonicMs() + HEARD_WITHIN_MS;
  for (;;) {
    const answer = await call(parts, { key });
    if (answer.status === wanted || answer.refusal === wanted) return answer;
    if (parts.monotonicMs() > end)
      throw new Error(`the gateway answered ${answer.status} ${answer.refusal ?? ''} and never ${wanted}`);
    await sleep(BETWEEN_CALLS_MS);
  }
}

async function checkGate(
  parts: DemonstrationParts,
  insider: Caller & { readonly person: string },
): Promise<GateChecks> {
  const isRefused = async (options: CallOptions): Promise<boolean> =>
    (await call(parts, options)).refusal !== undefined;
  const withoutKey = await isRefused({});
  const unknownKey = await isRefused({ key: `${insider.key}x` });
  const foreignScope = await isRefused({ key: insider.key, scope: 'scope_00000000000000000000000000000000' });
  const asked = { person: insider.person, reason: 'the demonstration tries its stop switch' };
  const { stop } = settle(await parts.stops.set(asked, { actor: ACTOR, second: SECOND }));
  const from = parts.monotonicMs();
  const { refusal } = await untilStatus(parts, insider, 'stopped');
  const stoppedAfterMs = Math.round(parts.monotonicMs() - from);
  settle(await parts.stops.lift(stop.id, { actor: ACTOR, second: SECOND }));
  const again = await untilStatus(parts, insider, 200);
  const stopped = refusal === 'stopped';
  return { withoutKey, unknownKey, foreignScope, stopped, stoppedAfterMs, answeredAgain: again.status === 200 };
}

/** From the log and the evidence alone. */
async function replayAll(parts: DemonstrationParts, opened: readonly Opened[]): Promise<boolean> {
  await parts.log.sequence();
  const log = await openReplayLog(parts.log.directory, {});
  if (!log.ok) return false;
  for (const { sha256 } of opened) {
    const logged = log.value.find(sha256);
    const again = logged && (await replay(logged, parts.evidence));
    if (!again?.ok) return false;
  }
  return true;
}

interface Paused {
  readonly incident: string;
  readonly suspension: string;
  readonly refusal: string;
  readonly refusedAfterMs: number;
}

async function pause(parts: DemonstrationParts, partner: Caller): Promise<Paused> {
  const at = parts.clock.now().toISOString();
  const record = { kind: 'incident', awareAt: at, occurredAt: at, timeZone: 'UTC', facts: { activelyExploited: true } };
  const summary =
    'DEMONSTRATION: nothing happened. Opened to show that a serious incident closes its model at the gate.';
  const fresh = { record, model: DEMONSTRATION_MODEL, summary, owner: ACTOR };
  const { incident, suspension } = settle(await parts.incidents.open(fresh, ACTOR));
  const from = parts.monotonicMs();
  if (suspension === undefined) throw new Error('a serious incident did not close its model');
  const { status, refusal } = await untilStatus(parts, partner, 404);
  return {
    ...{ incident: incident.id, suspension, refusal: `${status} ${refusal ?? ''}`.trim() },
    refusedAfterMs: Math.round(parts.monotonicMs() - from),
  };
}

async function restore(
  parts: DemonstrationParts,
  decider: Decider,
  { incident, suspension }: Paused,
  { insider, partner }: { readonly insider: Caller; readonly partner: Caller },
): Promise<Restored & { readonly decisions: readonly Opened[] }> {
  for (const step of ['contain', 'resolve'] as const)
    settle(await parts.incidents.step(incident, step, { actor: ACTOR, note: 'demonstration' }));
  settle(await parts.incidents.review(incident, REVIEW, ACTOR));
  settle(await parts.incidents.publish(incident, { actor: ACTOR, second: SECOND }));
  // Decided while it is closed, so that no wider ring is open for a moment.
  const inner = await decider.open('internal');
  settle(await parts.release.resume(suspension, { actor: ACTOR, second: SECOND }));
  const first = await untilStatus(parts, insider, 200);
  const waiting = await call(parts, { key: partner.key });
  const outer = await decider.open('partners');
  const last = await untilStatus(parts, partner, 200);
  return {
    decisions: [inner, outer],
    internalAnswered: first.status === 200,
    partnerWaited: waiting.status !== 200,
    partnerAnswered: last.status === 200,
  };
}
