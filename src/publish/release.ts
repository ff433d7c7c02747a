/**
 * The judgement on a release: may exactly these bytes go out now? Everything that is not a full yes is a no.
 *
 * A release is a statement in the public log, in one envelope signed by the log's issuer and by two release keys. The
 * caller has proven that it is in the log; here its signatures, its facts and the bytes are judged.
 */
import type { ReleasedBy } from '../formats/advisory-record.ts';
import type { Json } from '../lib/canonical-json.ts';
import { type Envelope, verifyEnvelope } from '../lib/dsse.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { CommitmentId, Statement } from '../tlog/index.ts';
import { type DocumentHash, type Documents, hashesOf, isDocumentPath } from './advisory-documents.ts';

const SIGNATURES_REQUIRED = 2;

/** Days a release may wait for its publication; afterwards it is signed anew. */
export const RELEASE_VALID_DAYS = 7;

/** What a release statement says beside its documents. */
export interface ReleaseFacts {
  readonly advisory: string;
  readonly kind: 'real' | 'demonstration';
  readonly commitment: CommitmentId;
  /** Grows by one with every release of the case. */
  readonly sequence: number;
  readonly notBefore: string;
  readonly notAfter: string;
  /** The fields of the commitment that are opened. */
  readonly opens: readonly string[];
  /** Who holds the two keys; a reader is told. */
  readonly releasedBy: ReleasedBy;
}

/** What the publisher knows of the case by itself. */
export interface ReleaseContext {
  readonly caseId: string;
  readonly advisory: string;
  readonly kind: 'real' | 'demonstration';
  readonly commitment: CommitmentId;
  /** Of the last release of this case that was accepted; 0 where there is none. */
  readonly lastSequence: number;
  /** The embargo is over or its deadline has passed. */
  readonly mayDisclose: boolean;
  /** The public halves of the two keys that may release a case of this kind. */
  readonly keys: readonly Uint8Array[];
  readonly now: Date;
}

export type ReleaseRefusal =
  | { readonly kind: 'not-logged'; readonly because: string }
  | { readonly kind: 'not-a-release'; readonly because: string }
  | { readonly kind: 'another-case' }
  | { readonly kind: 'too-few-signatures'; readonly valid: number }
  | { readonly kind: 'wrong-facts'; readonly fact: string }
  | { readonly kind: 'replayed'; readonly sequence: number; readonly last: number }
  | { readonly kind: 'too-early'; readonly notBefore: string }
  | { readonly kind: 'expired'; readonly notAfter: string }
  | { readonly kind: 'under-embargo' }
  | { readonly kind: 'wrong-bytes'; readonly name: string };

export interface ReleaseClaim {
  readonly statement: Statement;
  readonly envelope: Envelope;
  readonly documents: Documents;
}

export function judgeRelease(claim: ReleaseClaim, context: ReleaseContext): Result<ReleaseFacts, ReleaseRefusal> {
  const { statement, envelope, documents } = claim;
  if (statement.type !== 'release') return refuse({ kind: 'not-a-release', because: statement.type });
  if (statement.subject !== context.caseId) return refuse({ kind: 'another-case' });
  // Two keys that are one key are one signature: `verifyEnvelope` counts each key once.
  const signed = verifyEnvelope(envelope, context.keys, SIGNATURES_REQUIRED);
  if (!signed.ok) {
    return refuse({ kind: 'too-few-signatures', valid: 'valid' in signed.refusal ? signed.refusal.valid : 0 });
  }
  const facts = readFacts(statement.facts);
  if (!facts.ok) return facts;
  const wrong = judgeFacts(facts.value, context);
  if (wrong) return refuse(wrong);
  if (!context.mayDisclose) return refuse({ kind: 'under-embargo' });
  const name = differingDocument(statement.documents, documents);
  return name === undefined ? facts : refuse({ kind: 'wrong-bytes', name });
}

function judgeFacts(facts: ReleaseFacts, context: ReleaseContext): ReleaseRefusal | undefined {
  for (const fact of ['advisory', 'kind', 'commitment'] as const) {
    if (facts[fact] !== context[fact]) return { kind: 'wrong-facts', fact };
  }
  if (facts.kind === 'demonstration' && facts.releasedBy !== 'one person')
    return { kind: 'wrong-facts', fact: 'releasedBy' };
  const { sequence, notBefore, notAfter } = facts;
  if (sequence <= context.lastSequence) return { kind: 'replayed', sequence, last: context.lastSequence };
  if (context.now < new Date(notBefore)) return { kind: 'too-early', notBefore };
  return context.now > new Date(notAfter) ? { kind: 'expired', notAfter } : undefined;
}

/** Exactly the documents that are named, and each with exactly the bytes that were signed. */
function differingDocument(named: readonly DocumentHash[], documents: Documents): string | undefined {
  const actual = new Map(hashesOf(documents).map(({ name, sha256 }) => [name, sha256]));
  if (named.length === 0) return '';
  for (const { name, sha256 } of named) {
    if (!isDocumentPath(name) || actual.get(name) !== sha256) return name;
    actual.delete(name);
  }
  return actual.keys().next().value;
}

const NAMES = ['advisory', 'commitment', 'kind', 'notAfter', 'notBefore', 'opens', 'releasedBy', 'sequence'];

function readFacts(facts: { readonly [name: string]: Json }): Result<ReleaseFacts, ReleaseRefusal> {
  const wrong = (fact: string) => refuse<ReleaseRefusal>({ kind: 'wrong-facts', fact });
  if (Object.keys(facts).sort().join() !== NAMES.join()) return wrong('names');
  const { advisory, kind, commitment, sequence, notBefore, notAfter, opens, releasedBy } = facts;
  if (typeof advisory !== 'string' || typeof commitment !== 'string') return wrong('advisory');
  if (kind !== 'real' && kind !== 'demonstration') return wrong('kind');
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) return wrong('sequence');
  if (releasedBy !== 'one person' && releasedBy !== 'two persons') return wrong('releasedBy');
  if (!Array.isArray(opens) || !opens.every((name) => typeof name === 'string')) return wrong('opens');
  for (const [name, text] of Object.entries({ notBefore, notAfter })) {
    if (typeof text !== 'string' || new Date(text).toString() === 'Invalid Date') return wrong(name);
  }
  return ok(facts as unknown as ReleaseFacts);
}
