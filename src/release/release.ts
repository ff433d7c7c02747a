/**
 * Release: decisions recorded with all their inputs, stages opened by those that a quorum signed, and whatever closes a model
 * at once. The stage that gateways obey is written in the transaction that decides it.
 *
 *   recorded ──quorum──▶ enacted ──▶ stage open ──suspension──▶ closed ──all lifted──▶ stage open
 *                           │            └──what it rests on ends──▶ closed, until another decision is enacted
 *                           └──a body reverses it──▶ the same
 */
import type { Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import { type Envelope, readEnvelope } from '../lib/dsse.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  CURRENT_SEMANTICS,
  type Decision,
  type DecisionDocuments,
  decisionBytes,
  decisionSha256,
  documentBytes,
  type EvaluateRefusal,
  evaluate,
  findUncounted,
  isCounted,
  judgeQuorum,
  openGround,
  type QuorumVerdict,
  readDossierValue,
  readTrust,
  type Trust,
} from '../policy/index.ts';
import { createNoticeStore, lockEpoch } from '../program/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import type { Tlog } from '../tlog/index.ts';
import { findUnadopted } from './adoption-service.ts';
import { type NamedDocument, sayDecision } from './decision-documents.ts';
import {
  createDecisionStore,
  createStageStore,
  type OpenStage,
  type RegisteredModel,
  type Suspension,
} from './decision-store.ts';
import type { EvidenceFiles } from './evidence-client.ts';
import {
  type AskedSuspension,
  endStage,
  planEnd,
  publishStage,
  recordEnd,
  resume,
  type StageOf,
  say,
  stageOf,
  suspend,
} from './stage-service.ts';

export interface ReleaseParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Pick<Tlog, 'append'>;
  readonly evidence: EvidenceFiles;
  /** Metrics of the head start as the cases say them now; a stage opens on none that says more. */
  readonly countMetrics?: (nature: 'real' | 'simulated') => Promise<readonly { name: string; value: number }[]>;
  /** In the transaction that opens a stage: what becomes of a rollout, or that one begins by this plan. */
  readonly rollOut?: (
    tx: Transaction,
    opened: Pick<OpenStage, 'model' | 'stage' | 'decision'>,
    plan?: Json,
  ) => Promise<Result<unknown, ReleaseRefusal>>;
}

export interface Recorded {
  readonly decision: Decision;
  readonly sha256: string;
  /** Of the log. */
  readonly entry: string;
}

export type ReleaseRefusal =
  | EvaluateRefusal
  | { readonly kind: 'malformed'; readonly what: string }
  | { readonly kind: 'not-found'; readonly what: string; readonly named: string }
  | { readonly kind: 'exists'; readonly what: string; readonly named: string }
  | { readonly kind: 'not-granted'; readonly asked: string; readonly stage: string }
  /** Opening takes evidence that somebody signed. */
  | { readonly kind: 'unsigned-evidence' }
  | { readonly kind: 'another-model'; readonly what: string }
  | { readonly kind: 'too-old'; readonly asOf: string; readonly days: number }
  /** A later decision is in force: an earlier one does not come back. */
  | { readonly kind: 'superseded'; readonly asOf: string }
  /** What it rests on has ended. */
  | { readonly kind: 'over'; readonly at: string; readonly what: string }
  | { readonly kind: 'quorum-missing'; readonly verdict: QuorumVerdict }
  /** No body that may reverse it signed the reversal. */
  | { readonly kind: 'not-reversed' }
  | { readonly kind: 'second-person-needed' }
  | { readonly kind: 'not-as-counted'; readonly metric: string; readonly said: number; readonly counted: number | null }
  | { readonly kind: 'not-adopted'; readonly framework: string; readonly why: string }
  | { readonly kind: 'malformed-plan'; readonly place: string; readonly why: string };

/** A decision is enacted within so many days of the instant it was made as of. */
export const ENACT_WITHIN_DAYS = 7;
const DAY_MS = 86_400_000;

