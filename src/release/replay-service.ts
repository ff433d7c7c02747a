/**
 * Replays decisions from the log and the evidence alone, as a stranger would: the entry is proven to be in the log, or the log
 * verified from its first entry, every input is taken by the hash that the entry holds, and the decision is worked out again
 * under the semantics it was made under.
 */
import { readUtf8 } from '../lib/bytes.ts';
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  type DecisionDocuments,
  decisionBytes,
  decisionSha256,
  evaluate,
  SEMANTICS,
  type Semantics,
} from '../policy/index.ts';
import { proveWanted, readEntry, type TrustOptions, verifyLog } from '../tlog/index.ts';
import { ADOPTED } from './adoption-service.ts';
import { DECIDED, type LoggedDecision, readLoggedDecision } from './decision-documents.ts';
import type { EvidenceFiles } from './evidence-client.ts';
import { OPENED, REVERSED } from './release.ts';

export type ReplayRefusal =
  | { readonly kind: 'log-not-verified'; readonly why: string }
  | { readonly kind: 'not-logged'; readonly decision: string }
  | { readonly kind: 'input-missing'; readonly hash: string }
  | { readonly kind: 'not-decided'; readonly why: string }
  | { readonly kind: 'differs'; readonly logged: string; readonly replayed: string };

export interface Replayed {
  readonly decisionSha256: string;
  readonly semantics: number;
  readonly bytes: Uint8Array;
}

export interface ReplayLog {
  /** By the SHA-256 of the decision, or by the id of the log's entry. */
  find(name: string): LoggedDecision | undefined;
  /** All of them, in the order of the log. */
  readonly all: readonly LoggedDecision[];
}

/** Verifies the whole log once. */
export async function openReplayLog(target: string, options: TrustOptions): Promise<Result<ReplayLog, ReplayRefusal>> {
  const all: LoggedDecision[] = [];
  const named = new Map<string, LoggedDecision>();
  const report = await verifyLog(target, options, (_index, body) => {
    const entry = readEntry(body);
    if (!entry.ok || entry.value.statement.type !== 'statement') return;
    const logged = readLoggedDecision(entry.value.statement);
    if (!logged) return;
    if (!named.has(logged.sha256)) all.push(logged);
    named.set(logged.sha256, logged);
    named.set(entry.value.statement.id, logged);
  });
  if (!report.ok) return refuse({ kind: 'log-not-verified', why: report.refusal.kind });
  return ok({ all, find: (name) => named.get(name.replace(/^sha256:/, '')) });
}

/**
 * One decision, found by its SHA-256 or its entry and proven to be in the log: its inclusion under the signed head, not the
 * whole log. Undefined where the log shows none.
 */
export async function findLogged(
  target: string,
  options: TrustOptions,
  name: string,
): Promise<Result<LoggedDecision | undefined, ReplayRefusal>> {
  const wanted = name.replace(/^sha256:/, '');
  const read = (body: Uint8Array): LoggedDecision | undefined => {
    const entry = readEntry(body);
    if (!entry.ok || entry.value.statement.type !== 'statement') return undefined;
    const logged = readLoggedDecision(entry.value.statement);
    return logged && [logged.sha256, entry.value.statement.id].includes(wanted) ? logged : undefined;
  };
  const proven = await proveWanted(target, options, (body) => read(body) !== undefined);
  if (!proven.ok) return refuse({ kind: 'log-not-verified', why: proven.refusal.kind });
  return ok(proven.value && read(proven.value.entry));
}

/** Documents that the log names for decisions, acts and stages, and that are not among the evidence. */
export async function findMissingEvidence(
  target: string,
  options: TrustOptions,
  evidence: Pick<EvidenceFiles, 'find'>,
): Promise<Result<readonly string[], ReplayRefusal>> {
  const named = new Set<string>();
  const report = await verifyLog(target, options, (_index, body) => {
    const entry = readEntry(body);
    if (!entry.ok || entry.value.statement.type !== 'statement') return;
    const { predicateType, documents } = entry.value.statement;
    if (KEPT_FOR.has(predicateType)) for (const { sha256 } of documents) named.add(`sha256:${sha256}`);
  });
  if (!report.ok) return refuse({ kind: 'log-not-verified', why: report.refusal.kind });
  const missing: string[] = [];
  for (const hash of named) if (!(await evidence.find(hash))) missing.push(hash);
  return ok(missing);
}

/** Whose documents lie in the evidence store. */
const KEPT_FOR: ReadonlySet<string> = new Set([DECIDED, ADOPTED, OPENED, REVERSED]);

export async function replay(
  logged: LoggedDecision,
  evidence: Pick<EvidenceFiles, 'find'>,
  semantics: Semantics = SEMANTICS,
): Promise<Result<Replayed, ReplayRefusal>> {
  const documents = await openLogged(logged, evidence);
  if (!documents.ok) return documents;
  const decided = evaluate(documents.value, logged.semantics, semantics);
  if (!decided.ok) return refuse({ kind: 'not-decided', why: decided.refusal.kind });
  const replayed = decisionSha256(decided.value);
  if (replayed !== logged.sha256) return refuse({ kind: 'differs', logged: logged.sha256, replayed });
  return ok({ decisionSha256: replayed, semantics: logged.semantics, bytes: decisionBytes(decided.value) });
}

/** What a decision of the log rests on, by the hashes that the log holds. */
export async function openLogged(
  logged: LoggedDecision,
  evidence: Pick<EvidenceFiles, 'find'>,
): Promise<Result<DecisionDocuments, ReplayRefusal>> {
  const names = [logged.dossier, ...logged.frameworks, ...(logged.trust === undefined ? [] : [logged.trust])];
  const documents = new Map<string, Json>();
  for (const hash of names) {
    const document = toJson(await evidence.find(hash));
    if (document === undefined) return refuse({ kind: 'input-missing', hash });
    documents.set(hash, document);
  }
  const files = new Map<string, Uint8Array>();
  const cases = logged.safetyCase === undefined ? [] : [logged.safetyCase];
  for (const hash of [...logged.statements, ...logged.adoptions, ...cases]) {
    const bytes = await evidence.find(hash);
    // What was not there when it was decided is refused in the decision; it is logged as an input only if it was.
    if (!bytes) return refuse({ kind: 'input-missing', hash });
    files.set(hash, bytes);
  }
  return ok({
    frameworks: logged.frameworks.map((hash) => documents.get(hash) ?? null),
    dossier: documents.get(logged.dossier) ?? null,
    trust: logged.trust === undefined ? undefined : documents.get(logged.trust),
    find: (hash) => files.get(hash),
  });
}

function toJson(bytes: Uint8Array | undefined): Json | undefined {
  const text = bytes && readUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
