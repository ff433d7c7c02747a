/**
 * Lists in pages, cut by the database: it reads what is shown and no more, however long the list is. A place in the list
 * is the value of one column (its id, most often); a place that the list does not hold gives an empty page.
 */
import type { Transaction } from './database.ts';

export interface PageAsk {
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Undefined on the last one. */
  readonly next: string | undefined;
}

/** Words of ours, never of a caller. `where` refers to `parameters` as $1, $2, … */
export interface PagedList {
  readonly table: string;
  readonly columns?: string;
  readonly where?: string;
  readonly parameters?: readonly unknown[];
  /** Columns that together tell any two rows apart; all of them descend where the newest comes first. */
  readonly order: readonly string[];
  readonly isNewestFirst?: boolean;
  /** The column that names a place. */
  readonly place?: string;
}

export async function readPage<Row extends object, T>(
  tx: Transaction,
  { table, columns = '*', where = 'true', parameters = [], order, isNewestFirst = false, place = 'id' }: PagedList,
  { limit, after }: PageAsk,
  fromRow: (row: Row) => T,
): Promise<Page<T>> {
  const [limitAt, afterAt] = [`$${parameters.length + 1}`, `$${parameters.length + 2}`];
  const [direction, beyond] = isNewestFirst ? ['desc', '<'] : ['asc', '>'];
  const key = order.join(', ');
  const start =
    after === undefined
      ? ''
      : `and (${key}) ${beyond} (select ${key} from ${table} where ${place}::text = ${afterAt} and (${where}))`;
  const { rows } = await tx.query<Row & { page_place: string }>(
    `select ${columns}, ${place}::text as page_place from ${table} where (${where}) ${start}
      order by ${order.map((each) => `${each} ${direction}`).join(', ')} limit ${limitAt}`,
    [...parameters, limit + 1, ...(after === undefined ? [] : [after])],
  );
  const shown = rows.slice(0, limit);
  return { items: shown.map(fromRow), next: rows.length > limit ? shown.at(-1)?.page_place : undefined };
}

/** Rows of one round trip where a whole list is read. */
const WHOLE_LIMIT = 1_000;

/** All of it, for who needs the whole: a person at the command line, an export. */
export async function readWhole<T>(page: (ask: PageAsk) => Promise<Page<T>>): Promise<readonly T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const { items, next } = await page({ limit: WHOLE_LIMIT, after });
    all.push(...items);
    after = next;
  } while (after !== undefined);
  return all;
}
