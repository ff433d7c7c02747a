/** The database through a pool of connections. Everything above sees only `database.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Database, Transaction } from './database.ts';
import { StoreError } from './store-error.ts';

export interface DatabaseOptions {
  readonly url: string;
  readonly maxConnections?: number;
  /** A statement that runs longer is ended by the server. */
  readonly statementTimeoutMs?: number;
  /** Shown by the server beside each connection. */
  readonly name?: string;
  /** Told of connections that broke while idle (a restarted server, say); the pool replaces them by itself. */
  readonly onLostConnection?: (error: Error) => void;
}

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** How often `work` may run in all when the server asks for a retry (serialization failure, deadlock). */
  readonly attempts?: number;
}

export interface OpenDatabase extends Database {
  readonly url: string;
  readonly pool: pg.Pool;
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  stats(): { readonly total: number; readonly idle: number; readonly waiting: number; readonly max: number };
  close(): Promise<void>;
}

const OLDEST_VERSION = 150_000;
const MAX_CONNECTIONS = 10;
const STATEMENT_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 15_000;
const RETRY_PAUSE_MS = 5;
const RETRYABLE = new Set(['40001', '40P01']);

/** Throws StoreError `unreachable` or `wrong-version`. */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  const max = options.maxConnections ?? MAX_CONNECTIONS;
  const pool = new pg.Pool({
    connectionString: options.url,
    max,
    application_name: options.name ?? 'headstart',
    statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // Without a listener, a server that restarts ends this process (57P01 on an idle connection).
  pool.on('error', (error) => options.onLostConnection?.(error));
  // Likewise one that breaks between two statements of a transaction; the next statement reports it.
  pool.on('connect', (client) => client.on('error', () => {}));
  try {
    await checkVersion(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    url: options.url,
    pool,
    query: (sql, parameters) => query(pool, sql, parameters),
    transaction: (work, transactionOptions) => runTransaction(pool, work, transactionOptions),
    stats: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount, max }),
    close: () => pool.end(),
  };
}

async function checkVersion(pool: pg.Pool): Promise<void> {
  const { rows } = await pool
    .query<{ number: number; text: string }>(
      `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
    )
    .catch((cause) => {
      throw new StoreError('unreachable', `the database does not answer: ${cause.message}`, { cause });
    });
  const version = rows[0];
  if (!version || version.number < OLDEST_VERSION) {
    throw new StoreError('wrong-version', `the database is PostgreSQL ${version?.text}; 15 or newer is needed`);
  }
}

async function query<Row>(
  on: pg.Pool | pg.PoolClient,
  sql: string,
  parameters: unknown[] | undefined,
): Promise<{ rows: Row[] }> {
  // pg asks rows to be records; which columns a statement returns is the caller's word either way.
  const { rows } = await on.query(sql, parameters);
  return { rows };
}

async function runTransaction<T>(
  pool: pg.Pool,
  work: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const attempts = options.attempts ?? 1;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(pool, work, options.isolation ?? 'read committed');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (attempt >= attempts || !RETRYABLE.has(code)) throw error;
      await sleep(RETRY_PAUSE_MS * attempt);
    }
  }
}

async function runOnce<T>(
  pool: pg.Pool,
  work: (tx: Transaction) => Promise<T>,
  isolation: NonNullable<TransactionOptions['isolation']>,
): Promise<T> {
  const client = await pool.connect();
  let open = true;
  const tx: Transaction = {
    query: (sql, parameters) => {
      // A statement that escaped its transaction would be kept although the transaction is not, or the reverse.
      if (!open) throw new Error('this transaction has ended; await every statement inside it');
      return query(client, sql, parameters);
    },
  };
  let broken: Error | undefined;
  const onBroken = (error: Error): void => {
    broken = error;
  };
  client.on('error', onBroken);
  try {
    await client.query(`begin isolation level ${isolation}`);
    const value = await work(tx);
    open = false;
    await commit(client);
    return value;
  } catch (error) {
    open = false;
    await client.query('rollback').catch((failure) => {
      broken ??= failure;
    });
    throw error;
  } finally {
    client.off('error', onBroken);
    client.release(broken);
  }
}

/** Postgres answers COMMIT of a failed transaction with ROLLBACK and no error. */
async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('commit');
  if (command !== 'COMMIT') {
    throw new Error('the transaction was rolled back: a statement in it had failed and its error was caught');
  }
}
