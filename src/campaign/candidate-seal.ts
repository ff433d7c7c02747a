/** How a candidate and the reason of its rejection lie in the database: encrypted, bound to their row. */
import type { Candidate } from '../finder/index.ts';
import type { Vault } from '../store/vault.ts';

const USE = 'campaign/candidates';

interface SealedRow {
  readonly id: string;
  readonly sealed: Buffer;
  readonly sealedReason: Buffer | undefined;
}

export function sealCandidate(vault: Pick<Vault, 'sealUnder'>, id: string, candidate: Candidate): Buffer {
  return vault.sealUnder(USE, Buffer.from(JSON.stringify(candidate)), id);
}

export function openCandidate(vault: Pick<Vault, 'openUnder'>, { id, sealed }: SealedRow): Candidate {
  return JSON.parse(vault.openUnder(USE, sealed, id).toString()) as Candidate;
}

export function sealReason(vault: Pick<Vault, 'sealUnder'>, id: string, reason: string): Buffer {
  return vault.sealUnder(USE, Buffer.from(reason), `${id} reason`);
}

export function openReason(vault: Pick<Vault, 'openUnder'>, { id, sealedReason }: SealedRow): string {
  return sealedReason ? vault.openUnder(USE, sealedReason, `${id} reason`).toString() : '';
}
