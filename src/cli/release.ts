/** `replay` and `release`: decisions worked out again by anybody, stages opened by those that a quorum signed, and closed. */

import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import { type Ed25519Signer, readEd25519Pem } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result } from '../lib/result.ts';
import {
  type DecisionDocuments,
  documentBytes,
  documentHash,
  evaluate,
  RELEASE_STAGES,
  type ReleaseStage,
  readDossierValue,
  signDecision,
} from '../policy/index.ts';
import {
  type Adoptions,
  findLogged,
  openEvidence,
  openReplayLog,
  type Release,
  type ReleaseRefusal,
  type ReplayRefusal,
  replay,
  type StageEffect,
  type StageOf,
  type SteppedEffect,
} from '../release/index.ts';
import type { TrustOptions } from '../tlog/index.ts';
import { readFileBytes } from './file-input.ts';
import { counted } from './member-input.ts';
import { openFrameworks, parseJson, readText, tellDecision, toEvaluationEnd } from './policy.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface ReleaseCommandParts {
  readonly terminal: Terminal;
  readonly release: () => Promise<Release>;
  readonly adoptions: () => Promise<Pick<Adoptions, 'document'>>;
  readonly foresee: (
    model: string,
    stage: ReleaseStage | 'closed',
    plan: Json | undefined,
  ) => Promise<Result<SteppedEffect, ReleaseRefusal>>;
  /** Where this installation's own log and evidence lie. Nothing is made by asking. */
  readonly places: { readonly log: string; readonly evidence: string };
}

const SECOND = "the operator's word for a second person";

export function registerReleaseCommands(program: Command, parts: ReleaseCommandParts): void {
  addReplay(program, parts);
  const release = program
    .command('release')
    .description('which stage a model is at, by decisions that a quorum signed');
  addModel(release, parts);
  addDecide(release, parts);
  addSuspend(release, parts);
  addForesee(release, parts);
}

function addForesee(release: Command, { terminal, foresee }: ReleaseCommandParts): void {
  release
    .command('dry-run <model> <stage>')
    .description('who would gain or lose the model by a stage, and by how many keys; changes nothing')
    .option('--plan <file>', 'a rollout on that stage: the same for each of its steps')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, named: string, { plan, json }: { plan?: string; json?: boolean }) => {
      const stage = (['closed', ...RELEASE_STAGES] as const).find((each) => each === named);
      if (!stage) throw new CommandEnd('usage', `no stage ${named}. There are closed, ${RELEASE_STAGES.join(', ')}`);
      const read = plan === undefined ? undefined : parseJson(plan, await readText(plan));
      const effect = settled(await foresee(model, stage, read));
      if (json) terminal.json({ ...toJson(effect), steps: effect.steps.map(toJson) });
      for (const [at, step] of effect.steps.entries()) tellEffect(terminal, step, `step ${at + 1}: `);
      tellEffect(terminal, effect, effect.steps.length > 0 ? 'afterwards: ' : '');
    });
}

const toJson = ({ gain, lose, keep, gaining, losing }: StageEffect) => ({
  ...{ gain, lose, keep },
  gaining: gaining.map((each) => ({ ...each })),
  losing: losing.map((each) => ({ ...each })),
});

function tellEffect(terminal: Terminal, effect: StageEffect, at: string): void {
  const { gain, lose, keep, gaining, losing } = effect;
  terminal.say(`${at}${gain} keys of ${gaining.length} organisations would gain it`);
  tellWho(terminal, '+', gaining);
  terminal.say(`${at}${lose} keys of ${losing.length} organisations would lose it; ${keep} would keep it`);
  tellWho(terminal, '-', losing);
}

const SHOWN_ORGANISATIONS = 20;

function tellWho(terminal: Terminal, sign: string, organisations: StageEffect['gaining']): void {
  for (const { organisation, name, keys } of organisations.slice(0, SHOWN_ORGANISATIONS))
    terminal.say(`  ${sign} ${name} (${organisation}): ${counted(keys, 'key')}`);
  const rest = organisations.length - SHOWN_ORGANISATIONS;
  if (rest > 0) terminal.say(`  ${sign} and ${rest} more, which --json names`);
}

interface ReplayOptions {
  readonly log?: string;
  readonly evidence?: string;
  readonly policy?: string;
  readonly key?: string;
  readonly wholeLog?: boolean;
  readonly json?: boolean;
}

