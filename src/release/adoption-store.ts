/** Acts of adoption in Postgres. The only file that knows their table. */
import type { Adoption } from '../policy/index.ts';
import type { Transaction } from '../store/database.ts';

export interface KeptAdoption extends Omit<Adoption, 'at'> {
  readonly at: Date;
}

const ADOPTION = 'framework, label, digest, act, adopted_at as at, signed_by as "signedBy"';
const NEWEST_FIRST = 'order by adopted_at desc, position desc';

export function createAdoptionStore(tx: Transaction) {
  const list = async (where: string, parameters: unknown[]): Promise<readonly KeptAdoption[]> =>
    (await tx.query<KeptAdoption>(`select ${ADOPTION} from release.adoptions where ${where}`, parameters)).rows;
  return {
    async insert({ framework, label, digest, act, at, signedBy }: Adoption, entryId: string, now: Date): Promise<void> {
      await tx.query(
        `insert into release.adoptions (framework, label, digest, act, adopted_at, signed_by, entry_id, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [framework, label, digest, act, at, signedBy, entryId, now],
      );
    },
    /** Two acts at once wait for each other. */
    async lock(): Promise<void> {
      await tx.query('lock table release.adoptions in share row exclusive mode');
    },
    findInForce: async (framework: string): Promise<KeptAdoption | undefined> =>
      (await list(`framework = $1 ${NEWEST_FIRST} limit 1`, [framework]))[0],
    /** Whatever was ever adopted under a label. */
    ofLabel: (label: string) => list(`label = $1 ${NEWEST_FIRST}`, [label]),
    all: () => list(`true ${NEWEST_FIRST}`, []),
  };
}
