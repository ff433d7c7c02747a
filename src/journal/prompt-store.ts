/** The keys of days: the only file that knows the table `journal.prompt_days`. */
import type { Transaction } from '../store/database.ts';

export interface PromptDay {
  /** `2026-11-21`. */
  readonly day: string;
  readonly keyId: string;
  readonly sealedKey: Buffer;
}

interface Row {
  readonly day: string;
  readonly key_id: string;
  readonly sealed_key: Buffer;
}

const toDay = ({ day, key_id, sealed_key }: Row): PromptDay => ({ day, keyId: key_id, sealedKey: sealed_key });
const COLUMNS = 'day::text as day, key_id, sealed_key';

export function createPromptStore(tx: Transaction) {
  return {
    /** Undefined where there is none, or it was destroyed. */
    async find(day: string): Promise<PromptDay | undefined> {
      const { rows } = await tx.query<Row>(
        `select ${COLUMNS} from journal.prompt_days where day = $1 and destroyed_at is null`,
        [day],
      );
      return rows[0] && toDay(rows[0]);
    },

    /** False where another process was first. */
    async insert({ day, keyId, sealedKey }: PromptDay): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into journal.prompt_days (day, key_id, sealed_key) values ($1, $2, $3)
             on conflict do nothing returning day`,
        [day, keyId, sealedKey],
      );
      return rows.length === 1;
    },

    /** Newest first. */
    async list(): Promise<PromptDay[]> {
      const { rows } = await tx.query<Row>(
        `select ${COLUMNS} from journal.prompt_days where destroyed_at is null order by day desc`,
      );
      return rows.map(toDay);
    },

    async lockBefore(day: string): Promise<PromptDay[]> {
      const { rows } = await tx.query<Row>(
        `select ${COLUMNS} from journal.prompt_days
          where day < $1 and destroyed_at is null order by day for update`,
        [day],
      );
      return rows.map(toDay);
    },

    async destroy(day: string, at: Date): Promise<void> {
      await tx.query('update journal.prompt_days set destroyed_at = $2 where day = $1', [day, at]);
    },
  };
}
