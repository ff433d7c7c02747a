/** Proposals, approvals and what was named, in Postgres: schema `funding`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';

export type FundProposalId = Id<'fund'>;

export interface StoredProposal {
  readonly id: FundProposalId;
  readonly proposedBy: string;
  readonly proposedAt: Date;
  readonly micro: number;
  readonly sealed: Buffer;
  readonly postedAt: Date | null;
  readonly refusedAt: Date | null;
  readonly approvedBy: readonly string[];
}

const LIST_LIMIT = 1_000;

export function createFundingStore(tx: Transaction) {
  const list = async (condition: string, values: unknown[]): Promise<readonly StoredProposal[]> => {
    const { rows } = await tx.query<Omit<StoredProposal, 'micro'> & { readonly micro: string }>(
      `select id, proposed_by as "proposedBy", proposed_at as "proposedAt", micro, sealed, posted_at as "postedAt",
              refused_at as "refusedAt", array(select person from funding.approvals where proposal_id = proposal.id
                                                order by approved_at, person) as "approvedBy"
         from funding.proposals proposal ${condition}`,
      values,
    );
    return rows.map((row) => ({ ...row, micro: Number(row.micro) }));
  };
  return {
    /** The newest first. */
    list: () => list(`order by proposed_at desc, id limit ${LIST_LIMIT}`, []),
    /** Who decides about it after this waits until this transaction ends. */
    lock: async (id: string) => (await list('where id = $1 for update of proposal', [id]))[0],

    async insert(it: Pick<StoredProposal, 'id' | 'proposedBy' | 'proposedAt' | 'micro'> & { sealed: Uint8Array }) {
      await tx.query(
        'insert into funding.proposals (id, proposed_by, proposed_at, micro, sealed) values ($1, $2, $3, $4, $5)',
        [it.id, it.proposedBy, it.proposedAt, it.micro, it.sealed],
      );
    },

    async approve(id: string, person: string, at: Date): Promise<void> {
      await tx.query(
        'insert into funding.approvals (proposal_id, person, approved_at) values ($1, $2, $3) on conflict do nothing',
        [id, person, at],
      );
    },

    async markPosted(id: string, at: Date): Promise<void> {
      await tx.query('update funding.proposals set posted_at = $2 where id = $1', [id, at]);
    },

    async markRefused(id: string, by: string, at: Date): Promise<void> {
      await tx.query('update funding.proposals set refused_at = $3, refused_by = $2 where id = $1', [id, by, at]);
    },

    async keepProject(id: string, name: Uint8Array): Promise<void> {
      await tx.query('insert into funding.projects (id, name) values ($1, $2) on conflict do nothing', [id, name]);
    },

    async listProjects(): Promise<readonly { readonly id: string; readonly name: Buffer }[]> {
      return (await tx.query<{ id: string; name: Buffer }>('select id, name from funding.projects')).rows;
    },

    async listNamed(): Promise<ReadonlyMap<string, number>> {
      const { rows } = await tx.query<{ project: string; micro: string }>('select project, micro from funding.named');
      return new Map(rows.map(({ project, micro }) => [project, Number(micro)]));
    },

    /** Accounts are written one after the other, each from what the one before named. */
    async lockNamed(): Promise<void> {
      await tx.query("select pg_advisory_xact_lock(hashtext('funding.named'))");
    },

    async saveNamed(project: string, micro: number): Promise<void> {
      await tx.query(
        `insert into funding.named (project, micro) values ($1, $2)
         on conflict (project) do update set micro = excluded.micro`,
        [project, micro],
      );
    },
  };
}
