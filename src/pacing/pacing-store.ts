/** Projects, wishes, opt-outs and the queue in Postgres. The only file that knows the schema `pacing`. */
import type { Transaction } from '../store/database.ts';
import type { Channel, Wishes } from './allowance.ts';
import { isSevere, type SentReport } from './capacity.ts';
import type { Waiting } from './harm.ts';

/** A project's blind index. */
export type ProjectId = string;

export interface PacedReport {
  readonly caseId: string;
  readonly projectId: ProjectId;
  readonly waiting: Waiting;
  readonly isReady: boolean;
  readonly sentAt: Date | null;
  readonly ended: { readonly at: Date; readonly how: 'fixed' | 'missed' | 'answered' } | null;
}

export interface PacedProject {
  readonly id: ProjectId;
  readonly keyId: string;
  readonly name: Buffer;
  /** Where its reports go, sealed; null: nobody has said so. */
  readonly address: Buffer | null;
  readonly wishes: Wishes;
}

export interface PaceSettings {
  readonly releasedBy: 'person' | 'policy';
  readonly mostPerDay: number | null;
}

export interface RecordedWish {
  readonly wish: string;
  readonly actor: string;
  readonly at: Date;
}

/** Wishes shown of one project, the newest first. */
const WISHES_SHOWN = 50;
const DAY_MS = 86_400_000;

export const toDay = (at: Date): number => at.getTime() / DAY_MS;

export function createPacingStore(tx: Transaction) {
  return { ...projects(tx), ...optOuts(tx), ...reports(tx), ...settings(tx) };
}

function projects(tx: Transaction) {
  const list = async (condition: string, values: unknown[]): Promise<readonly PacedProject[]> => {
    const { rows } = await tx.query<ProjectRow>(
      `select project.*, (select min(list) from pacing.opt_outs where project_id = project.id) as opted_out_by
         from pacing.projects as project ${condition}`,
      values,
    );
    return rows.map(toProject);
  };
  return {
    listProjects: (ids: readonly ProjectId[]) => list('where id = any($1) order by id', [ids]),

    /** Whoever decides about the project after this waits until this transaction ends. */
    lockProject: async (id: ProjectId): Promise<PacedProject | undefined> =>
      (await list('where id = $1 for update of project', [id]))[0],

    async insertProject(id: ProjectId, keyId: string, name: Uint8Array): Promise<void> {
      await tx.query('insert into pacing.projects (id, key_id, name) values ($1, $2, $3) on conflict do nothing', [
        id,
        keyId,
        name,
      ]);
    },

    async saveWishes(id: ProjectId, wishes: Wishes, { wish, actor }: Omit<RecordedWish, 'at'>): Promise<void> {
      await tx.query(
        'update pacing.projects set channel = $2, most_open = $3, most_per_week = $4, asked_rate = $5 where id = $1',
        [id, wishes.channel, wishes.mostOpen, wishes.mostPerWeek, wishes.askedRate],
      );
      await tx.query('insert into pacing.wishes (project_id, wish, actor) values ($1, $2, $3)', [id, wish, actor]);
    },

    async saveAddress(
      id: ProjectId,
      sealed: Uint8Array | null,
      { wish, actor }: Omit<RecordedWish, 'at'>,
    ): Promise<void> {
      await tx.query('update pacing.projects set address = $2 where id = $1', [id, sealed]);
      await tx.query('insert into pacing.wishes (project_id, wish, actor) values ($1, $2, $3)', [id, wish, actor]);
    },

    async listWishes(id: ProjectId): Promise<readonly RecordedWish[]> {
      const { rows } = await tx.query<RecordedWish>(
        'select wish, actor, at from pacing.wishes where project_id = $1 order by id desc limit $2',
        [id, WISHES_SHOWN],
      );
      return rows;
    },
  };
}

export interface OptOutList {
  readonly name: string;
  readonly sha256: string;
  /** Null where it came from a file. */
  readonly source: string | null;
  readonly importedAt: Date;
  readonly lookedAt: Date | null;
  /** Why it could not be read again; what was read before stays in force. */
  readonly trouble: string | null;
  readonly projects: number;
}

