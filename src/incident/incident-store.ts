/** Incidents in Postgres. The only file that knows their tables. */
import type { Json } from '../lib/canonical-json.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { Incident, IncidentEvent } from './course.ts';
import type { IncidentReview } from './review.ts';

interface Kept {
  readonly sha256: string;
  readonly at: Date;
  readonly by: string;
}

const COLUMNS = 'id, model, severity, state, record, owner, summary, version, opened_at as "openedAt"';
/** At most so many are listed at once. */
const LIST_LIMIT = 1_000;

type Row = Omit<Incident, 'model'> & { readonly model: string | null };
const toIncident = ({ model, ...row }: Row): Incident => ({ ...row, model: model ?? undefined });

export function createIncidentStore(tx: Transaction) {
  return {
    async insert(incident: Incident): Promise<void> {
      const { id, model, severity, state, record, owner, summary, version, openedAt } = incident;
      await tx.query(
        `insert into release.incidents (id, model, severity, state, record, owner, summary, version, opened_at)
         values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9)`,
        [id, model ?? null, severity, state, JSON.stringify(record), owner, summary, version, openedAt],
      );
    },

    async find(id: string): Promise<Incident | undefined> {
      const { rows } = await tx.query<Row>(`select ${COLUMNS} from release.incidents where id = $1`, [id]);
      return rows.map(toIncident)[0];
    },

    /** The newest first. */
    async list(): Promise<readonly Incident[]> {
      const { rows } = await tx.query<Row>(
        `select ${COLUMNS} from release.incidents order by opened_at desc, id limit $1`,
        [LIST_LIMIT],
      );
      return rows.map(toIncident);
    },

    async move({ id, version }: Incident, next: Pick<Incident, 'state' | 'record' | 'severity'>): Promise<void> {
      const { rows } = await tx.query(
        `update release.incidents set state = $3, record = $4::jsonb, severity = $5, version = version + 1
          where id = $1 and version = $2 returning id`,
        [id, version, next.state, JSON.stringify(next.record), next.severity],
      );
      if (rows.length === 0) throw new StaleWrite('incident', id);
    },

    async putReview(incident: string, kept: Kept & { readonly review: IncidentReview }): Promise<void> {
      await tx.query(
        `insert into release.incident_reviews (incident, review, sha256, reviewed_at, reviewed_by)
         values ($1, $2::jsonb, $3, $4, $5)`,
        [incident, JSON.stringify(kept.review), kept.sha256, kept.at, kept.by],
      );
    },
    async findReview(incident: string): Promise<IncidentReview | undefined> {
      const { rows } = await tx.query<{ review: IncidentReview }>(
        'select review from release.incident_reviews where incident = $1',
        [incident],
      );
      return rows[0]?.review;
    },
    async putRecord(incident: string, kept: Kept & { readonly record: Json; readonly entry: string }): Promise<void> {
      await tx.query(
        `insert into release.incident_publications (incident, record, sha256, entry_id, published_at, published_by)
         values ($1, $2::jsonb, $3, $4, $5, $6)`,
        [incident, JSON.stringify(kept.record), kept.sha256, kept.entry, kept.at, kept.by],
      );
    },
    /** The newest, with its entry in the log. */
    async findRecord(incident: string): Promise<{ readonly sha256: string; readonly entry: string } | undefined> {
      const { rows } = await tx.query<{ sha256: string; entry: string }>(
        `select sha256, entry_id as entry from release.incident_publications
          where incident = $1 order by position desc limit 1`,
        [incident],
      );
      return rows[0];
    },

    async note(incident: string, { at, actor, event, note }: IncidentEvent): Promise<void> {
      await tx.query(
        'insert into release.incident_events (incident, at, actor, event, note) values ($1, $2, $3, $4, $5)',
        [incident, at, actor, event, note],
      );
    },

    async events(incident: string): Promise<readonly IncidentEvent[]> {
      const { rows } = await tx.query<IncidentEvent>(
        'select at, actor, event, note from release.incident_events where incident = $1 order by position',
        [incident],
      );
      return rows;
    },
  };
}
