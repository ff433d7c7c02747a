/** Who may sign for an organisation, and what was signed, in Postgres: `scope.signers` and `scope.documents`. */
import type { Transaction } from '../store/database.ts';

export function createDocumentStore(tx: Transaction) {
  return {
    async addSigner(organisation: string, name: string, publicKey: Uint8Array, now: Date): Promise<void> {
      await tx.query(
        `insert into scope.signers (organisation, public_key, name, added_at) values ($1, $2, $3, $4)
         on conflict (organisation, public_key) do update set removed_at = null`,
        [organisation, Buffer.from(publicKey), name, now],
      );
    },

    async signersOf(organisation: string): Promise<readonly Uint8Array[]> {
      const { rows } = await tx.query<{ public_key: Buffer }>(
        'select public_key from scope.signers where organisation = $1 and removed_at is null',
        [organisation],
      );
      return rows.map((row) => row.public_key);
    },

    /** False where it was imported before. */
    async insertDocument(id: string, kind: 'authorisation' | 'critical-list', body: Uint8Array, now: Date) {
      const { rows } = await tx.query(
        `insert into scope.documents (id, kind, body, imported_at) values ($1, $2, $3, $4)
         on conflict (id) do nothing returning id`,
        [id, kind, Buffer.from(body), now],
      );
      return rows.length === 1;
    },
  };
}
