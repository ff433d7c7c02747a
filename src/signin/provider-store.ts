/** OpenID providers of organisations, sign-ins that are under way there, and who their subjects are here. */
import type { Transaction } from '../store/database.ts';

export interface Provider {
  readonly organisation: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Environment variable that holds the client secret. */
  readonly secretEnv: string;
  /** Whose mail addresses it may speak for. */
  readonly domains: readonly string[];
  /** The organisation attests that every sign-in there is phishing-resistant. */
  readonly attests: boolean;
}

export interface Login {
  readonly organisation: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly expiresAt: Date;
}

/** Of all organisations at once; who begins past it ends the oldest. */
const MAX_LOGINS = 10_000;

export function createProviderStore(tx: Transaction) {
  return {
    /** What was begun at the one before does not end at this one. */
    async put(it: Provider): Promise<void> {
      await tx.query('delete from signin.logins where organisation = $1', [it.organisation]);
      await tx.query(
        `insert into signin.providers (organisation, issuer, client_id, secret_env, domains, attests)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (organisation) do update set issuer = excluded.issuer, client_id = excluded.client_id,
           secret_env = excluded.secret_env, domains = excluded.domains, attests = excluded.attests`,
        [it.organisation, it.issuer, it.clientId, it.secretEnv, [...it.domains], it.attests],
      );
    },
    async find(organisation: string): Promise<Provider | undefined> {
      const { rows } = await tx.query<ProviderRow>('select * from signin.providers where organisation = $1', [
        organisation,
      ]);
      return rows[0] && toProvider(rows[0]);
    },
    /** Of the domain of a mail address. */
    async findByDomain(domain: string): Promise<Provider | undefined> {
      const { rows } = await tx.query<ProviderRow>(
        'select * from signin.providers where $1 = any (domains) order by organisation limit 1',
        [domain],
      );
      return rows[0] && toProvider(rows[0]);
    },
    async issuers(): Promise<readonly string[]> {
      const { rows } = await tx.query<{ issuer: string }>('select distinct issuer from signin.providers');
      return rows.map(({ issuer }) => issuer);
    },
    async insertLogin(stateHash: Uint8Array, it: Login, now: Date): Promise<void> {
      await tx.query(
        `delete from signin.logins where expires_at <= $1 or state_hash in
           (select state_hash from signin.logins order by expires_at desc offset $2)`,
        [now, MAX_LOGINS - 1],
      );
      await tx.query(
        `insert into signin.logins (state_hash, organisation, nonce, code_verifier, expires_at)
         values ($1, $2, $3, $4, $5)`,
        [Buffer.from(stateHash), it.organisation, it.nonce, it.codeVerifier, it.expiresAt],
      );
    },
    /** Gives it once, and clears away what has run out. */
    async takeLogin(stateHash: Uint8Array, now: Date): Promise<Login | undefined> {
      await tx.query('delete from signin.logins where expires_at <= $1', [now]);
      const { rows } = await tx.query<LoginRow>('delete from signin.logins where state_hash = $1 returning *', [
        Buffer.from(stateHash),
      ]);
      const row = rows[0];
      return (
        row && {
          organisation: row.organisation,
          nonce: row.nonce,
          codeVerifier: row.code_verifier,
          expiresAt: row.expires_at,
        }
      );
    },
    async findIdentity({ organisation, issuer }: Provider, subject: string): Promise<string | undefined> {
      const { rows } = await tx.query<{ person: string }>(
        'select person from signin.identities where organisation = $1 and issuer = $2 and subject = $3',
        [organisation, issuer, subject],
      );
      return rows[0]?.person;
    },
    /** False where the person is linked to another subject of this issuer. */
    async link({ organisation, issuer }: Provider, subject: string, person: string, now: Date): Promise<boolean> {
      const { rows } = await tx.query(
        `insert into signin.identities (organisation, issuer, subject, person, linked_at)
         select $1, $2, $3, $4, $5
          where not exists (select from signin.identities where organisation = $1 and issuer = $2 and person = $4)
         on conflict do nothing returning person`,
        [organisation, issuer, subject, person, now],
      );
      return rows.length === 1;
    },
  };
}

interface ProviderRow {
  organisation: string;
  issuer: string;
  client_id: string;
  secret_env: string;
  domains: string[];
  attests: boolean;
}
interface LoginRow {
  organisation: string;
  nonce: string;
  code_verifier: string;
  expires_at: Date;
}

const toProvider = ({ organisation, issuer, client_id, secret_env, domains, attests }: ProviderRow): Provider => ({
  organisation,
  issuer,
  clientId: client_id,
  secretEnv: secret_env,
  domains,
  attests,
});
