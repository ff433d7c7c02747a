/**
 * The only way past the embargo: a proof that a release statement stands in the log, and the documents it names.
 * Everything here may come from an enemy; what is not proven in full is refused.
 */
import { type Result, refuse } from '../lib/result.ts';
import { checkProof, readEntry, readProof, type WitnessPolicy } from '../tlog/index.ts';
import type { Documents } from './advisory-documents.ts';
import { judgeRelease, type ReleaseContext, type ReleaseFacts, type ReleaseRefusal } from './release.ts';

export function verifyRelease(
  proof: Uint8Array,
  documents: Documents,
  trust: WitnessPolicy,
  context: ReleaseContext,
): Result<ReleaseFacts, ReleaseRefusal> {
  const read = readProof(proof);
  if (!read.ok) return refuse({ kind: 'not-logged', because: read.refusal.kind });
  const proven = checkProof(read.value, trust);
  if (!proven.ok) return refuse({ kind: 'not-logged', because: proven.refusal.kind });
  const entry = readEntry(proven.value.entry);
  if (!entry.ok) return refuse({ kind: 'not-a-release', because: entry.refusal.kind });
  return judgeRelease({ ...entry.value, documents }, context);
}
