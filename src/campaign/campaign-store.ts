/** Campaigns and their targets in Postgres. The only file that knows `campaign.campaigns` and `campaign.targets`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { CampaignFile } from './campaign-file.ts';
import type { CampaignSummary } from './summary.ts';

export type CampaignId = Id<'campaign'>;
export type TargetId = Id<'target'>;

export interface Campaign {
  readonly id: CampaignId;
  readonly kind: 'demonstration' | 'real';
  readonly file: CampaignFile;
  readonly sandboxProfile: 'full' | 'user';
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
  readonly summary: CampaignSummary | undefined;
}

/** What the search of a target cost. Sealed: the number of candidates and the time spent tell of what was found. */
export interface ScanCost {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly runs: number;
  readonly candidates: number;
}

export type TargetOutcome =
  | { readonly cost: ScanCost; readonly skipped: readonly string[] }
  | { readonly reason: string };

export interface TargetRow {
  readonly id: TargetId;
  readonly campaignId: CampaignId;
  readonly position: number;
  readonly target: string;
  readonly state: 'waiting' | 'scanned' | 'unavailable';
  readonly reason: string | undefined;
  readonly cost: ScanCost | undefined;
  /** Parts that were not covered, each with its reason; empty before the search. */
  readonly skipped: readonly string[];
}

export function createCampaignStore(tx: Transaction, vault: StoreVault) {
  return {
    async insert(fresh: Omit<Campaign, 'finishedAt' | 'summary'>): Promise<void> {
      await tx.query(
        `insert into campaign.campaigns (id, kind, sealed_file, sandbox_profile, started_at) values ($1, $2, $3, $4, $5)`,
        [fresh.id, fresh.kind, seal(vault, fresh.id, fresh.file), fresh.sandboxProfile, fresh.startedAt],
      );
    },

    async find(id: CampaignId): Promise<Campaign | undefined> {
      const { rows } = await tx.query<CampaignRow>('select * from campaign.campaigns where id = $1', [id]);
      return rows[0] && toCampaign(vault, rows[0]);
    },

    /** The newest of this kind. */
    async findLatest(kind: Campaign['kind']): Promise<Campaign | undefined> {
      const { rows } = await tx.query<CampaignRow>(
        'select * from campaign.campaigns where kind = $1 order by started_at desc, id desc limit 1',
        [kind],
      );
      return rows[0] && toCampaign(vault, rows[0]);
    },

    /** False where it was finished already. */
    async finish(id: CampaignId, summary: CampaignSummary, at: Date): Promise<boolean> {
      const { rows } = await tx.query(
        `update campaign.campaigns set finished_at = $2, summary = $3 where id = $1 and finished_at is null returning id`,
        [id, at, JSON.stringify(summary)],
      );
      return rows.length > 0;
    },

    async insertTarget(fresh: Pick<TargetRow, 'id' | 'campaignId' | 'position' | 'target'>): Promise<void> {
      await tx.query(
        `insert into campaign.targets (id, campaign_id, position, sealed_target, state) values ($1, $2, $3, $4, 'waiting')`,
        [fresh.id, fresh.campaignId, fresh.position, seal(vault, fresh.id, fresh.target)],
      );
    },

    async findTarget(id: TargetId): Promise<TargetRow | undefined> {
      const { rows } = await tx.query<RawTarget>('select * from campaign.targets where id = $1', [id]);
      return rows[0] && toTarget(vault, rows[0]);
    },

    async listTargets(campaignId: CampaignId): Promise<TargetRow[]> {
      const { rows } = await tx.query<RawTarget>(
        'select * from campaign.targets where campaign_id = $1 order by position',
        [campaignId],
      );
      return rows.map((row) => toTarget(vault, row));
    },

    /** False where another run of the same job was faster. */
    async settleTarget(id: TargetId, outcome: TargetOutcome): Promise<boolean> {
      const { rows } = await tx.query(
        `update campaign.targets set state = $2, sealed_outcome = $3 where id = $1 and state = 'waiting' returning id`,
        [id, 'cost' in outcome ? 'scanned' : 'unavailable', seal(vault, `${id} outcome`, outcome)],
      );
      return rows.length > 0;
    },
  };
}

/** What stands beside "something was found here" is sealed under a key outside the database, bound to its row. */
type StoreVault = Pick<Vault, 'sealUnder' | 'openUnder'>;

const USE = 'campaign/campaigns';

function seal(vault: StoreVault, context: string, value: unknown): Buffer {
  return vault.sealUnder(USE, Buffer.from(JSON.stringify(value)), context);
}

function open<T>(vault: StoreVault, context: string, sealed: Buffer): T {
  return JSON.parse(vault.openUnder(USE, sealed, context).toString()) as T;
}

interface CampaignRow {
  readonly id: CampaignId;
  readonly kind: Campaign['kind'];
  readonly sealed_file: Buffer;
  readonly sandbox_profile: Campaign['sandboxProfile'];
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly summary: CampaignSummary | null;
}

function toCampaign(vault: StoreVault, row: CampaignRow): Campaign {
  return {
    id: row.id,
    kind: row.kind,
    file: open<CampaignFile>(vault, row.id, row.sealed_file),
    sandboxProfile: row.sandbox_profile,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
    summary: row.summary ?? undefined,
  };
}

interface RawTarget {
  readonly id: TargetId;
  readonly campaign_id: CampaignId;
  readonly position: number;
  readonly sealed_target: Buffer;
  readonly state: TargetRow['state'];
  readonly sealed_outcome: Buffer | null;
  /** Of rows settled by an earlier release. */
  readonly reason: string | null;
  readonly cost: ScanCost | null;
  readonly sealed_skipped: Buffer | null;
}

function toTarget(vault: StoreVault, row: RawTarget): TargetRow {
  const outcome = outcomeOf(vault, row);
  return {
    id: row.id,
    campaignId: row.campaign_id,
    position: row.position,
    target: open<string>(vault, row.id, row.sealed_target),
    state: row.state,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    cost: 'cost' in outcome ? outcome.cost : undefined,
    skipped: 'skipped' in outcome ? outcome.skipped : [],
  };
}

function outcomeOf(vault: StoreVault, row: RawTarget): TargetOutcome | Record<string, never> {
  if (row.sealed_outcome) return open<TargetOutcome>(vault, `${row.id} outcome`, row.sealed_outcome);
  if (row.reason !== null) return { reason: row.reason };
  if (!row.cost || !row.sealed_skipped) return {};
  return { cost: row.cost, skipped: open<string[]>(vault, `${row.id} skipped`, row.sealed_skipped) };
}
