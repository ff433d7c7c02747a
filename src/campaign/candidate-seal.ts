/** How a candidate and the reason of its rejection lie in the database: encrypted, bound to their row. */
import type { Candidate } from '../finder/index.ts';
import type { Vault } from '../store/vault.ts';

const USE = 'campaign/candidates';

/** What became of a claim. Sealed, because beside the place of its target it would tell which package has a flaw. */
export type CandidateOutcome =
  | { readonly state: 'confirmed' | 'duplicate'; readonly caseId: string }
  | { readonly state: 'rejected'; readonly reason: string };

type Opener = Pick<Vault, 'openUnder'>;

export function sealCandidate(vault: Pick<Vault, 'sealUnder'>, id: string, candidate: Candidate): Buffer {
  return vault.sealUnder(USE, Buffer.from(JSON.stringify(candidate)), id);
}

export function openCandidate(
  vault: Opener,
  { id, sealed }: { readonly id: string; readonly sealed: Buffer },
): Candidate {
  return JSON.parse(vault.openUnder(USE, sealed, id).toString()) as Candidate;
}

export function sealOutcome(vault: Pick<Vault, 'sealUnder'>, id: string, outcome: CandidateOutcome): Buffer {
  return vault.sealUnder(USE, Buffer.from(JSON.stringify(outcome)), `${id} outcome`);
}

export function openOutcome(vault: Opener, id: string, sealed: Buffer): CandidateOutcome {
  return JSON.parse(vault.openUnder(USE, sealed, `${id} outcome`).toString()) as CandidateOutcome;
}

/** As an earlier release sealed it. */
export function openReason(vault: Opener, id: string, sealed: Buffer): string {
  return vault.openUnder(USE, sealed, `${id} reason`).toString();
}