export const REGISTERED = 'headstart/model-registered/v1';
export const OPENED = 'headstart/stage-opened/v1';
export const REVERSED = 'headstart/decision-reversed/v1';

export type Release = ReturnType<typeof createRelease>;
export type Outcome<T> = Promise<Result<T, ReleaseRefusal>>;

export function createRelease(parts: ReleaseParts) {
  const { database } = parts;
  return {
    /** What kind of model it is, once and for all: its bytes, and whether it is a demonstration. */
    registerModel: (model: RegisteredModel, actor: string): Outcome<RegisteredModel> =>
      within(database, (tx) => registerModel(tx, parts, model, actor)),
    listModels: () => createDecisionStore(database).listModels(),

    /** Decides, keeps every document and enters the hashes of all in the log. Opens nothing. */
    record: (documents: DecisionDocuments): Outcome<Recorded> => recordDecision(parts, documents),

    /** Opens the stage that a recorded decision grants, if `envelope` carries its quorum; with a plan, step by step. */
    enact: (documents: DecisionDocuments, envelope: Uint8Array, plan?: Json): Outcome<StageOf> =>
      enact(parts, documents, envelope, plan),
    /** A body that may reverse it does: the model is closed at once. */
    reverse: (documents: DecisionDocuments, reversal: Uint8Array, semantics = CURRENT_SEMANTICS): Outcome<StageOf> =>
      reverse(parts, documents, reversal, semantics),

    /** Closes the model at once, whatever was decided. One person is enough. */
    suspend: (asked: AskedSuspension): Outcome<Suspension> => within(database, (tx) => suspend(tx, parts, asked)),
    suspendIn: (tx: Transaction, asked: AskedSuspension): Outcome<Suspension> => suspend(tx, parts, asked),
    /** Lets through again what the decision in force opened. Takes two. */
    resume: (id: string, hands: { readonly actor: string; readonly second?: string | undefined }): Outcome<StageOf> =>
      within(database, (tx) => resume(tx, parts, id, hands)),

    /** Puts on record that an open stage is over. Gateways have closed it at that instant already. */
    end: (model: string): Outcome<StageOf> => within(database, (tx) => endStage(tx, parts, model)),

    /** Of a model, those that were lifted among them. */
    suspensionsOf: (model: string) => createStageStore(database).listSuspensions(model, { withLifted: true }),
    stageOf: (model: string): Promise<StageOf> => stageOf(database, model),
    stageIn: stageOf,
  };
}

async function registerModel(
  tx: Transaction,
  parts: ReleaseParts,
  model: RegisteredModel,
  actor: string,
): Outcome<RegisteredModel> {
  if (!/^sha256:[0-9a-f]{64}$/.test(model.digest)) return refuse({ kind: 'malformed', what: 'the digest: sha256:…' });
  await lockEpoch(tx);
  const isNew = await createDecisionStore(tx).register(model, actor, parts.clock.now());
  if (!isNew) return refuse({ kind: 'exists', what: 'model', named: model.id });
  // From now on it opens by decisions alone.
  await createNoticeStore(tx).setStage(model.id, { stage: 'closed', isByDecision: true });
  await say(tx, parts, REGISTERED, model.digest, { demonstration: model.isDemonstration, by: actor });
  return ok(model);
}

