/** Grants and keys in Postgres. */
import { type AccessKey, type Grant, type KeyId, type PersonId, toAccessKey, toGrant } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { type Page, type PageAsk, readPage } from '../store/page.ts';

export interface NewGrant extends Omit<Grant, 'revokedAt'> {
  readonly grantedBy: string;
  readonly grantedAt: Date;
}

export interface NewKey extends Omit<AccessKey, 'revokedAt'> {
  readonly createdBy: string;
}

export function createKeyStore(tx: Transaction) {
  return { ...createGrants(tx), ...createKeys(tx) };
}

function createGrants(tx: Transaction) {
  return {
    async insertGrant(it: NewGrant): Promise<void> {
      await tx.query(
        `insert into program.grants (id, organisation, person, model, tier, granted_by, granted_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [it.id, it.organisation, it.person, it.model, it.tier, it.grantedBy, it.grantedAt, it.expiresAt],
      );
    },

    /** In force, of everyone or of this person. */
    async findGrants(organisation: string, person: PersonId, model: string, now: Date): Promise<readonly Grant[]> {
      const { rows } = await tx.query<never>(
        `select * from program.grants
          where organisation = $1 and (person is null or person = $2) and model = $3
            and revoked_at is null and expires_at > $4`,
        [organisation, person, model, now],
      );
      return rows.map(toGrant);
    },

    pageGrants: (ask: PageAsk, organisation: string): Promise<Page<Grant>> =>
      readPage(
        tx,
        {
          ...{ table: 'program.grants', order: ['granted_at', 'id'] },
          ...{ where: 'organisation = $1', parameters: [organisation] },
        },
        ask,
        toGrant,
      ),

    /** By which this person may use models now. */
    async grantsFor(organisation: string, person: PersonId, now: Date): Promise<readonly Grant[]> {
      const { rows } = await tx.query<never>(
        `select * from program.grants
          where organisation = $1 and (person is null or person = $2) and revoked_at is null and expires_at > $3
          order by granted_at, id`,
        [organisation, person, now],
      );
      return rows.map(toGrant);
    },

    async findGrant(id: string): Promise<Grant | undefined> {
      const { rows } = await tx.query<never>('select * from program.grants where id = $1', [id]);
      return rows.map(toGrant)[0];
    },

    /** Undefined where there is none that is in force. */
    async revokeGrant(id: string, at: Date): Promise<Grant | undefined> {
      const { rows } = await tx.query<never>(
        'update program.grants set revoked_at = $2 where id = $1 and revoked_at is null returning *',
        [id, at],
      );
      return rows.map(toGrant)[0];
    },
  };
}

function createKeys(tx: Transaction) {
  return {
    async insertKey(it: NewKey): Promise<void> {
      await tx.query(
        `insert into program.keys (id, mac, organisation, person, models, tier, bind, jkt, is_capped, created_by,
                                   created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        [
          it.id,
          Buffer.from(it.mac, 'hex'),
          it.organisation,
          it.person,
          it.models,
          it.tier,
          it.bind,
          it.jkt,
          it.isCapped,
          it.createdBy,
          it.createdAt,
          it.expiresAt,
        ],
      );
    },

    async findKey(id: string): Promise<AccessKey | undefined> {
      const { rows } = await tx.query<never>('select * from program.keys where id = $1', [id]);
      return rows.map(toAccessKey)[0];
    },

    /** Of all organisations; or of this one. */
    pageKeys: (ask: PageAsk, organisation?: string): Promise<Page<AccessKey>> =>
      readPage(
        tx,
        {
          table: 'program.keys',
          order: ['created_at', 'id'],
          ...(organisation && { where: 'organisation = $1', parameters: [organisation] }),
        },
        ask,
        toAccessKey,
      ),

    async keysOf(person: string): Promise<readonly AccessKey[]> {
      const { rows } = await tx.query<never>('select * from program.keys where person = $1 order by created_at, id', [
        person,
      ]);
      return rows.map(toAccessKey);
    },

    async setCapped(id: KeyId, isCapped: boolean): Promise<void> {
      await tx.query('update program.keys set is_capped = $2 where id = $1', [id, isCapped]);
    },

    async revokeKey(id: KeyId, at: Date): Promise<void> {
      await tx.query('update program.keys set revoked_at = $2 where id = $1 and revoked_at is null', [id, at]);
    },
  };
}
