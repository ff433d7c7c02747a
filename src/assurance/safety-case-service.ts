/** The safety case that a model's open stage rests on, from the log and the evidence; or a draft, against a file of claims. */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type DecisionDocuments, type EvaluateRefusal, evaluate, openGround } from '../policy/index.ts';
import { type EvidenceFiles, openLogged, openReplayLog, type Release, type ReplayRefusal } from '../release/index.ts';
import type { CaseToShow } from './safety-case-report.ts';

export interface CaseParts {
  readonly stageOf: Release['stageOf'];
  readonly evidence: Pick<EvidenceFiles, 'find'>;
  /** The directory of the log. */
  readonly log: string;
}

export type CaseRefusal =
  | ReplayRefusal
  | EvaluateRefusal
  | { readonly kind: 'no-decision'; readonly model: string }
  | { readonly kind: 'no-case'; readonly model: string };

export async function openCaseOf(parts: CaseParts, model: string): Promise<Result<CaseToShow, CaseRefusal>> {
  const { decided } = await parts.stageOf(model);
  if (!decided) return refuse({ kind: 'no-decision', model });
  const log = await openReplayLog(parts.log, {});
  if (!log.ok) return log;
  const logged = log.value.find(decided.decision);
  if (!logged) return refuse({ kind: 'not-logged', decision: decided.decision });
  const documents = await openLogged(logged, parts.evidence);
  if (!documents.ok) return documents;
  const decision = evaluate(documents.value, logged.semantics);
  if (!decision.ok) return decision;
  const found = findCase(documents.value, model);
  return found.ok ? ok({ ...found.value, decision: { document: decision.value, sha256: logged.sha256 } }) : found;
}

/** A draft that nobody stands for yet, judged as if somebody did. */
export function openDraft(
  documents: Pick<DecisionDocuments, 'frameworks' | 'dossier'>,
  { digest, bytes }: { readonly digest: string; readonly bytes: Uint8Array },
): Result<CaseToShow, CaseRefusal> {
  const dossier = documents.dossier as { readonly model?: string; readonly results?: readonly Json[] };
  const { results = [] } = dossier;
  const stated = { name: 'safety-case', value: 'pass', digest };
  const others = results.filter((each) => (each as { readonly name?: Json }).name !== stated.name);
  return findCase(
    {
      frameworks: documents.frameworks,
      dossier: { ...dossier, results: [...others, stated] } as unknown as Json,
      find: (hash) => (hash === digest ? bytes : undefined),
    },
    dossier.model ?? '',
  );
}

function findCase(documents: DecisionDocuments, model: string): Result<CaseToShow, CaseRefusal> {
  const ground = openGround(documents);
  if (!ground.ok) return ground;
  const { safetyCase } = ground.value;
  return safetyCase ? ok({ ...safetyCase, decision: undefined }) : refuse({ kind: 'no-case', model });
}
