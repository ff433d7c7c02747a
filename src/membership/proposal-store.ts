/** Proposals in Postgres. The only file that knows this table. */
import type { Id } from '../lib/id.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';

export const PROPOSAL_KINDS = [
  'approve-organisation',
  'give-role',
  'invite',
  'lift-stop',
  'restore-stop',
  'put-model',
  'set-stage',
  'create-key',
  'grant-models',
] as const;
export type ProposalKind = (typeof PROPOSAL_KINDS)[number];
export type ProposalOutcome = 'agreed' | 'done' | 'refused' | 'withdrawn';

export interface Proposal {
  readonly id: Id<'proposal'>;
  readonly kind: ProposalKind;
  /** An organisation, a person, a model or a stop. */
  readonly subject: string;
  /** What else the change needs: a tier, a role, whom to restore, a whole request as JSON. */
  readonly details: readonly string[];
  readonly askedBy: string;
  readonly askedAt: Date;
  readonly expiresAt: Date;
  readonly decided: { readonly by: string; readonly at: Date; readonly outcome: ProposalOutcome } | undefined;
}

export function createProposalStore(tx: Transaction) {
  return {
    async insert(it: Proposal): Promise<void> {
      await tx.query(
        `insert into program.proposals (id, kind, subject, details, asked_by, asked_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [it.id, it.kind, it.subject, it.details, it.askedBy, it.askedAt, it.expiresAt],
      );
    },

    async find(id: string): Promise<Proposal | undefined> {
      const { rows } = await tx.query<Row>('select * from program.proposals where id = $1', [id]);
      return rows[0] && fromRow(rows[0]);
    },

    /** The newest first. */
    page: (ask: PageAsk): Promise<Page<Proposal>> =>
      readPage(tx, { table: 'program.proposals', order: ['asked_at', 'id'], isNewestFirst: true }, ask, fromRow),

    /** Throws StaleWrite where somebody decided it before. */
    async decide(id: string, by: string, at: Date, outcome: ProposalOutcome): Promise<void> {
      const { rows } = await tx.query(
        `update program.proposals set decided_by = $2, decided_at = $3, outcome = $4
          where id = $1 and decided_by is null returning id`,
        [id, by, at, outcome],
      );
      if (rows.length === 0) throw new StaleWrite('proposal', id);
    },

    async end(id: string, outcome: 'done' | 'refused'): Promise<void> {
      await tx.query(`update program.proposals set outcome = $2 where id = $1 and outcome = 'agreed'`, [id, outcome]);
    },
  };
}

interface Row {
  readonly id: Proposal['id'];
  readonly kind: ProposalKind;
  readonly subject: string;
  readonly details: readonly string[];
  readonly asked_by: string;
  readonly asked_at: Date;
  readonly expires_at: Date;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
  readonly outcome: ProposalOutcome | null;
}

const fromRow = (row: Row): Proposal => ({
  id: row.id,
  kind: row.kind,
  subject: row.subject,
  details: row.details,
  askedBy: row.asked_by,
  askedAt: row.asked_at,
  expiresAt: row.expires_at,
  decided:
    row.decided_by && row.decided_at && row.outcome
      ? { by: row.decided_by, at: row.decided_at, outcome: row.outcome }
      : undefined,
});