async function findInWhole(log: string, trust: TrustOptions, name: string): ReturnType<typeof findLogged> {
  const opened = await openReplayLog(log, trust);
  return opened.ok ? ok(opened.value.find(name)) : opened;
}

function addReplay(program: Command, { terminal, places }: ReleaseCommandParts): void {
  program
    .command('replay <decision>')
    .description('work a decision out again from the log and the evidence alone: by its SHA-256, its entry or its file')
    .option('--log <dir-or-url>', "a log, instead of this installation's own")
    .option('--evidence <dir>', 'documents by their hash, instead of those kept here')
    .option('--policy <file>', 'whom to trust: a policy with the log and its witnesses')
    .option('--key <vkey>', "the log's key, or a file with it")
    .option('--whole-log', 'verify the log from its first entry, instead of proving that the decision is in it')
    .option('--json', 'one JSON value on standard output')
    .action(async (decision: string, options: ReplayOptions) => {
      const { log = places.log, evidence = places.evidence, json, wholeLog, ...trust } = options;
      const name = await toName(decision);
      const found = wholeLog ? await findInWhole(log, trust, name) : await findLogged(log, trust, name);
      if (!found.ok) throw toReplayEnd(found.refusal);
      const logged = found.value;
      if (!logged) throw toReplayEnd({ kind: 'not-logged', decision: name });
      const replayed = await replay(logged, openEvidence(evidence));
      if (!replayed.ok) {
        if (json) terminal.json({ same: false, why: replayed.refusal.kind });
        throw toReplayEnd(replayed.refusal);
      }
      const { decisionSha256, semantics } = replayed.value;
      if (json) terminal.json({ same: true, decisionSha256, semantics });
      terminal.say(`${decisionSha256}: the same bytes, under semantics ${semantics}`);
    });
}

/** A file is named by what it holds. */
async function toName(decision: string): Promise<string> {
  if (/^(sha256:)?[0-9a-f]{64}$|^entry_[0-9a-f]{32}$/.test(decision)) return decision;
  return sha256Hex(Buffer.from(await readText(decision)));
}

export function toReplayEnd(refusal: ReplayRefusal): CommandEnd {
  switch (refusal.kind) {
    case 'log-not-verified':
      return new CommandEnd(
        refusal.why === 'no-log' ? 'notFound' : 'failed',
        `the log is not verified: ${refusal.why}`,
      );
    case 'not-logged':
      return new CommandEnd('notFound', `no decision ${refusal.decision} stands in the log`);
    case 'input-missing':
      return new CommandEnd('failed', `${refusal.hash}, which the decision rests on, is not among the evidence`);
    case 'not-decided':
      return new CommandEnd('failed', `its inputs decide nothing here: ${refusal.why}`);
    case 'differs':
      return new CommandEnd('failed', `the log has ${refusal.logged}, its inputs give ${refusal.replayed}`);
  }
}

function addModel(release: Command, { terminal, release: service }: ReleaseCommandParts): void {
  release
    .command('model <id>')
    .description('register a model by its bytes; from then on it opens by decisions alone')
    .requiredOption('--digest <sha256>', 'sha256:…')
    .option('--demonstration', 'simulated evidence counts for it, and it stays a demonstration')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, options: { digest: string; demonstration?: boolean; json?: boolean }) => {
      const model = { id, digest: options.digest, isDemonstration: options.demonstration ?? false };
      const registered = settled(await (await service()).registerModel(model, OPERATOR));
      if (options.json) terminal.json({ ...registered });
      terminal.say(`${id} is registered${registered.isDemonstration ? ' as a demonstration' : ''} and closed`);
    });
  release
    .command('status [model]')
    .description('what gateways obey, by which decision, and what suspends it')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string | undefined, { json }: { json?: boolean }) => {
      const opened = await service();
      const names = model === undefined ? (await opened.listModels()).map(({ id }) => id) : [model];
      const stages = await Promise.all(names.map((id) => opened.stageOf(id)));
      if (json) terminal.json(stages.map(toShown));
      for (const each of stages) terminal.say(toLine(each));
    });
}

interface DecideOptions {
  readonly framework: readonly string[];
  readonly dossier: string;
  readonly trust: string;
  readonly statement: readonly string[];
  readonly sign?: readonly string[];
  readonly rollout?: string;
  readonly safetyCase?: string;
  readonly json?: boolean;
}

