/**
 * Enrolling a passkey by invitation, and signing in with one. WebAuthn Level 3; user verification is always required.
 * A challenge is answered once: it is taken away before the answer is looked at.
 */
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { createPasskeyStore, type Passkey } from './passkey-store.ts';
import {
  type Challenge,
  createChallengeStore,
  createInvitationStore,
  createSessionStore,
  type Invitation,
} from './signin-store.ts';

/** Loaded when somebody signs in: few commands do, and each would wait for it. */
const webauthn = () => import('@simplewebauthn/server');

const CHALLENGE_MINUTES = 5;
const RELYING_PARTY = 'Headstart';

export type PasskeyRefusal =
  /** Used, replaced or too old. */
  | { readonly kind: 'invitation-over' }
  | { readonly kind: 'challenge-over' }
  | { readonly kind: 'not-verified'; readonly why: string }
  | { readonly kind: 'unknown-passkey' };

export interface PasskeyParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** `https://console.example.org`, or `http://localhost:8470`: passkeys are bound to its host name. */
  readonly origin: () => string;
  /** What stands beside the key on the person's device. */
  readonly nameOf: (tx: Transaction, person: string) => Promise<string | undefined>;
}

export function createPasskeys(parts: PasskeyParts) {
  return { ...createEnrolment(parts), ...createPasskeySignIn(parts) };
}

function createEnrolment({ database, clock, random, origin, nameOf }: PasskeyParts) {
  return {
    async offerEnrolment(
      invitation: Invitation,
    ): Promise<
      Result<{ readonly id: string; readonly options: PublicKeyCredentialCreationOptionsJSON }, PasskeyRefusal>
    > {
      return await database.transaction(async (tx) => {
        const name = await nameOf(tx, invitation.person);
        if (name === undefined) return refuse<PasskeyRefusal>({ kind: 'invitation-over' });
        const known = await createPasskeyStore(tx).of(invitation.person);
        const { generateRegistrationOptions } = await webauthn();
        const options = await generateRegistrationOptions({
          rpName: RELYING_PARTY,
          rpID: hostOf(origin()),
          userName: name,
          attestationType: 'none',
          authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
          excludeCredentials: known.map(({ id }) => ({ id })),
        });
        const id = await keepChallenge(tx, { clock, random }, options.challenge, 'enrol', invitation.id);
        return ok({ id, options });
      });
    },

    /** The passkey, and with it the end of the invitation: both or neither. */
    async enrol(
      challengeId: string,
      response: RegistrationResponseJSON,
    ): Promise<Result<{ readonly person: string; readonly reason: Invitation['reason'] }, PasskeyRefusal>> {
      const challenge = await database.transaction((tx) =>
        createChallengeStore(tx).take(challengeId, 'enrol', clock.now()),
      );
      if (!challenge?.invitation || challenge.expiresAt <= clock.now()) return refuse({ kind: 'challenge-over' });
      const { invitation } = challenge;
      const verified = await verifyRegistration(response, challenge, origin());
      if (!verified.ok) return verified;
      return await database.transaction(async (tx) => {
        const used = await createInvitationStore(tx).use(invitation, clock.now());
        if (!used) return refuse<PasskeyRefusal>({ kind: 'invitation-over' });
        const passkeys = createPasskeyStore(tx);
        // What was lost may be in somebody else's hands, and so may what was opened with it.
        if (used.reason === 'recovery') {
          await passkeys.remove(used.person, clock.now());
          await createSessionStore(tx).endAll(used.person, clock.now());
        }
        const isNew = await passkeys.insert({ ...verified.value, person: used.person, createdAt: clock.now() });
        if (!isNew) throw new Error('an authenticator gave an id that is in use');
        return ok({ person: used.person, reason: used.reason });
      });
    },
  };
}

function createPasskeySignIn({ database, clock, random, origin }: PasskeyParts) {
  return {
    async offerSignIn(): Promise<{ readonly id: string; readonly options: PublicKeyCredentialRequestOptionsJSON }> {
      const { generateAuthenticationOptions } = await webauthn();
      const options = await generateAuthenticationOptions({
        rpID: hostOf(origin()),
        userVerification: 'required',
        allowCredentials: [],
      });
      const id = await database.transaction((tx) =>
        keepChallenge(tx, { clock, random }, options.challenge, 'sign-in', undefined),
      );
      return { id, options };
    },

    /** Whose passkey it was. */
    async check(challengeId: string, response: AuthenticationResponseJSON): Promise<Result<string, PasskeyRefusal>> {
      return await database.transaction(async (tx) => {
        const challenge = await createChallengeStore(tx).take(challengeId, 'sign-in', clock.now());
        if (!challenge || challenge.expiresAt <= clock.now()) return refuse<PasskeyRefusal>({ kind: 'challenge-over' });
        const passkeys = createPasskeyStore(tx);
        const passkey = await passkeys.find(String(response.id));
        if (!passkey) return refuse<PasskeyRefusal>({ kind: 'unknown-passkey' });
        const counter = await verifyAuthentication(response, challenge, passkey, origin());
        if (!counter.ok) return counter;
        await passkeys.use(passkey.id, counter.value, clock.now());
        return ok(passkey.person);
      });
    },
  };
}

async function keepChallenge(
  tx: Transaction,
  { clock, random }: Pick<PasskeyParts, 'clock' | 'random'>,
  challenge: string,
  purpose: Challenge['purpose'],
  invitation: string | undefined,
): Promise<string> {
  const id = createId('challenge', random);
  const expiresAt = new Date(clock.now().getTime() + CHALLENGE_MINUTES * 60_000);
  await createChallengeStore(tx).insert({ id, challenge, purpose, invitation, expiresAt }, clock.now());
  return id;
}

async function verifyRegistration(
  response: RegistrationResponseJSON,
  { challenge }: Challenge,
  origin: string,
): Promise<Result<Omit<Passkey, 'person' | 'createdAt' | 'lastUsedAt'>, PasskeyRefusal>> {
  try {
    const { verifyRegistrationResponse } = await webauthn();
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: hostOf(origin),
      requireUserVerification: true,
    });
    if (!verified) return refuse({ kind: 'not-verified', why: 'the answer of the authenticator is not valid' });
    const { credential, aaguid, credentialBackedUp } = registrationInfo;
    return ok({
      id: credential.id,
      publicKey: credential.publicKey,
      counter: credential.counter,
      transports: credential.transports ?? [],
      aaguid,
      isSynced: credentialBackedUp,
    });
  } catch (cause) {
    return refuse({ kind: 'not-verified', why: cause instanceof Error ? cause.message : 'malformed' });
  }
}

async function verifyAuthentication(
  response: AuthenticationResponseJSON,
  { challenge }: Challenge,
  passkey: Passkey,
  origin: string,
): Promise<Result<number, PasskeyRefusal>> {
  try {
    const { verifyAuthenticationResponse } = await webauthn();
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: hostOf(origin),
      requireUserVerification: true,
      credential: { id: passkey.id, publicKey: new Uint8Array(passkey.publicKey), counter: passkey.counter },
    });
    return verified
      ? ok(authenticationInfo.newCounter)
      : refuse({ kind: 'not-verified', why: 'the signature is not valid' });
  } catch (cause) {
    return refuse({ kind: 'not-verified', why: cause instanceof Error ? cause.message : 'malformed' });
  }
}

function hostOf(origin: string): string {
  return new URL(origin).hostname;
}
