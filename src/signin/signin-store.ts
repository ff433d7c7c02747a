/** Sessions, invitations, challenges and roles in Postgres. Tokens are kept as hashes; what is used once is taken away. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import { isRole, type Role } from './role.ts';
import type { Session, SignInMethod } from './session.ts';

export interface Invitation {
  readonly id: Id<'invitation'>;
  readonly person: string;
  readonly reason: 'joining' | 'recovery';
  readonly expiresAt: Date;
  readonly usedAt: Date | undefined;
}

export interface Challenge {
  readonly id: Id<'challenge'>;
  readonly challenge: string;
  readonly purpose: 'enrol' | 'sign-in';
  readonly invitation: string | undefined;
  readonly expiresAt: Date;
}

export function createSessionStore(tx: Transaction) {
  return {
    async insert(tokenHash: Uint8Array, it: Omit<Session, 'seenAt' | 'endedAt'>): Promise<void> {
      await tx.query(
        `insert into signin.sessions (token_hash, person, method, is_resistant, created_at, seen_at)
         values ($1, $2, $3, $4, $5, $5)`,
        [Buffer.from(tokenHash), it.person, it.method, it.isResistant, it.createdAt],
      );
    },
    async find(tokenHash: Uint8Array): Promise<Session | undefined> {
      const { rows } = await tx.query<SessionRow>('select * from signin.sessions where token_hash = $1', [
        Buffer.from(tokenHash),
      ]);
      return rows[0] && toSession(rows[0]);
    },
    async see(tokenHash: Uint8Array, now: Date): Promise<void> {
      await tx.query('update signin.sessions set seen_at = $2 where token_hash = $1', [Buffer.from(tokenHash), now]);
    },
    async end(tokenHash: Uint8Array, now: Date): Promise<void> {
      await tx.query('update signin.sessions set ended_at = $2 where token_hash = $1 and ended_at is null', [
        Buffer.from(tokenHash),
        now,
      ]);
    },
    async endAll(person: string, now: Date): Promise<void> {
      await tx.query('update signin.sessions set ended_at = $2 where person = $1 and ended_at is null', [person, now]);
    },
  };
}

export function createInvitationStore(tx: Transaction) {
  return {
    async insert(it: Omit<Invitation, 'usedAt'>, tokenHash: Uint8Array, madeBy: string, now: Date): Promise<void> {
      // One link at a time: a newer one ends the older.
      await tx.query('update signin.invitations set expires_at = $2 where person = $1 and used_at is null', [
        it.person,
        now,
      ]);
      await tx.query(
        `insert into signin.invitations (id, person, token_hash, reason, made_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [it.id, it.person, Buffer.from(tokenHash), it.reason, madeBy, now, it.expiresAt],
      );
    },
    async findByToken(tokenHash: Uint8Array): Promise<Invitation | undefined> {
      const { rows } = await tx.query<InvitationRow>('select * from signin.invitations where token_hash = $1', [
        Buffer.from(tokenHash),
      ]);
      return rows[0] && toInvitation(rows[0]);
    },
    /** Of links to join that were used or still can be. */
    async makers(person: string, now: Date): Promise<readonly string[]> {
      const { rows } = await tx.query<{ made_by: string }>(
        `select distinct made_by from signin.invitations
          where person = $1 and reason = 'joining' and (used_at is not null or expires_at > $2)`,
        [person, now],
      );
      return rows.map(({ made_by }) => made_by);
    },
    /** True for exactly one caller. */
    async use(id: string, now: Date): Promise<Invitation | undefined> {
      const { rows } = await tx.query<InvitationRow>(
        `update signin.invitations set used_at = $2
          where id = $1 and used_at is null and expires_at > $2 returning *`,
        [id, now],
      );
      return rows[0] && toInvitation(rows[0]);
    },
  };
}

/** Of one purpose; who asks for another one past it ends the oldest. */
export const MAX_CHALLENGES = 10_000;

export function createChallengeStore(tx: Transaction) {
  return {
    /** An invitation has one at a time. Clears away what has run out. */
    async insert(it: Challenge, now: Date): Promise<void> {
      await tx.query(
        `delete from signin.challenges where expires_at <= $1 or invitation = $2 or id in
           (select id from signin.challenges where purpose = $3 order by expires_at desc offset $4)`,
        [now, it.invitation ?? null, it.purpose, MAX_CHALLENGES - 1],
      );
      await tx.query(
        `insert into signin.challenges (id, challenge, purpose, invitation, expires_at) values ($1, $2, $3, $4, $5)`,
        [it.id, it.challenge, it.purpose, it.invitation ?? null, it.expiresAt],
      );
    },
    /** Gives it once, and clears away what has run out. */
    async take(id: string, purpose: Challenge['purpose'], now: Date): Promise<Challenge | undefined> {
      await tx.query('delete from signin.challenges where expires_at <= $1', [now]);
      const { rows } = await tx.query<ChallengeRow>(
        'delete from signin.challenges where id = $1 and purpose = $2 returning *',
        [id, purpose],
      );
      return rows[0] && toChallenge(rows[0]);
    },
  };
}

export function createRoleStore(tx: Transaction) {
  return {
    async give(person: string, role: Role, by: string, now: Date): Promise<void> {
      await tx.query(
        'insert into signin.roles (person, role, given_by, given_at) values ($1, $2, $3, $4) on conflict do nothing',
        [person, role, by, now],
      );
    },
    async take(person: string, role: Role): Promise<void> {
      await tx.query('delete from signin.roles where person = $1 and role = $2', [person, role]);
    },
    async of(person: string): Promise<readonly Role[]> {
      const { rows } = await tx.query<{ role: string }>(
        'select role from signin.roles where person = $1 order by role',
        [person],
      );
      return rows.map(({ role }) => role).filter(isRole);
    },
  };
}

interface SessionRow {
  person: string;
  method: SignInMethod;
  is_resistant: boolean;
  created_at: Date;
  seen_at: Date;
  ended_at: Date | null;
}
interface InvitationRow {
  id: Invitation['id'];
  person: string;
  reason: Invitation['reason'];
  expires_at: Date;
  used_at: Date | null;
}
interface ChallengeRow {
  id: Challenge['id'];
  challenge: string;
  purpose: Challenge['purpose'];
  invitation: string | null;
  expires_at: Date;
}

const toSession = ({ person, method, is_resistant, created_at, seen_at, ended_at }: SessionRow): Session => ({
  person,
  method,
  isResistant: is_resistant,
  createdAt: created_at,
  seenAt: seen_at,
  endedAt: ended_at ?? undefined,
});
const toInvitation = ({ id, person, reason, expires_at, used_at }: InvitationRow): Invitation => ({
  id,
  person,
  reason,
  expiresAt: expires_at,
  usedAt: used_at ?? undefined,
});
const toChallenge = ({ id, challenge, purpose, invitation, expires_at }: ChallengeRow): Challenge => ({
  id,
  challenge,
  purpose,
  invitation: invitation ?? undefined,
  expiresAt: expires_at,
});
