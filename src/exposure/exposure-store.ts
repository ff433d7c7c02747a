/** Partners, their bills of materials, what was decided of cases and who was told, in Postgres: schema `exposure`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';

export type BomId = Id<'bom'>;

export interface Partner {
  readonly organisationId: string;
  readonly keyId: string;
  readonly contact: Buffer | null;
  readonly agreedAt: Date | null;
  readonly agreedBy: string | null;
}

export interface StoredBom {
  readonly id: BomId;
  readonly organisationId: string;
  readonly keyId: string;
  readonly sealed: Buffer;
  readonly importedAt: Date;
}

export interface StoredDecision {
  readonly organisationId: string;
  readonly number: number;
  readonly affected: number;
  readonly unknown: number;
  readonly identity: Buffer;
  readonly sealed: Buffer;
  readonly decidedAt: Date;
}

/** Packages written by one statement. */
const ROWS = 10_000;

export function createExposureStore(tx: Transaction) {
  return { ...partners(tx), ...boms(tx), ...decisions(tx) };
}

function partners(tx: Transaction) {
  const list = async (condition: string, values: unknown[]): Promise<readonly Partner[]> => {
    const { rows } = await tx.query<Partner>(
      `select organisation_id as "organisationId", key_id as "keyId", contact, agreed_at as "agreedAt", agreed_by as "agreedBy"
         from exposure.partners ${condition}`,
      values,
    );
    return rows;
  };
  return {
    /** Whoever writes of this partner after this waits until this transaction ends. */
    lockPartner: async (id: string): Promise<Partner | undefined> =>
      (await list('where organisation_id = $1 for update', [id]))[0],
    findPartner: async (id: string): Promise<Partner | undefined> =>
      (await list('where organisation_id = $1', [id]))[0],

    /** False where another was faster. */
    async insertPartner(id: string, keyId: string): Promise<boolean> {
      const { rows } = await tx.query(
        'insert into exposure.partners (organisation_id, key_id) values ($1, $2) on conflict do nothing returning key_id',
        [id, keyId],
      );
      return rows.length > 0;
    },

    async saveContact(id: string, contact: Uint8Array): Promise<void> {
      await tx.query('update exposure.partners set contact = $2 where organisation_id = $1', [id, contact]);
    },

    async saveAgreement(id: string, agreed: { readonly at: Date; readonly by: string } | null): Promise<void> {
      await tx.query('update exposure.partners set agreed_at = $2, agreed_by = $3 where organisation_id = $1', [
        id,
        agreed?.at ?? null,
        agreed?.by ?? null,
      ]);
    },
  };
}

function boms(tx: Transaction) {
  return {
    /** The bill of materials that counts for a product. */
    async findCurrent(organisationId: string, product: Uint8Array): Promise<{ id: BomId; file: Buffer } | undefined> {
      const { rows } = await tx.query<{ id: BomId; file: Buffer }>(
        `select id, file_index as file from exposure.boms
          where organisation_id = $1 and product_index = $2 and superseded_at is null`,
        [organisationId, product],
      );
      return rows[0];
    },

    async supersede(id: BomId): Promise<void> {
      await tx.query('update exposure.boms set superseded_at = now() where id = $1', [id]);
      // What nobody looks for any more is not kept to be looked for.
      await tx.query('delete from exposure.packages where bom_id = $1', [id]);
    },

    async insertBom(
      bom: { readonly id: BomId; readonly organisationId: string; readonly sealed: Uint8Array },
      product: Uint8Array,
      file: Uint8Array,
      packages: readonly Uint8Array[],
    ): Promise<void> {
      await tx.query(
        'insert into exposure.boms (id, organisation_id, product_index, file_index, sealed) values ($1, $2, $3, $4, $5)',
        [bom.id, bom.organisationId, product, file, bom.sealed],
      );
      for (let from = 0; from < packages.length; from += ROWS) {
        await tx.query('insert into exposure.packages (bom_id, package_index) select $1, unnest($2::bytea[])', [
          bom.id,
          packages.slice(from, from + ROWS),
        ]);
      }
    },

    /** Those that hold the package and count. */
    async listHolding(packageIndex: Uint8Array): Promise<readonly StoredBom[]> {
      const { rows } = await tx.query<StoredBom>(
        `select bom.id, bom.organisation_id as "organisationId", partner.key_id as "keyId", bom.sealed,
                bom.imported_at as "importedAt"
           from exposure.packages join exposure.boms bom on bom.id = bom_id and bom.superseded_at is null
           join exposure.partners partner using (organisation_id)
          where package_index = $1 order by bom.organisation_id, bom.position`,
        [packageIndex],
      );
      return rows;
    },
  };
}

function decisions(tx: Transaction) {
  return {
    /** One decision of a case at a time, until the transaction ends. */
    async lockCase(caseId: string): Promise<void> {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 205))', [caseId]);
    },

    /** The newest of each partner. */
    async lastDecisions(caseId: string): Promise<readonly StoredDecision[]> {
      const { rows } = await tx.query<StoredDecision>(
        `select distinct on (organisation_id) organisation_id as "organisationId", number, affected, unknown, identity, sealed,
                decided_at as "decidedAt"
           from exposure.decisions where case_id = $1 order by organisation_id, number desc`,
        [caseId],
      );
      return rows;
    },

    async addDecision(caseId: string, it: Omit<StoredDecision, 'decidedAt'>): Promise<void> {
      await tx.query(
        `insert into exposure.decisions (case_id, organisation_id, number, affected, unknown, identity, sealed)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [caseId, it.organisationId, it.number, it.affected, it.unknown, it.identity, it.sealed],
      );
    },

    async listNotices(
      caseId: string,
    ): Promise<readonly { readonly organisationId: string; readonly partyId: string }[]> {
      const { rows } = await tx.query<{ organisationId: string; partyId: string }>(
        `select organisation_id as "organisationId", party_id as "partyId" from exposure.notices
          where case_id = $1 order by noticed_at, organisation_id`,
        [caseId],
      );
      return rows;
    },

    async addNotice(caseId: string, organisationId: string, partyId: string, messageId: string): Promise<void> {
      await tx.query(
        'insert into exposure.notices (case_id, organisation_id, party_id, message_id) values ($1, $2, $3, $4)',
        [caseId, organisationId, partyId, messageId],
      );
    },
  };
}
