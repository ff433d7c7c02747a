/** A decision inside a transaction: refused, it leaves nothing behind. */
import type { Result } from '../lib/result.ts';
import type { Database, Transaction } from './database.ts';

/** Carries the refusal out of the transaction, which is undone by it. */
class Undone<R> extends Error {
  readonly refusal: R;

  constructor(refusal: R) {
    super('refused');
    this.refusal = refusal;
  }
}

export async function decide<T, R>(
  database: Database,
  work: (tx: Transaction) => Promise<Result<T, R>>,
): Promise<Result<T, R>> {
  try {
    return await database.transaction(async (tx) => {
      const outcome = await work(tx);
      if (!outcome.ok) throw new Undone(outcome.refusal);
      return outcome;
    });
  } catch (error) {
    if (error instanceof Undone) return { ok: false, refusal: error.refusal };
    throw error;
  }
}
