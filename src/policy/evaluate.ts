/** From the documents that a decision names to the decision: the one way there, for who makes it and for who replays it. */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Decision } from './decide.ts';
import { type DossierRefusal, readDossierValue } from './dossier.ts';
import type { Framework } from './framework.ts';
import { checkTogether, type FrameworkRefusal, readFrameworkValue } from './read-framework.ts';
import { CURRENT_SEMANTICS, findSemantics, SEMANTICS, type Semantics, type SemanticsRefusal } from './semantics.ts';
import { openStatements } from './statement.ts';
import { readTrust, type TrustRefusal } from './trust.ts';

export interface DecisionDocuments {
  readonly frameworks: readonly Json[];
  readonly dossier: Json;
  /** Needed by a dossier on signed evidence, which names its hash. */
  readonly trust?: Json | undefined;
  /** Bytes of a statement by its name, `sha256:…`. */
  readonly find: (hash: string) => Uint8Array | undefined;
}

export type EvaluateRefusal =
  | FrameworkRefusal
  | DossierRefusal
  | TrustRefusal
  | SemanticsRefusal
  | { readonly kind: 'other-trust'; readonly named: string };

export function evaluate(
  { frameworks: documents, dossier: given, trust, find }: DecisionDocuments,
  version: number = CURRENT_SEMANTICS,
  among: Semantics = SEMANTICS,
): Result<Decision, EvaluateRefusal> {
  const decide = findSemantics(version, among);
  if (!decide.ok) return decide;
  const frameworks: Framework[] = [];
  for (const document of documents) {
    const read = readFrameworkValue(document);
    if (!read.ok) return read;
    frameworks.push(read.value);
  }
  const trouble = checkTogether(frameworks);
  if (trouble) return refuse(trouble);
  const dossier = readDossierValue(given);
  if (!dossier.ok) return dossier;
  if (dossier.value.statements.length === 0) return ok(decide.value(frameworks, dossier.value));
  if (trust === undefined || documentHash(trust) !== dossier.value.trust)
    return refuse({ kind: 'other-trust', named: dossier.value.trust ?? 'none' });
  const read = readTrust(trust);
  if (!read.ok) return read;
  const opened = openStatements(dossier.value, find, read.value);
  return ok(decide.value(frameworks, opened.dossier, opened.refused));
}

export const documentBytes = (document: Json): Buffer => Buffer.from(canonicalJson(document));
/** `sha256:…` of its canonical JSON. */
export const documentHash = (document: Json): string => `sha256:${sha256Hex(documentBytes(document))}`;