function addDecide(release: Command, { terminal, release: service, adoptions }: ReleaseCommandParts): void {
  release
    .command('decide')
    .description('decide on signed evidence; with the signatures of the quorum, open the stage')
    .requiredOption('--framework <file...>', 'framework files, or names of shipped ones')
    .requiredOption('--dossier <file>', 'model, digest, instant, stage; statements, trust and acts of adoption by hash')
    .requiredOption('--trust <file>', 'whose signature counts for what')
    .requiredOption('--statement <file...>', 'signed statements')
    .option('--sign <keyfile...>', 'Ed25519 keys (PEM) of the bodies that agree')
    .option('--safety-case <file>', 'the one that a statement stands for, by its hash')
    .option('--rollout <file>', 'a plan by which the stage opens in steps')
    .option('--json', 'one JSON value on standard output')
    .action(async (options: DecideOptions) => {
      const documents = await openDocuments(options, await adoptions());
      const decided = evaluate(documents);
      if (!decided.ok) throw toEvaluationEnd(decided.refusal);
      const opened = await service();
      const { sha256, entry } = settled(await opened.record(documents));
      tellDecision(terminal, decided.value);
      if (!options.sign) {
        if (options.json) terminal.json({ decisionSha256: sha256, entry, stage: decided.value.stage });
        if (!decided.value.granted) throw new CommandEnd('refused', `${decided.value.asked} is not granted`);
        return;
      }
      const signers: Ed25519Signer[] = [];
      for (const file of options.sign) signers.push(await openKey(file));
      const { rollout: file } = options;
      const plan = file === undefined ? undefined : parseJson(file, await readText(file));
      const stage = settled(await opened.enact(documents, signDecision(decided.value, signers), plan));
      if (options.json) terminal.json({ decisionSha256: sha256, entry, ...toShown(stage) });
      terminal.say(toLine(stage));
    });
}

async function openDocuments(options: DecideOptions, kept: Pick<Adoptions, 'document'>): Promise<DecisionDocuments> {
  const statements = new Map<string, Uint8Array>();
  for (const file of options.statement) {
    const bytes = await readFileBytes(file);
    statements.set(`sha256:${sha256Hex(bytes)}`, bytes);
  }
  if (options.safetyCase !== undefined) {
    const document = parseJson(options.safetyCase, await readText(options.safetyCase));
    statements.set(documentHash(document), documentBytes(document));
  }
  const dossier = parseJson(options.dossier, await readText(options.dossier));
  const read = readDossierValue(dossier);
  for (const hash of (read.ok && read.value.adoptions) || []) {
    const act = await kept.document(hash);
    if (act) statements.set(hash, act);
  }
  return {
    frameworks: await openFrameworks(options.framework),
    dossier,
    trust: parseJson(options.trust, await readText(options.trust)),
    find: (hash) => statements.get(hash),
  };
}

export async function openKey(file: string): Promise<Ed25519Signer> {
  try {
    return readEd25519Pem(await readText(file));
  } catch (error) {
    if (error instanceof CommandEnd) throw error;
    throw new CommandEnd('usage', `${file} holds no Ed25519 private key`);
  }
}

function addSuspend(release: Command, { terminal, release: service }: ReleaseCommandParts): void {
  release
    .command('suspend <model>')
    .description('close a model at once, whatever was decided; gateways obey within a second')
    .requiredOption('--reason <text>', 'for the record')
    .option('--order', 'an order from outside')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, { reason, order, json }: { reason: string; order?: boolean; json?: boolean }) => {
      const asked = { model, kind: order ? ('order' as const) : ('person' as const), reason, askedBy: OPERATOR };
      const { id } = settled(await (await service()).suspend(asked));
      if (json) terminal.json({ id, model });
      terminal.say(`${model} is closed: ${id}`);
    });
  release
    .command('resume <suspension>')
    .description('let through again what the decision in force opened')
    .option('--yes', 'stands for the second person that this takes; the log says so')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const hands = { actor: OPERATOR, ...(yes && { second: SECOND }) };
      const stage = settled(await (await service()).resume(id, hands));
      if (json) terminal.json(toShown(stage));
      terminal.say(toLine(stage));
    });
}