function optOuts(tx: Transaction) {
  return {
    async replaceList(
      { name, sha256, source }: Pick<OptOutList, 'name' | 'sha256' | 'source'>,
      ids: readonly ProjectId[],
    ): Promise<void> {
      await tx.query(
        `insert into pacing.opt_out_lists (name, sha256, source) values ($1, $2, $3)
         on conflict (name) do update set sha256 = excluded.sha256, source = excluded.source, imported_at = now(),
           trouble = null`,
        [name, sha256, source],
      );
      await tx.query('delete from pacing.opt_outs where list = $1', [name]);
      await tx.query('insert into pacing.opt_outs (list, project_id) select $1, unnest($2::text[])', [name, ids]);
    },

    async findOptOut(id: ProjectId): Promise<string | null> {
      const { rows } = await tx.query<{ list: string | null }>(
        'select min(list) as list from pacing.opt_outs where project_id = $1',
        [id],
      );
      return rows[0]?.list ?? null;
    },

    async noteLook(name: string, trouble: string | null): Promise<void> {
      await tx.query('update pacing.opt_out_lists set looked_at = now(), trouble = $2 where name = $1', [
        name,
        trouble,
      ]);
    },

    async listLists(): Promise<readonly OptOutList[]> {
      const { rows } = await tx.query<OptOutList>(
        `select name, sha256, source, imported_at as "importedAt", looked_at as "lookedAt", trouble,
                (select count(*)::int from pacing.opt_outs where list = name) as projects
           from pacing.opt_out_lists order by name`,
      );
      return rows;
    },
  };
}

function reports(tx: Transaction) {
  return {
    /** What was noted earlier of sending and ending stays: a reader may have looked before it happened. */
    async noteReport(report: PacedReport): Promise<void> {
      const { waiting, ended } = report;
      await tx.query(
        `insert into pacing.reports as own (case_id, project_id, outcome, is_exploited, is_chained, dependents, relation,
                                            found_at, is_ready, sent_at, ended_at, how)
         values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::double precision * 86400), $9, $10, $11, $12)
         on conflict (case_id) do update set outcome = excluded.outcome, is_exploited = excluded.is_exploited,
           is_chained = excluded.is_chained, dependents = excluded.dependents, is_ready = excluded.is_ready,
           sent_at = coalesce(own.sent_at, excluded.sent_at), ended_at = coalesce(own.ended_at, excluded.ended_at),
           how = coalesce(own.how, excluded.how)`,
        [
          report.caseId,
          report.projectId,
          waiting.outcome,
          waiting.isExploited,
          waiting.isChained,
          waiting.dependents,
          waiting.relation,
          waiting.foundDay,
          report.isReady,
          report.sentAt,
          ended?.at ?? null,
          ended?.how ?? null,
        ],
      );
    },

    async listEnded(): Promise<ReadonlySet<string>> {
      const { rows } = await tx.query<{ id: string }>(
        'select case_id as id from pacing.reports where ended_at is not null',
      );
      return new Set(rows.map(({ id }) => id));
    },

    async listReports(projectId: ProjectId): Promise<readonly PacedReport[]> {
      const { rows } = await tx.query<ReportRow>(
        'select * from pacing.reports where project_id = $1 order by case_id',
        [projectId],
      );
      return rows.map(toReport);
    },

    async listProjectsWaiting(): Promise<readonly ProjectId[]> {
      const { rows } = await tx.query<{ id: string }>(
        `select distinct project_id as id from pacing.reports
          where sent_at is null and ended_at is null and is_ready order by id`,
      );
      return rows.map(({ id }) => id);
    },

    /** Those at which anything confirmed is not mended yet, sent or not. */
    async listProjectsOpen(): Promise<readonly ProjectId[]> {
      const { rows } = await tx.query<{ id: string }>(
        `select distinct project_id as id from pacing.reports
          where ended_at is null and (is_ready or sent_at is not null) order by id`,
      );
      return rows.map(({ id }) => id);
    },

    async findProjectOf(caseId: string): Promise<ProjectId | undefined> {
      const { rows } = await tx.query<{ id: string }>(
        'select project_id as id from pacing.reports where case_id = $1',
        [caseId],
      );
      return rows[0]?.id;
    },

    async markSent(caseId: string, releasedBy: string): Promise<void> {
      await tx.query('update pacing.reports set sent_at = now(), released_by = $2 where case_id = $1', [
        caseId,
        releasedBy,
      ]);
    },
  };
}

