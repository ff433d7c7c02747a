/** The little of Postgres that stores use. */
export interface Transaction {
  query<Row>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }>;
}

export interface Database extends Transaction {
  /** Runs `work` in one transaction: all of it is kept, or none. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
}

/** Someone else changed the record between our read and our write. Retry or answer 409. */
export class StaleWrite extends Error {
  override readonly name = 'StaleWrite';

  constructor(what: string, id: string) {
    super(`${what} ${id} changed since it was read`);
  }
}