export function toShown({ model, isDemonstration, stage, decided, suspensions }: StageOf): {
  readonly [name: string]: Json;
} {
  return {
    model,
    demonstration: isDemonstration,
    stage: stage ?? null,
    decided: decided?.stage ?? null,
    decisionSha256: decided?.decision ?? null,
    since: decided?.since.toISOString() ?? null,
    endsAt: decided?.endsAt?.toISOString() ?? null,
    endsWith: decided?.endsWith ?? null,
    over: decided?.isOver ?? false,
    suspensions: suspensions.map(({ id, kind, reason }) => ({ id, kind, reason })),
  };
}

export function toLine({ model, stage, decided, suspensions, isDemonstration }: StageOf): string {
  const what = `${model}${isDemonstration ? ' (demonstration)' : ''}: ${stage ?? 'no decision speaks'}`;
  const why = suspensions.map(({ id, kind }) => `suspended by ${kind}, ${id}`);
  const ends = decided?.endsAt ? [`${decided.isOver ? 'over since' : 'until'} ${endOf(decided)}`] : [];
  return [what, ...(decided ? [`decision ${decided.decision}`] : []), ...ends, ...why].join('; ');
}

const endOf = ({ endsAt, endsWith }: NonNullable<StageOf['decided']>): string =>
  `${endsAt?.toISOString()}, when ${ENDING[endsWith ?? 'evidence']}`;

const ENDING = {
  deviation: 'its deviation expires',
  evidence: 'evidence it rests on is no longer valid',
  interpretation: 'a reading it rests on is no longer valid',
  'safety-case': 'its safety case is no longer valid',
  order: 'an order comes into force',
} as const;

export function settled<T>(outcome: Result<T, ReleaseRefusal>): T {
  if (outcome.ok) return outcome.value;
  throw toReleaseEnd(outcome.refusal);
}

const EXITS: Partial<Record<ReleaseRefusal['kind'], ExitName>> = {
  malformed: 'usage',
  'malformed-plan': 'usage',
  'not-found': 'notFound',
  exists: 'conflict',
  superseded: 'conflict',
  over: 'conflict',
};

export function toReleaseEnd(refusal: ReleaseRefusal): CommandEnd {
  const exit = EXITS[refusal.kind] ?? 'refused';
  switch (refusal.kind) {
    case 'malformed':
      return new CommandEnd(exit, `${refusal.what} cannot be understood`);
    case 'not-found':
    case 'exists':
      return new CommandEnd(
        exit,
        `there is ${refusal.kind === 'exists' ? 'already' : 'no'} ${refusal.what} ${refusal.named}`,
      );
    case 'not-granted':
      return new CommandEnd(exit, `${refusal.asked} is not granted: ${refusal.stage}`);
    case 'unsigned-evidence':
      return new CommandEnd(exit, 'a stage opens on signed evidence alone');
    case 'another-model':
      return new CommandEnd(exit, `the decision is about another model: ${refusal.what}`);
    case 'too-old':
      return new CommandEnd(
        exit,
        `it was decided as of ${refusal.asOf}; decisions are enacted within ${refusal.days} days`,
      );
    case 'superseded':
      return new CommandEnd(exit, `a later decision, as of ${refusal.asOf}, is in force`);
    case 'over':
      return new CommandEnd(exit, `it is over since ${refusal.at}: ${refusal.what} that it rests on has ended`);
    case 'quorum-missing':
      return new CommandEnd(exit, `the quorum is missing: ${refusal.verdict.missing.join('; ')}`);
    case 'not-as-counted': {
      const counted = refusal.counted === null ? 'and nothing can be counted' : `counted ${refusal.counted}`;
      return new CommandEnd(
        exit,
        `${refusal.metric} is said to be ${refusal.said}, ${counted}: \`release head-start\``,
      );
    }
    case 'not-reversed':
      return new CommandEnd(exit, 'no body that may reverse it signed the reversal');
    case 'not-adopted':
      return new CommandEnd(exit, `${refusal.framework} is not adopted: ${refusal.why}; see \`release adopt\``);
    case 'malformed-plan':
      return new CommandEnd(exit, `the plan at ${refusal.place || 'its root'}: ${refusal.why}`);
    case 'second-person-needed':
      return new CommandEnd(exit, 'letting through again takes two persons: --yes stands for the second one');
    default:
      return toEvaluationEnd(refusal);
  }
}