function settings(tx: Transaction) {
  return {
    async now(): Promise<Date> {
      const { rows } = await tx.query<{ now: Date }>('select now() as now');
      if (!rows[0]) throw new Error('the database does not know what time it is');
      return rows[0].now;
    },

    async countSentToday(): Promise<number> {
      const { rows } = await tx.query<{ count: number }>(
        "select count(*)::int as count from pacing.reports where sent_at > now() - interval '1 day'",
      );
      return rows[0]?.count ?? 0;
    },

    getSettings: () => readSettings(tx, ''),

    /** Of several releases the next counts what the one before sent. */
    lockSettings: () => readSettings(tx, 'for update'),

    async saveSettings({ releasedBy, mostPerDay }: PaceSettings): Promise<void> {
      await tx.query('update pacing.settings set released_by = $1, most_per_day = $2', [releasedBy, mostPerDay]);
    },
  };
}

async function readSettings(tx: Transaction, lock: string): Promise<PaceSettings> {
  const { rows } = await tx.query<PaceSettings>(
    `select released_by as "releasedBy", most_per_day as "mostPerDay" from pacing.settings ${lock}`,
  );
  if (!rows[0]) throw new Error('pacing has no settings');
  return rows[0];
}

/** As pacing counts it: in days since 1970. */
export function toSent({ sentAt, ended, waiting }: PacedReport): SentReport | undefined {
  if (!sentAt) return undefined;
  const severe = isSevere(waiting.outcome);
  return { sentDay: toDay(sentAt), endedDay: ended && toDay(ended.at), end: ended?.how ?? null, isSevere: severe };
}

interface ProjectRow {
  readonly id: string;
  readonly key_id: string;
  readonly name: Buffer;
  readonly address: Buffer | null;
  readonly channel: Channel;
  readonly most_open: number | null;
  readonly most_per_week: number | null;
  readonly asked_rate: number;
  readonly opted_out_by: string | null;
}

const toProject = (row: ProjectRow): PacedProject => ({
  id: row.id,
  keyId: row.key_id,
  name: row.name,
  address: row.address,
  wishes: {
    channel: row.channel,
    optedOutBy: row.opted_out_by,
    mostOpen: row.most_open,
    mostPerWeek: row.most_per_week,
    askedRate: row.asked_rate,
  },
});

interface ReportRow {
  readonly case_id: string;
  readonly project_id: string;
  readonly outcome: Waiting['outcome'];
  readonly is_exploited: boolean;
  readonly is_chained: boolean;
  readonly dependents: number;
  readonly relation: string | null;
  readonly found_at: Date;
  readonly is_ready: boolean;
  readonly sent_at: Date | null;
  readonly ended_at: Date | null;
  readonly how: 'fixed' | 'missed' | 'answered' | null;
}

const toReport = (row: ReportRow): PacedReport => ({
  caseId: row.case_id,
  projectId: row.project_id,
  isReady: row.is_ready,
  sentAt: row.sent_at,
  ended: row.ended_at && row.how ? { at: row.ended_at, how: row.how } : null,
  waiting: {
    id: row.case_id,
    outcome: row.outcome,
    isExploited: row.is_exploited,
    isChained: row.is_chained,
    dependents: row.dependents,
    foundDay: toDay(row.found_at),
    relation: row.relation,
  },
});
