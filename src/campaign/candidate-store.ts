/** Claims of the engines waiting for verification, sealed. The only file that knows `campaign.candidates`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { CampaignId, TargetId } from './campaign-store.ts';
import { type CandidateOutcome, openOutcome, openReason, sealOutcome } from './candidate-seal.ts';

export type CandidateId = Id<'candidate'>;

export interface CandidateRow {
  readonly id: CandidateId;
  readonly targetId: TargetId;
  readonly ordinal: number;
  readonly sealed: Buffer;
  /** Undefined while it waits. */
  readonly outcome: CandidateOutcome | undefined;
}

export function createCandidateStore(tx: Transaction, vault: Pick<Vault, 'sealUnder' | 'openUnder'>) {
  return {
    async insert(fresh: Pick<CandidateRow, 'id' | 'targetId' | 'ordinal' | 'sealed'>): Promise<void> {
      await tx.query(
        `insert into campaign.candidates (id, target_id, ordinal, sealed, state) values ($1, $2, $3, $4, 'waiting')`,
        [fresh.id, fresh.targetId, fresh.ordinal, fresh.sealed],
      );
    },

    async find(id: CandidateId): Promise<CandidateRow | undefined> {
      const { rows } = await tx.query<RawCandidate>('select * from campaign.candidates where id = $1', [id]);
      return rows[0] && toCandidate(vault, rows[0]);
    },

    async listOf(campaignId: CampaignId): Promise<CandidateRow[]> {
      const { rows } = await tx.query<RawCandidate>(
        `select c.* from campaign.candidates c join campaign.targets t on t.id = c.target_id
          where t.campaign_id = $1 order by t.position, c.ordinal`,
        [campaignId],
      );
      return rows.map((row) => toCandidate(vault, row));
    },

    /** Those that are settled, of which only their ids are looked at. */
    async listSettled(limit: number): Promise<readonly CandidateId[]> {
      const { rows } = await tx.query<{ id: CandidateId }>(
        `select id from campaign.candidates where state <> 'waiting' order by id limit $1`,
        [limit],
      );
      return rows.map(({ id }) => id);
    },

    /** It waits again, as if nothing had been said of it. False where it does not stand as settled. */
    async reopen(id: CandidateId): Promise<boolean> {
      const { rows } = await tx.query(
        `update campaign.candidates set state = 'waiting', sealed_outcome = null, sealed_reason = null
          where id = $1 and state in ('decided', 'rejected') returning id`,
        [id],
      );
      return rows.length > 0;
    },

    /** False where it was settled already. */
    async settle(id: CandidateId, outcome: CandidateOutcome): Promise<boolean> {
      const { rows } = await tx.query(
        `update campaign.candidates set state = 'decided', sealed_outcome = $2
          where id = $1 and state = 'waiting' returning id`,
        [id, sealOutcome(vault, id, outcome)],
      );
      return rows.length > 0;
    },
  };
}

interface RawCandidate {
  readonly id: CandidateId;
  readonly target_id: TargetId;
  readonly ordinal: number;
  readonly sealed: Buffer;
  readonly state: 'waiting' | 'decided' | CandidateOutcome['state'];
  readonly sealed_outcome: Buffer | null;
  /** Of rows settled by an earlier release. */
  readonly sealed_reason: Buffer | null;
  readonly case_id: string | null;
}

function toCandidate(vault: Pick<Vault, 'openUnder'>, row: RawCandidate): CandidateRow {
  const { id, target_id: targetId, ordinal, sealed } = row;
  return { id, targetId, ordinal, sealed, outcome: outcomeOf(vault, row) };
}

function outcomeOf(vault: Pick<Vault, 'openUnder'>, row: RawCandidate): CandidateOutcome | undefined {
  if (row.sealed_outcome) return openOutcome(vault, row.id, row.sealed_outcome);
  if (row.sealed_reason) return { state: 'rejected', reason: openReason(vault, row.id, row.sealed_reason) };
  if (row.case_id === null) return undefined;
  return { state: row.state === 'duplicate' ? 'duplicate' : 'confirmed', caseId: row.case_id };
}
