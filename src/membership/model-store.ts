/** Models in Postgres. */
import { type Model, modelAt, toModel } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';

const MODEL_COLUMNS = [
  'protocol',
  'url',
  'upstream_name',
  'api_key_env',
  'price_input',
  'price_output',
  'price_cache_write_5m',
  'price_cache_write_1h',
  'price_cache_read',
  'price_tiers',
  'context_tokens',
  'max_output_tokens',
  'on_leave',
  'min_tier',
] as const;

/** With the instant of the database's clock, by which a stage ends. */
const ROW = '*, timekeeping.instant() as instant';
const fromRow = (row: { readonly instant: Date }): Model => modelAt(toModel(row), row.instant);

export function createModelStore(tx: Transaction) {
  return {
    /** The stage stays what a decision made it. */
    async putModel(model: Model, at: Date): Promise<void> {
      const columns = MODEL_COLUMNS.join(', ');
      const places = MODEL_COLUMNS.map((_, index) => `$${index + 3}`).join(', ');
      const { prices } = model;
      await tx.query(
        `insert into program.models (id, added_at, ${columns}) values ($1, $2, ${places})
         on conflict (id) do update set (${columns}) = row(${MODEL_COLUMNS.map((each) => `excluded.${each}`).join(', ')})`,
        [
          model.id,
          at,
          model.protocol,
          model.url,
          model.upstreamName,
          model.apiKeyEnv,
          prices.input,
          prices.output,
          prices.cacheWrite5m,
          prices.cacheWrite1h,
          prices.cacheRead,
          JSON.stringify(prices.tiers ?? []),
          model.contextTokens,
          model.maxOutputTokens,
          model.onLeave,
          model.minTier,
        ],
      );
    },

    async findModel(id: string): Promise<Model | undefined> {
      const { rows } = await tx.query<never>(`select ${ROW} from program.models where id = $1`, [id]);
      return rows.map(fromRow)[0];
    },

    pageModels: (ask: PageAsk): Promise<Page<Model>> =>
      readPage(tx, { table: 'program.models', order: ['id'], columns: ROW }, ask, fromRow),
  };
}
