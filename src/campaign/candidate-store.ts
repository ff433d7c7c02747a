/** Claims of the engines waiting for verification, sealed. The only file that knows `campaign.candidates`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { CampaignId, TargetId } from './campaign-store.ts';

export type CandidateId = Id<'candidate'>;

export interface CandidateRow {
  readonly id: CandidateId;
  readonly targetId: TargetId;
  readonly ordinal: number;
  readonly sealed: Buffer;
  readonly state: 'waiting' | 'confirmed' | 'duplicate' | 'rejected';
  readonly sealedReason: Buffer | undefined;
  readonly caseId: string | undefined;
}

export function createCandidateStore(tx: Transaction) {
  return {
    async insert(fresh: Pick<CandidateRow, 'id' | 'targetId' | 'ordinal' | 'sealed'>): Promise<void> {
      await tx.query(
        `insert into campaign.candidates (id, target_id, ordinal, sealed, state) values ($1, $2, $3, $4, 'waiting')`,
        [fresh.id, fresh.targetId, fresh.ordinal, fresh.sealed],
      );
    },

    async find(id: CandidateId): Promise<CandidateRow | undefined> {
      const { rows } = await tx.query<RawCandidate>('select * from campaign.candidates where id = $1', [id]);
      return rows[0] && toCandidate(rows[0]);
    },

    async listOf(campaignId: CampaignId): Promise<CandidateRow[]> {
      const { rows } = await tx.query<RawCandidate>(
        `select c.* from campaign.candidates c join campaign.targets t on t.id = c.target_id
          where t.campaign_id = $1 order by t.position, c.ordinal`,
        [campaignId],
      );
      return rows.map(toCandidate);
    },

    /** False where it was settled already. */
    async settle(
      id: CandidateId,
      outcome: { state: 'confirmed' | 'duplicate'; caseId: string } | { state: 'rejected'; sealedReason: Buffer },
    ): Promise<boolean> {
      const { rows } = await tx.query(
        `update campaign.candidates set state = $2, case_id = $3, sealed_reason = $4
          where id = $1 and state = 'waiting' returning id`,
        [
          id,
          outcome.state,
          outcome.state === 'rejected' ? null : outcome.caseId,
          outcome.state === 'rejected' ? outcome.sealedReason : null,
        ],
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
  readonly state: CandidateRow['state'];
  readonly sealed_reason: Buffer | null;
  readonly case_id: string | null;
}

function toCandidate(row: RawCandidate): CandidateRow {
  return {
    id: row.id,
    targetId: row.target_id,
    ordinal: row.ordinal,
    sealed: row.sealed,
    state: row.state,
    sealedReason: row.sealed_reason ?? undefined,
    caseId: row.case_id ?? undefined,
  };
}
