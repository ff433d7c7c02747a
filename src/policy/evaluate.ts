/** From the documents that a decision names to the decision: the one way there, for who makes it and for who replays it. */

import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Adoption, openAdoption } from './adoption.ts';
import type { Decision } from './decide.ts';
import { openSafetyCase } from './decide-with-case.ts';
import { type Dossier, type DossierRefusal, readDossierValue } from './dossier.ts';
import type { Framework } from './framework.ts';
import { checkTogether, type FrameworkRefusal, readFrameworkValue } from './read-framework.ts';
import { CURRENT_SEMANTICS, findSemantics, SEMANTICS, type Semantics, type SemanticsRefusal } from './semantics.ts';
import type { RefusedClaim } from './sift.ts';
import { openStatements } from './statement.ts';
import { readTrust, type TrustRefusal } from './trust.ts';

export interface DecisionDocuments {
  readonly frameworks: readonly Json[];
  readonly dossier: Json;
  /** Needed by a dossier on signed evidence, which names its hash. */
  readonly trust?: Json | undefined;
  /** Bytes of a statement, of an act of adoption or of a safety case by its name, `sha256:…`. */
  readonly find: (hash: string) => Uint8Array | undefined;
}

export type EvaluateRefusal =
  | FrameworkRefusal
  | DossierRefusal
  | TrustRefusal
  | SemanticsRefusal
  | { readonly kind: 'other-trust'; readonly named: string; readonly given: string };

interface Opened {
  readonly frameworks: readonly Framework[];
  readonly dossier: Dossier;
  readonly refused: readonly RefusedClaim[];
  readonly adoptions: readonly Adoption[];
}

export function evaluate(
  documents: DecisionDocuments,
  version: number = CURRENT_SEMANTICS,
  among: Semantics = SEMANTICS,
): Result<Decision, EvaluateRefusal> {
  const decide = findSemantics(version, among);
  if (!decide.ok) return decide;
  const opened = open(documents);
  if (!opened.ok) return opened;
  const { frameworks, dossier, refused, adoptions } = opened.value;
  return ok(decide.value(frameworks, dossier, refused, adoptions, documents.find));
}

/** Everything that a decision rests on, and the safety case among it, judged as the decision judges it. */
export function openGround(
  documents: DecisionDocuments,
): Result<Opened & { readonly safetyCase: ReturnType<typeof openSafetyCase> }, EvaluateRefusal> {
  const opened = open(documents);
  if (!opened.ok) return opened;
  const { frameworks, dossier } = opened.value;
  return ok({ ...opened.value, safetyCase: openSafetyCase(frameworks, dossier, documents.find) });
}

function open({
  frameworks: documents,
  dossier: given,
  trust,
  find,
}: DecisionDocuments): Result<Opened, EvaluateRefusal> {
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
  const { statements, adoptions: named = [] } = dossier.value;
  if (statements.length + named.length === 0)
    return ok({ frameworks, dossier: dossier.value, refused: [], adoptions: [] });
  if (trust === undefined || documentHash(trust) !== dossier.value.trust)
    return refuse({
      ...{ kind: 'other-trust', named: dossier.value.trust ?? 'none' },
      given: trust === undefined ? 'none' : documentHash(trust),
    });
  const read = readTrust(trust);
  if (!read.ok) return read;
  const acts = openActs(named, find, (bytes) => openAdoption(bytes, frameworks, read.value));
  const opened =
    statements.length === 0 ? { dossier: dossier.value, refused: [] } : openStatements(dossier.value, find, read.value);
  const refused = [...acts.refused, ...opened.refused];
  return ok({ frameworks, dossier: opened.dossier, refused, adoptions: acts.adoptions });
}

function openActs(
  named: readonly string[],
  find: DecisionDocuments['find'],
  open: (bytes: Uint8Array) => ReturnType<typeof openAdoption>,
): { readonly adoptions: readonly Adoption[]; readonly refused: readonly RefusedClaim[] } {
  const adoptions: Adoption[] = [];
  const refused: RefusedClaim[] = [];
  for (const [at, hash] of named.entries()) {
    const place = `/adoptions/${at}`;
    const bytes = find(hash);
    if (!bytes || `sha256:${sha256Hex(bytes)}` !== hash) {
      refused.push({ place, kind: 'not-found', why: `there is no act ${hash}` });
      continue;
    }
    const opened = open(bytes);
    if (opened.ok) adoptions.push(opened.value);
    else refused.push({ place, kind: 'wrongly-signed', why: `${hash}: ${opened.refusal.why}` });
  }
  return { adoptions, refused };
}

export const documentBytes = (document: Json): Buffer => Buffer.from(canonicalJson(document));
/** `sha256:…` of its canonical JSON. */
export const documentHash = (document: Json): string => `sha256:${sha256Hex(documentBytes(document))}`;
