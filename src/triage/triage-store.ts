/** What was decided of cases, what people answered, what reviewers found. */
import type { Transaction } from '../store/database.ts';
import type { Review } from './calibration.ts';

export function createTriageStore(tx: Transaction) {
  return {
    async lastDecision(
      caseId: string,
    ): Promise<{ number: number; identity: Buffer; sealed: Buffer; at: Date } | undefined> {
      const { rows } = await tx.query<{ number: number; identity: Buffer; sealed: Buffer; at: Date }>(
        `select number, identity, sealed, decided_at as at from triage.decisions
         where case_id = $1 order by number desc limit 1`,
        [caseId],
      );
      return rows[0];
    },

    async addDecision(caseId: string, number: number, identity: Buffer, sealed: Buffer): Promise<void> {
      await tx.query('insert into triage.decisions (case_id, number, identity, sealed) values ($1, $2, $3, $4)', [
        caseId,
        number,
        identity,
        sealed,
      ]);
    },

    /** By what the case can be found when a feed names it. */
    async keepIds(caseId: string, indices: readonly Uint8Array[]): Promise<void> {
      await tx.query(
        'insert into triage.case_ids (case_id, cve_index) select $1, unnest($2::bytea[]) on conflict do nothing',
        [caseId, indices],
      );
    },

    async casesOf(indices: readonly Uint8Array[]): Promise<ReadonlySet<string>> {
      const { rows } = await tx.query<{ id: string }>(
        'select distinct case_id as id from triage.case_ids where cve_index = any($1::bytea[])',
        [indices],
      );
      return new Set(rows.map(({ id }) => id));
    },

    async answers(caseId: string): Promise<Readonly<Record<string, string>>> {
      const { rows } = await tx.query<{ point: string; value: string }>(
        'select point, value from triage.answers where case_id = $1',
        [caseId],
      );
      return Object.fromEntries(rows.map(({ point, value }) => [point, value]));
    },

    async addAnswer(caseId: string, point: string, value: string, actor: string): Promise<void> {
      await tx.query(
        `insert into triage.answers (case_id, point, value, answered_by) values ($1, $2, $3, $4)
         on conflict (case_id, point) do update set value = excluded.value, answered_by = excluded.answered_by,
           answered_at = now()`,
        [caseId, point, value, actor],
      );
    },

    async reviews(): Promise<readonly Review[]> {
      const { rows } = await tx.query<Review>('select rater, claimed, found from triage.reviews order by id');
      return rows;
    },

    /** What the newest review of something found it to be. */
    async foundOf(about: string): Promise<Review['found'] | undefined> {
      const { rows } = await tx.query<Pick<Review, 'found'>>(
        'select found from triage.reviews where about = $1 order by reviewed_at desc, id desc limit 1',
        [about],
      );
      return rows[0]?.found;
    },

    async addReview({ rater, claimed, found }: Review, about: string, reviewer: string): Promise<void> {
      await tx.query(
        `insert into triage.reviews (rater, claimed, found, about, reviewer) values ($1, $2, $3, $4, $5)
         on conflict (rater, about) do update set claimed = excluded.claimed, found = excluded.found,
           reviewer = excluded.reviewer, reviewed_at = now()`,
        [rater, claimed, found, about, reviewer],
      );
    },
  };
}
