/** Deadlines and what was agreed about them, in Postgres. A deadline is a row, never a timer of a process. */
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Case, CaseId } from './case.ts';
import type { ClockChange, ClockKind } from './case-step.ts';

export interface RunningClock {
  readonly caseId: CaseId;
  readonly kind: ClockKind;
  readonly startedAt: Date;
  readonly dueAt: Date;
  readonly stoppedAt: Date | null;
  readonly reachedAt: Date | null;
  /** How late it was noticed: from its time, or from when a doubted clock was believed again. */
  readonly lateMs: number | null;
}

export function createClockStore(tx: Transaction) {
  return {
    async change(it: Case, changes: readonly ClockChange[], origin: string, now: Date): Promise<void> {
      for (const change of changes) {
        if (change.change === 'stop') {
          await tx.query(
            'update disclosure.clocks set stopped_at = $3 where case_id = $1 and kind = $2 and stopped_at is null',
            [it.id, change.clock, now],
          );
        } else {
          await tx.query(
            `insert into disclosure.clocks (case_id, kind, policy, origin, started_at, due_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (case_id, kind) do update
               set due_at = excluded.due_at, reached_at = null, late_ms = null, stopped_at = null`,
            [it.id, change.clock, it.policy, origin, now, change.dueAt],
          );
        }
      }
    },

    async list(caseId: string): Promise<readonly RunningClock[]> {
      const { rows } = await tx.query<ClockRow>(
        'select * from disclosure.clocks where case_id = $1 order by due_at, kind',
        [caseId],
      );
      return rows.map(toClock);
    },

    /** Running clocks whose time has come, the longest due first: all, or those of one case. */
    async listDue(now: Date, time: Case['time'], limit: number, caseId?: string): Promise<readonly RunningClock[]> {
      const { rows } = await tx.query<ClockRow>(
        `select clock.* from disclosure.clocks as clock join disclosure.cases as it on it.id = clock.case_id
          where clock.stopped_at is null and clock.reached_at is null and clock.due_at <= $1 and it.time = $2
            and ($4::text is null or clock.case_id = $4)
          order by clock.due_at limit $3`,
        [now, time, limit, caseId ?? null],
      );
      return rows.map(toClock);
    },

    /**
     * Gives the clock to one who notices that its time has come; undefined for everybody else, and before that. Who has it
     * in hand already is not waited for: workers that sweep together take turns by the clock, not in a queue.
     */
    async markReached(
      caseId: string,
      kind: ClockKind,
      { at, freedAt }: { readonly at: Date; readonly freedAt: Date | null },
    ): Promise<RunningClock | undefined> {
      const { rows } = await tx.query<ClockRow>(
        `update disclosure.clocks set reached_at = $3, late_ms = greatest(0, extract(epoch from
             $3::timestamptz - greatest(due_at, $4::timestamptz)) * 1000)
          where (case_id, kind) in (select case_id, kind from disclosure.clocks where case_id = $1 and kind = $2
                   and stopped_at is null and reached_at is null and due_at <= $3 for update skip locked)
      returning *`,
        [caseId, kind, at, freedAt],
      );
      return rows[0] && toClock(rows[0]);
    },

    /** Keeps the history of what was agreed: the earlier agreement is superseded, the new one stands. */
    async recordAgreement(caseId: string, dueAt: Date, now: Date, random: RandomBytes): Promise<void> {
      await tx.query(
        `update disclosure.embargoes set state = 'superseded', decided_at = $2 where case_id = $1 and state = 'accepted'`,
        [caseId, now],
      );
      await tx.query(
        `insert into disclosure.embargoes (id, case_id, proposed_at, due_at, state, decided_at)
         values ($1, $2, $3, $4, 'accepted', $3)`,
        [createId('embargo', random), caseId, now, dueAt],
      );
    },

    async endAgreements(caseId: string, now: Date): Promise<void> {
      await tx.query(
        `update disclosure.embargoes set state = 'ended', decided_at = $2
          where case_id = $1 and state in ('accepted', 'proposed')`,
        [caseId, now],
      );
    },
  };
}

interface ClockRow {
  readonly case_id: CaseId;
  readonly kind: ClockKind;
  readonly started_at: Date;
  readonly due_at: Date;
  readonly stopped_at: Date | null;
  readonly reached_at: Date | null;
  readonly late_ms: number | null;
}

const toClock = (row: ClockRow): RunningClock => ({
  caseId: row.case_id,
  kind: row.kind,
  startedAt: row.started_at,
  dueAt: row.due_at,
  stoppedAt: row.stopped_at,
  reachedAt: row.reached_at,
  lateMs: row.late_ms,
});
