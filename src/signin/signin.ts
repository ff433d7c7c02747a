/**
 * Is it really that person, at this browser? Persons sign in with passkeys, or through their organisation's OpenID
 * provider; nobody has a password. A session is a random value in a cookie, of which only the hash is kept here.
 */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { toBase64Url } from '../lib/bytes.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { createPasskeys, type PasskeyRefusal } from './passkey-service.ts';
import type { ProviderClient, ProviderRefusal } from './provider-client.ts';
import { createProviderStore, type Login, type Provider } from './provider-store.ts';
import type { Derive } from './recovery.ts';
import { createRecovery, type RecoveryRefusal } from './recovery-service.ts';
import type { Role } from './role.ts';
import { isAlive, SEEN_EVERY_MS, type Session, saysResistant } from './session.ts';
import { createInvitationStore, createRoleStore, createSessionStore, type Invitation } from './signin-store.ts';

const TOKEN_BYTES = 32;
const INVITATION_DAYS = 7;
const RECOVERY_MINUTES = 15;
const LOGIN_MINUTES = 10;

/** Of the programme, as far as a sign-in needs to know. */
export interface SignInPerson {
  readonly id: string;
  readonly email: string;
  readonly organisation: string;
  readonly isActive: boolean;
}

export interface SignInParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly origin: () => string;
  readonly findPerson: (tx: Transaction, id: string) => Promise<SignInPerson | undefined>;
  /** Active ones with this address, in this organisation where one is given. */
  readonly findByEmail: (tx: Transaction, email: string, organisation?: string) => Promise<readonly SignInPerson[]>;
  readonly providers: ProviderClient;
  /** Of recovery codes; argon2id where absent. */
  readonly derive?: Derive | undefined;
}

export type SignInRefusal =
  | PasskeyRefusal
  | ProviderRefusal
  | RecoveryRefusal
  | { readonly kind: 'unknown-person' }
  | { readonly kind: 'no-provider'; readonly domain: string }
  | { readonly kind: 'login-over' }
  /** The provider's word on this address does not count, or nobody here has it. */
  | { readonly kind: 'not-a-participant'; readonly why: string };

/** Who is at this browser, and what they may do. */
export interface Present {
  readonly person: SignInPerson;
  readonly session: Session;
  readonly roles: readonly Role[];
}

export type SignIn = ReturnType<typeof createSignIn>;

export function createSignIn(parts: SignInParts) {
  const { database, clock, random, origin } = parts;
  const passkeys = createPasskeys({
    database,
    clock,
    random,
    origin,
    nameOf: async (tx, id) => (await parts.findPerson(tx, id))?.email,
  });
  const openSession = createSessions(parts);
  const recovery = createRecovery(parts);
  const { invite } = createInvitations(parts);
  return {
    ...createInvitations(parts),
    ...createPresence(parts),
    ...createProviderSignIn(parts, openSession),
    offerEnrolment: passkeys.offerEnrolment,
    offerSignIn: passkeys.offerSignIn,

    /** The passkey, a session, and for a person's first passkey the recovery codes, shown this once. */
    async enrol(
      challenge: string,
      response: RegistrationResponseJSON,
    ): Promise<Result<{ readonly token: string; readonly codes: readonly string[] }, SignInRefusal>> {
      const enrolled = await passkeys.enrol(challenge, response);
      if (!enrolled.ok) return enrolled;
      const { person } = enrolled.value;
      const codes = await recovery.replaceCodes(person);
      return await database.transaction(async (tx) =>
        ok({ token: await openSession(tx, person, 'passkey', true), codes }),
      );
    },

    async signIn(challenge: string, response: AuthenticationResponseJSON): Promise<Result<string, SignInRefusal>> {
      const person = await passkeys.check(challenge, response);
      if (!person.ok) return person;
      return await database.transaction(async (tx) => {
        const it = await parts.findPerson(tx, person.value);
        if (!it?.isActive) return refuse<SignInRefusal>({ kind: 'unknown-person' });
        return ok(await openSession(tx, it.id, 'passkey', true));
      });
    },

    /** A link to enrol a new passkey; the old ones, and what was opened with them, end when it is used. Opens no session. */
    async recover(email: string, code: string): Promise<Result<string, SignInRefusal>> {
      const persons = await parts.findByEmail(database, email);
      const owner = await recovery.check(
        email,
        persons.map(({ id }) => id),
        code,
      );
      return owner.ok ? await invite(owner.value, 'recovery code', 'recovery') : owner;
    },

    giveRole: (person: string, role: Role, by: string) =>
      database.transaction((tx) => createRoleStore(tx).give(person, role, by, clock.now())),
    takeRole: (person: string, role: Role) => database.transaction((tx) => createRoleStore(tx).take(person, role)),
    rolesOf: (person: string): Promise<readonly Role[]> => createRoleStore(database).of(person),
    setProvider: (provider: Provider) => database.transaction((tx) => createProviderStore(tx).put(provider)),
  };
}

type OpenSession = ReturnType<typeof createSessions>;

function createSessions({ clock, random }: SignInParts) {
  return async (tx: Transaction, person: string, method: Session['method'], isResistant: boolean): Promise<string> => {
    const token = toBase64Url(random(TOKEN_BYTES));
    await createSessionStore(tx).insert(sha256(token), { person, method, isResistant, createdAt: clock.now() });
    return token;
  };
}

