/** Cases, their parties and their history in Postgres. The only file that knows these tables. */
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { Case, CaseId, Party } from './case.ts';
import type { CaseFacts } from './case-events.ts';

export interface HistoryEntry {
  readonly version: number | null;
  readonly event: string;
  readonly stage: string;
  readonly actor: string;
  readonly at: Date;
  readonly note: string;
}

/** At most so many cases are listed at once. */
const LIST_LIMIT = 1_000;

export function createCaseStore(tx: Transaction) {
  return {
    async insert(fresh: Case, contacts: ReadonlyMap<Party['id'], Uint8Array>): Promise<void> {
      await tx.query(`insert into disclosure.cases (${COLUMNS.join(', ')}) values (${PLACES})`, toRow(fresh));
      for (const [position, party] of fresh.parties.entries()) {
        await tx.query(
          `insert into disclosure.case_parties (id, case_id, case_kind, position, role, simulated, report, contact)
           values ($1, $2, $3, $4, $5, $6, $7, $8)`,
          [party.id, fresh.id, fresh.kind, position, party.role, party.simulated, party.report, contacts.get(party.id)],
        );
      }
    },

    async find(id: string): Promise<Case | undefined> {
      const { rows } = await tx.query<CaseRow>('select * from disclosure.cases where id = $1', [id]);
      const row = rows[0];
      return row && fromRow(row, await findParties(tx, [row.id]));
    },

    /** The newest first. */
    async list(): Promise<readonly Case[]> {
      const { rows } = await tx.query<CaseRow>('select * from disclosure.cases order by opened_at desc, id limit $1', [
        LIST_LIMIT,
      ]);
      const parties = await findParties(
        tx,
        rows.map(({ id }) => id),
      );
      return rows.map((row) => fromRow(row, parties));
    },

    /** All of them, whatever their number. */
    async listReal(): Promise<readonly { readonly id: CaseId; readonly stage: Case['stage'] }[]> {
      const { rows } = await tx.query<{ id: CaseId; stage: Case['stage'] }>(
        "select id, stage from disclosure.cases where kind = 'real' order by opened_at, id",
      );
      return rows;
    },

    /** Replaces the version it was made from. Throws StaleWrite if that version is gone. */
    async save(next: Case): Promise<void> {
      const assignments = COLUMNS.map((column, index) => `${column} = $${index + 1}`).join(', ');
      const { rows } = await tx.query(
        `update disclosure.cases set ${assignments} where id = $1 and version = $2 - 1 returning id`,
        toRow(next),
      );
      if (rows.length === 0) throw new StaleWrite('case', next.id);
      for (const { id, report } of next.parties) {
        await tx.query('update disclosure.case_parties set report = $2 where id = $1 and report <> $2', [id, report]);
      }
    },

    async findContact(partyId: string): Promise<Buffer | undefined> {
      const { rows } = await tx.query<{ contact: Buffer }>(
        'select contact from disclosure.case_parties where id = $1',
        [partyId],
      );
      return rows[0]?.contact;
    },

    async replaceContact(partyId: string, contact: Uint8Array): Promise<void> {
      await tx.query('update disclosure.case_parties set contact = $2 where id = $1', [partyId, contact]);
    },

    async recordEvent(it: Case, entry: Omit<HistoryEntry, 'stage'>): Promise<void> {
      await tx.query(
        `insert into disclosure.case_events (case_id, version, event, stage, actor, at, note)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [it.id, entry.version, entry.event, it.stage, entry.actor, entry.at, entry.note],
      );
    },

    async listEvents(caseId: string): Promise<readonly HistoryEntry[]> {
      const { rows } = await tx.query<HistoryEntry>(
        `select version, event, stage, actor, at, note from disclosure.case_events
          where case_id = $1 order by position`,
        [caseId],
      );
      return rows;
    },
  };
}

const COLUMNS = [
  'id',
  'version',
  'kind',
  'time',
  'policy',
  'stage',
  'embargo',
  'opened_at',
  'notified_at',
  'due_at',
  'is_extended',
  'details_at',
  'closed_at',
  'vendor_aware_at',
  'fix_ready_at',
  'fix_deployed_at',
  'public_at',
  'exploit_public_at',
  'attacked_at',
  'first_post_at',
] as const;
const PLACES = COLUMNS.map((_, index) => `$${index + 1}`).join(', ');

interface CaseRow {
  readonly id: CaseId;
  readonly version: number;
  readonly kind: Case['kind'];
  readonly time: Case['time'];
  readonly policy: Case['policy'];
  readonly stage: Case['stage'];
  readonly embargo: Case['embargo'];
  readonly opened_at: Date;
  readonly notified_at: Date | null;
  readonly due_at: Date | null;
  readonly is_extended: boolean | null;
  readonly details_at: Date | null;
  readonly closed_at: Date | null;
  readonly vendor_aware_at: Date | null;
  readonly fix_ready_at: Date | null;
  readonly fix_deployed_at: Date | null;
  readonly public_at: Date | null;
  readonly exploit_public_at: Date | null;
  readonly attacked_at: Date | null;
  readonly first_post_at: Date | null;
}

function toRow(it: Case): unknown[] {
  return [
    it.id,
    it.version,
    it.kind,
    it.time,
    it.policy,
    it.stage,
    it.embargo,
    it.openedAt,
    'notifiedAt' in it ? it.notifiedAt : null,
    'dueAt' in it ? it.dueAt : null,
    'isExtended' in it ? it.isExtended : null,
    'detailsAt' in it ? it.detailsAt : null,
    'closedAt' in it ? it.closedAt : null,
    it.facts.V ?? null,
    it.facts.F ?? null,
    it.facts.D ?? null,
    it.facts.P ?? null,
    it.facts.X ?? null,
    it.facts.A ?? null,
    it.firstPostAt ?? null,
  ];
}

// The table's checks guarantee the facts each stage carries, so one cast is enough.
function fromRow(row: CaseRow, parties: ReadonlyMap<string, readonly Party[]>): Case {
  const facts: CaseFacts = {
    ...(row.vendor_aware_at && { V: row.vendor_aware_at }),
    ...(row.fix_ready_at && { F: row.fix_ready_at }),
    ...(row.fix_deployed_at && { D: row.fix_deployed_at }),
    ...(row.public_at && { P: row.public_at }),
    ...(row.exploit_public_at && { X: row.exploit_public_at }),
    ...(row.attacked_at && { A: row.attacked_at }),
  };
  const isCoordinated = row.is_extended !== null;
  return {
    id: row.id,
    version: row.version,
    kind: row.kind,
    time: row.time,
    policy: row.policy,
    stage: row.stage,
    embargo: row.embargo,
    openedAt: row.opened_at,
    ...(row.first_post_at && { firstPostAt: row.first_post_at }),
    parties: parties.get(row.id) ?? [],
    facts,
    ...(row.notified_at && { notifiedAt: row.notified_at }),
    ...(isCoordinated && { dueAt: row.due_at }),
    ...(row.is_extended !== null && { isExtended: row.is_extended }),
    ...(row.details_at && { detailsAt: row.details_at }),
    ...(row.closed_at && { closedAt: row.closed_at }),
  } as Case;
}

interface PartyRow extends Party {
  readonly case_id: string;
}

async function findParties(
  tx: Transaction,
  caseIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Party[]>> {
  const { rows } = await tx.query<PartyRow>(
    `select id, case_id, role, simulated, report from disclosure.case_parties
      where case_id = any($1) order by case_id, position`,
    [caseIds],
  );
  const parties = rows.map(({ case_id, id, role, simulated, report }) => ({
    case_id,
    party: { id, role, simulated, report },
  }));
  return new Map(
    [...Map.groupBy(parties, ({ case_id }) => case_id)].map(([id, of]) => [id, of.map(({ party }) => party)]),
  );
}
