/**
 * Version 3 of the semantics: as version 2, and a result by which somebody stands for a safety case counts only if the case
 * is at hand and has no error. Its digest stands in the decision.
 */
import { readUtf8 } from '../lib/bytes.ts';
import type { Json } from '../lib/canonical-json.ts';
import { readEnvelope } from '../lib/dsse.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { Adoption } from './adoption.ts';
import type { Decision } from './decide.ts';
import { decideAdopted } from './decide-adopted.ts';
import type { Dossier, ResultClaim } from './dossier.ts';
import { slug } from './encoding-zero.ts';
import type { Framework } from './framework.ts';
import { type CaseGround, type JudgedCase, judgeSafetyCase } from './judge-safety-case.ts';
import { readSafetyCase, SAFETY_CASE, type SafetyCase } from './safety-case.ts';
import { type RefusedClaim, sift } from './sift.ts';

/** Bytes of a document by its name, `sha256:…`. */
export type FindDocument = (hash: string) => Uint8Array | undefined;

export const isSafetyCase = ({ name }: Pick<ResultClaim, 'name'>): boolean => slug(name) === SAFETY_CASE;

export function decideWithCase(
  frameworks: readonly Framework[],
  dossier: Dossier,
  refusedBefore: readonly RefusedClaim[] = [],
  adoptions: readonly Adoption[] = [],
  find: FindDocument = () => undefined,
): Decision {
  const refused = dossier.results.flatMap((claim, at) =>
    isSafetyCase(claim) ? troublesOf(claim, `/results/${at}`, frameworks, dossier, find) : [],
  );
  const decision = decideAdopted(frameworks, dossier, [...refusedBefore, ...refused], adoptions);
  const safetyCase = dossier.results.find(isSafetyCase)?.digest ?? null;
  return { ...decision, semantics: 3, inputs: { ...decision.inputs, safetyCase } };
}

function troublesOf(
  claim: ResultClaim,
  place: string,
  frameworks: readonly Framework[],
  dossier: Dossier,
  find: FindDocument,
): readonly RefusedClaim[] {
  const document = openDocument(claim.digest, find);
  if (document === undefined)
    return [{ place, kind: 'not-found', why: `the safety case ${claim.digest} is not at hand` }];
  const read = readSafetyCase(document);
  const errors = read.ok
    ? judgeSafetyCase(read.value, groundOf(frameworks, dossier, claim.signedBy ?? undefined, find)).errors
    : [read.refusal];
  return errors.map(({ place: within, why }) => ({
    place: `${place} (safety case ${within || 'at its root'})`,
    kind: 'incomplete' as const,
    why,
  }));
}

/** The case that a dossier rests on, judged as the decision judges it. Undefined where there is none at hand that can be read. */
export function openSafetyCase(
  frameworks: readonly Framework[],
  dossier: Dossier,
  find: FindDocument,
): { readonly safetyCase: SafetyCase; readonly digest: string; readonly judged: JudgedCase } | undefined {
  const claim = dossier.results.find(isSafetyCase);
  const read = claim && readSafetyCase(openDocument(claim.digest, find) ?? null);
  if (!read?.ok) return undefined;
  const judged = judgeSafetyCase(read.value, groundOf(frameworks, dossier, claim?.signedBy ?? undefined, find));
  return { safetyCase: read.value, digest: claim?.digest ?? '', judged };
}

function groundOf(
  frameworks: readonly Framework[],
  dossier: Dossier,
  signedBy: string | undefined,
  find: FindDocument,
): CaseGround {
  const { model, modelDigest, stage, asOf, statements } = dossier;
  const { claims } = sift(dossier);
  const signed = statements.length === 0 ? undefined : signersOf(dossier, find);
  return { frameworks, claims, model, modelDigest, stage, asOf, signed, signedBy };
}

/** Statements of results by their hash, each with who signed it. What they say was opened before; here only whose they are. */
function signersOf({ statements, results }: Dossier, find: FindDocument): ReadonlyMap<string, string> {
  return new Map(
    statements.flatMap((hash): [string, string][] => {
      const bytes = find(hash);
      const envelope = bytes && readEnvelope(bytes);
      const payload = envelope?.ok ? parse(envelope.value.payload) : undefined;
      const { claim } = (payload ?? {}) as { readonly claim?: { readonly digest?: string } };
      const by = results.find(({ digest }) => digest === claim?.digest)?.signedBy;
      return by ? [[hash, by]] : [];
    }),
  );
}

function openDocument(hash: string, find: FindDocument): Json | undefined {
  const bytes = find(hash);
  return bytes && `sha256:${sha256Hex(bytes)}` === hash ? parse(bytes) : undefined;
}

function parse(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(readUtf8(bytes) ?? '') as Json;
  } catch {
    return undefined;
  }
}