function createInvitations({ database, clock, random, findPerson }: SignInParts) {
  return {
    /** A link's token, shown once; a newer one ends the older. */
    async invite(
      person: string,
      by: string,
      reason: Invitation['reason'] = 'joining',
    ): Promise<Result<string, SignInRefusal>> {
      return await database.transaction(async (tx) => {
        const it = await findPerson(tx, person);
        if (!it?.isActive) return refuse<SignInRefusal>({ kind: 'unknown-person' });
        const token = toBase64Url(random(TOKEN_BYTES));
        const now = clock.now();
        const expiresAt =
          reason === 'joining' ? addDays(now, INVITATION_DAYS) : new Date(now.getTime() + RECOVERY_MINUTES * 60_000);
        const invitation = { id: createId('invitation', random), person, reason, expiresAt };
        await createInvitationStore(tx).insert(invitation, sha256(token), by, now);
        return ok(token);
      });
    },

    /** Whoever may have seen a link that lets its holder in as this person. */
    madeWaysIn: (person: string): Promise<readonly string[]> =>
      createInvitationStore(database).makers(person, clock.now()),

    async findInvitation(token: string): Promise<Invitation | undefined> {
      const found = await createInvitationStore(database).findByToken(sha256(token));
      return found && !found.usedAt && found.expiresAt > clock.now() ? found : undefined;
    },
  };
}

function createPresence({ database, clock, findPerson }: SignInParts) {
  return {
    /** Undefined for any token that does not open a living session of an active person. */
    async whoIs(token: string | undefined): Promise<Present | undefined> {
      if (!token) return undefined;
      const hash = sha256(token);
      return await database.transaction(async (tx) => {
        const sessions = createSessionStore(tx);
        const session = await sessions.find(hash);
        const now = clock.now();
        if (!session || !isAlive(session, now)) return undefined;
        const person = await findPerson(tx, session.person);
        if (!person?.isActive) return undefined;
        if (now.getTime() - session.seenAt.getTime() >= SEEN_EVERY_MS) await sessions.see(hash, now);
        return { person, session, roles: await createRoleStore(tx).of(person.id) };
      });
    },

    async signOut(token: string): Promise<void> {
      await createSessionStore(database).end(sha256(token), clock.now());
    },

    /** Everywhere: when a person leaves, or was taken over. */
    signOutPerson: (person: string): Promise<void> => createSessionStore(database).endAll(person, clock.now()),
  };
}

function createProviderSignIn({ database, clock, findPerson, findByEmail, providers }: SignInParts, open: OpenSession) {
  /** By the subject once it is linked; the first time by an address that the provider may speak for. */
  async function findParticipant(
    tx: Transaction,
    provider: Provider,
    { subject, email }: { readonly subject: string; readonly email: string | undefined },
  ): Promise<Result<SignInPerson, SignInRefusal>> {
    const no = (why: string) => refuse<SignInRefusal>({ kind: 'not-a-participant', why });
    const store = createProviderStore(tx);
    const linked = await store.findIdentity(provider, subject);
    if (linked !== undefined) {
      const person = await findPerson(tx, linked);
      return person?.isActive ? ok(person) : no('this person has left');
    }
    if (email === undefined) return no('the provider does not say that the address is verified');
    if (!provider.domains.includes(domainOf(email))) return no(`the provider may not speak for ${domainOf(email)}`);
    const [person, ...others] = await findByEmail(tx, email, provider.organisation);
    if (!person || others.length > 0) return no('nobody, or more than one, has this address in this organisation');
    const isLinked = await store.link(provider, subject, person.id, clock.now());
    return isLinked ? ok(person) : no('this person is another one at the provider');
  }

  return {
    async beginAtProvider(
      email: string,
    ): Promise<Result<{ readonly url: string; readonly state: string }, SignInRefusal>> {
      const domain = domainOf(email);
      const provider = await createProviderStore(database).findByDomain(domain);
      if (!provider) return refuse({ kind: 'no-provider', domain });
      const begun = await providers.begin(provider, email);
      if (!begun.ok) return begun;
      const { url, state, login } = begun.value;
      const expiresAt = new Date(clock.now().getTime() + LOGIN_MINUTES * 60_000);
      await database.transaction((tx) =>
        createProviderStore(tx).insertLogin(sha256(state), { ...login, expiresAt } satisfies Login, clock.now()),
      );
      return ok({ url, state });
    },

    /** `state` is what this browser's cookie remembers: a sign-in begun elsewhere ends elsewhere. */
    async finishAtProvider(query: string, state: string): Promise<Result<string, SignInRefusal>> {
      const login = await database.transaction((tx) => createProviderStore(tx).takeLogin(sha256(state), clock.now()));
      const provider = login && (await createProviderStore(database).find(login.organisation));
      if (!provider || login.expiresAt <= clock.now()) return refuse({ kind: 'login-over' });
      const claims = await providers.finish(provider, login, query, state);
      if (!claims.ok) return claims;
      return await database.transaction(async (tx) => {
        const person = await findParticipant(tx, provider, claims.value);
        if (!person.ok) return person;
        return ok(await open(tx, person.value.id, 'provider', provider.attests || saysResistant(claims.value)));
      });
    },
  };
}

function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase();
}