async function recordDecision(parts: ReleaseParts, documents: DecisionDocuments): Outcome<Recorded> {
  const decided = evaluate(documents, CURRENT_SEMANTICS);
  if (!decided.ok) return decided;
  const decision = decided.value;
  const sha256 = decisionSha256(decision);
  const { evidence, database, log, clock } = parts;
  const inputs: NamedDocument[] = [{ name: 'dossier', hash: await evidence.put(documentBytes(documents.dossier)) }];
  for (const [at, framework] of documents.frameworks.entries()) {
    inputs.push({ name: `framework/${at}`, hash: await evidence.put(documentBytes(framework)) });
  }
  const dossier = readDossierValue(documents.dossier);
  const named = {
    statement: decision.inputs.statements,
    adoption: (dossier.ok && dossier.value.adoptions) || [],
  };
  const isSigned = named.statement.length + named.adoption.length > 0;
  if (isSigned && documents.trust !== undefined) {
    inputs.push({ name: 'trust', hash: await evidence.put(documentBytes(documents.trust)) });
  }
  for (const [kind, hashes] of Object.entries(named)) {
    for (const [at, hash] of hashes.entries()) {
      const bytes = documents.find(hash);
      if (bytes) inputs.push({ name: `${kind}/${at}`, hash: await evidence.put(bytes) });
    }
  }
  const { safetyCase } = decision.inputs;
  const bytes = safetyCase ? documents.find(safetyCase) : undefined;
  if (bytes) inputs.push({ name: 'safety-case', hash: await evidence.put(bytes) });
  await evidence.put(decisionBytes(decision));
  return within(database, async (tx) => {
    const store = createDecisionStore(tx);
    await store.lockDecisions();
    const before = await store.findEntry(sha256);
    if (before !== undefined) return ok({ decision, sha256, entry: before });
    const said = await log.append(tx, { type: 'statement', ...sayDecision(decision, sha256, inputs) });
    if (!said.ok) return refuse({ kind: 'malformed', what: `the decision for the log: ${said.refusal.kind}` });
    await store.insert(decision, sha256, said.value, clock.now());
    return ok({ decision, sha256, entry: said.value });
  });
}

/** What was decided, the signatures on it and who counts, all checked from the documents themselves. */
function openSigned(
  documents: DecisionDocuments,
  bytes: Uint8Array,
  semantics = CURRENT_SEMANTICS,
): Result<{ readonly decision: Decision; readonly envelope: Envelope; readonly trust: Trust }, ReleaseRefusal> {
  const decided = evaluate(documents, semantics);
  if (!decided.ok) return decided;
  const dossier = readDossierValue(documents.dossier);
  if (!dossier.ok) return dossier;
  if (dossier.value.statements.length === 0 || documents.trust === undefined)
    return refuse({ kind: 'unsigned-evidence' });
  const trust = readTrust(documents.trust);
  if (!trust.ok) return trust;
  const envelope = readEnvelope(bytes);
  if (!envelope.ok) return refuse({ kind: 'malformed', what: 'the envelope of signatures' });
  return ok({ decision: decided.value, envelope: envelope.value, trust: trust.value });
}

