/**
 * One connection of its own that hears NOTIFY and answers queries whatever the pool is busy with. It is not repaired:
 * once lost, every query fails and the owner opens another.
 */
import pg from 'pg';
import type { Transaction } from './database.ts';

export interface ListeningConnection extends Transaction {
  /** One read-only transaction that sees one instant. */
  snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ListeningOptions {
  readonly url: string;
  readonly channel: string;
  readonly name: string;
  /** A statement that is not answered by then fails, and with it the connection. */
  readonly answerWithinMs: number;
  readonly onNotify: () => void;
  readonly onLost: () => void;
}

export async function openListeningConnection(options: ListeningOptions): Promise<ListeningConnection> {
  const { channel, answerWithinMs: limit, onNotify, onLost } = options;
  if (!/^[a-z_]{1,63}$/.test(channel)) throw new RangeError(`"${channel}" names no channel`);
  const client = new pg.Client({
    connectionString: options.url,
    application_name: options.name,
    connectionTimeoutMillis: limit,
    query_timeout: limit,
    statement_timeout: limit,
  });
  client.on('notification', onNotify);
  client.on('error', onLost);
  client.on('end', onLost);
  const query = async <Row>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }> => {
    const { rows } = await client.query(sql, parameters);
    return { rows };
  };
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  return {
    query,
    async snapshot(work) {
      await client.query('begin isolation level repeatable read read only');
      // A failure leaves the transaction open; the owner closes the connection then.
      const value = await work({ query });
      await client.query('commit');
      return value;
    },
    close: () => client.end().catch(() => {}),
  };
}
