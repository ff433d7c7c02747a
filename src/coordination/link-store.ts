/** Ways to a maintainer's page in Postgres: of a token only its hash. The only file that knows this table. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { ParticipantId } from './participant.ts';

export interface Link {
  readonly id: Id<'link'>;
  readonly caseId: Id<'case'>;
  readonly partyId: ParticipantId;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

export function createLinkStore(tx: Transaction) {
  return {
    /** The same token again changes nothing. */
    async insert(link: Omit<Link, 'revokedAt'>, tokenHash: Uint8Array): Promise<void> {
      await tx.query(
        `insert into coordination.links (id, case_id, party_id, token_hash, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (token_hash) do nothing`,
        [link.id, link.caseId, link.partyId, tokenHash, link.createdAt, link.expiresAt],
      );
    },

    /** That is neither revoked nor expired. */
    async find(tokenHash: Uint8Array, now: Date): Promise<Link | undefined> {
      const { rows } = await tx.query<Link>(
        `select ${FIELDS} from coordination.links where token_hash = $1 and revoked_at is null and expires_at > $2`,
        [tokenHash, now],
      );
      return rows[0];
    },

    async list(caseId: string): Promise<readonly Link[]> {
      const { rows } = await tx.query<Link>(
        `select ${FIELDS} from coordination.links where case_id = $1 order by created_at, id`,
        [caseId],
      );
      return rows;
    },

    /** Tells how many ended. */
    async revoke(caseId: string, partyId: string, now: Date): Promise<number> {
      const { rows } = await tx.query(
        `update coordination.links set revoked_at = $3
          where case_id = $1 and party_id = $2 and revoked_at is null returning id`,
        [caseId, partyId, now],
      );
      return rows.length;
    },
  };
}

const FIELDS = `id, case_id as "caseId", party_id as "partyId", created_at as "createdAt", expires_at as "expiresAt",
  revoked_at as "revokedAt"`;