async function enact(
  parts: ReleaseParts,
  documents: DecisionDocuments,
  bytes: Uint8Array,
  plan?: Json,
): Outcome<StageOf> {
  const opened = openSigned(documents, bytes);
  if (!opened.ok) return opened;
  const { decision, envelope, trust } = opened.value;
  const { asked, stage, model, asOf } = decision;
  if (!decision.granted || stage === 'closed') return refuse({ kind: 'not-granted', asked, stage });
  const verdict = judgeQuorum(decision, envelope, trust);
  if (!verdict.met) return refuse({ kind: 'quorum-missing', verdict });
  const now = parts.clock.now();
  const age = now.getTime() - Date.parse(asOf);
  if (age < 0 || age > ENACT_WITHIN_DAYS * DAY_MS) return refuse({ kind: 'too-old', asOf, days: ENACT_WITHIN_DAYS });
  const uncounted = await findUncountedIn(parts, documents);
  if (uncounted) return refuse({ kind: 'not-as-counted', ...uncounted });
  const recorded = await recordDecision(parts, documents);
  if (!recorded.ok) return recorded;
  const { sha256 } = recorded.value;
  const signatures = await parts.evidence.put(bytes);
  return within(parts.database, async (tx): Outcome<StageOf> => {
    await lockEpoch(tx);
    const store = createDecisionStore(tx);
    const other = mismatch(await store.findModel(model), decision);
    if (other) return refuse(other);
    const unadopted = await findUnadopted(tx, decision);
    if (unadopted) return refuse(unadopted);
    const stages = createStageStore(tx);
    const inForce = await stages.findStage(model);
    if (inForce && Date.parse(asOf) < inForce.asOf.getTime())
      return refuse({ kind: 'superseded', asOf: inForce.asOf.toISOString() });
    const { ends } = decision;
    if (ends && new Date(ends.at) <= (await stages.instant())) return refuse({ kind: 'over', ...ends });
    if (inForce?.isOver) await recordEnd(tx, parts, inForce);
    const entry = await say(
      tx,
      parts,
      OPENED,
      decision.modelDigest,
      {
        stage,
        signedBy: [...verdict.signed],
        notified: decision.quorum.flatMap(({ framework, notify }) => notify.map((body) => `${framework}/${body}`)),
        demonstration: decision.demonstration,
        ...(ends && { ends: { at: ends.at, with: ends.what } }),
      },
      [
        { name: 'decision', sha256 },
        { name: 'signatures', sha256: signatures.slice('sha256:'.length) },
      ],
    );
    if (!(await store.enact(sha256, signatures, entry, now)))
      return refuse({ kind: 'exists', what: 'enactment', named: sha256 });
    await stages.open({ model, decision: sha256, stage, since: now }, inForce === undefined || inForce.isOver);
    if (ends) await planEnd(tx, model, new Date(ends.at));
    const stepped = await parts.rollOut?.(tx, { model, stage, decision: sha256 }, plan);
    if (stepped?.ok === false) return stepped;
    return publishStage(tx, model);
  });
}

/** What the statements say of the head start, held against the cases. */
async function findUncountedIn({ countMetrics }: ReleaseParts, documents: DecisionDocuments) {
  const ground = openGround(documents);
  if (!ground.ok || !countMetrics) return undefined;
  const { metrics } = ground.value.dossier;
  for (const nature of ['real', 'simulated'] as const) {
    const said = metrics.filter((each) => isCounted(each) && (each.nature ?? 'real') === nature);
    const uncounted = said.length > 0 && findUncounted(said, await countMetrics(nature));
    if (uncounted) return uncounted;
  }
  return undefined;
}

function mismatch(registered: RegisteredModel | undefined, decision: Decision): ReleaseRefusal | undefined {
  const { model, modelDigest, demonstration } = decision;
  if (!registered) return { kind: 'not-found', what: 'registered model', named: model };
  if (registered.digest !== modelDigest) return { kind: 'another-model', what: `its digest is ${registered.digest}` };
  if (registered.isDemonstration === demonstration) return undefined;
  return {
    kind: 'another-model',
    what: `it is ${registered.isDemonstration ? '' : 'not '}registered as a demonstration`,
  };
}

/** Under the semantics that it was made under, which may be superseded. */
async function reverse(
  parts: ReleaseParts,
  documents: DecisionDocuments,
  bytes: Uint8Array,
  semantics: number,
): Outcome<StageOf> {
  const opened = openSigned(documents, bytes, semantics);
  if (!opened.ok) return opened;
  const { decision, envelope, trust } = opened.value;
  const { reversedBy } = judgeQuorum(decision, envelope, trust, [envelope]);
  if (reversedBy === null) return refuse({ kind: 'not-reversed' });
  const sha256 = decisionSha256(decision);
  const hash = await parts.evidence.put(bytes);
  return within(parts.database, async (tx): Outcome<StageOf> => {
    await lockEpoch(tx);
    if (!(await createDecisionStore(tx).reverse(sha256, reversedBy, parts.clock.now())))
      return refuse({ kind: 'not-found', what: 'enacted decision', named: sha256 });
    await say(tx, parts, REVERSED, decision.modelDigest, { by: reversedBy }, [
      { name: 'decision', sha256 },
      { name: 'reversal', sha256: hash.slice('sha256:'.length) },
    ]);
    return publishStage(tx, decision.model);
  });
}
