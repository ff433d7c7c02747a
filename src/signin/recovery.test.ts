import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { makePasskey } from '../../test/support/authenticator.ts';
import { createEgress } from '../egress/index.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createProviderClient } from './provider-client.ts';
import { DERIVATIONS_AT_ONCE, MAX_CHECKS } from './recovery-service.ts';
import { createSignIn, type SignIn, type SignInPerson } from './signin.ts';
import { createChallengeStore, MAX_CHALLENGES } from './signin-store.ts';

const ORIGIN = 'http://localhost:8470';
const ADA: SignInPerson = { id: 'person_ada', email: 'ada@acme.example', organisation: 'acme', isActive: true };
const BOB: SignInPerson = { ...ADA, id: 'person_bob', email: 'bob@acme.example' };

let db: TestDatabase;
let signIn: SignIn;
/** Derivations so far, how many run, and how many ever ran at once. */
let [derived, running, most] = [0, 0, 0];

before(async () => {
  db = await createTestDatabase();
  signIn = createSignIn({
    database: db.database,
    clock: systemClock,
    random: systemRandom,
    origin: () => ORIGIN,
    findPerson: async (_tx, id) => [ADA, BOB].find((person) => person.id === id),
    findByEmail: async (_tx, email) => [ADA, BOB].filter((person) => person.email === email),
    providers: createProviderClient({
      egress: createEgress({}),
      findSecret: () => undefined,
      redirectUri: () => `${ORIGIN}/signin/provider/callback`,
    }),
    async derive(message, nonce) {
      derived += 1;
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      const text = Buffer.concat([Buffer.from(message), nonce])
        .toString('latin1')
        .slice(0, 32);
      return Buffer.from(text.padEnd(32, '.'), 'latin1');
    },
  });
});
after(() => db.drop());
beforeEach(async () => {
  await db.database.query('truncate signin.recovery_attempts, signin.challenges cascade');
});

async function enrol(link: string) {
  const invitation = await signIn.findInvitation(link);
  assert.ok(invitation);
  const offered = await signIn.offerEnrolment(invitation);
  assert.ok(offered.ok);
  const enrolled = await signIn.enrol(offered.value.id, makePasskey(offered.value.options, ORIGIN));
  assert.ok(enrolled.ok, JSON.stringify(enrolled));
  return enrolled.value;
}

async function join(person: string) {
  const link = await signIn.invite(person, 'operator');
  assert.ok(link.ok);
  return await enrol(link.value);
}

test('who enrols anew with a recovery code ends what was open: old sessions and old passkeys are nobody’s any more', async () => {
  const { token: old, codes } = await join(ADA.id);
  const { token: others } = await join(BOB.id);
  assert.ok(await signIn.whoIs(old));
  const link = await signIn.recover(ADA.email, codes[0] ?? '');
  assert.ok(link.ok);
  assert.ok(await signIn.whoIs(old), 'a code alone ends nothing');
  const { token: fresh } = await enrol(link.value);
  assert.equal(await signIn.whoIs(old), undefined);
  assert.equal((await signIn.whoIs(fresh))?.person.id, ADA.id);
  assert.ok(await signIn.whoIs(others));
});

test('a second passkey leaves the sessions of the first alone', async () => {
  const { token } = await join(BOB.id);
  await join(BOB.id);
  assert.ok(await signIn.whoIs(token));
});

test('a code costs the same work whoever the address is, with codes left, without, or nobody', async () => {
  const { codes } = await join(ADA.id);
  await db.database.query('delete from signin.recovery_codes where person = $1', [BOB.id]);
  const [first = '', second = ''] = codes;
  assert.ok((await signIn.recover(ADA.email, first)).ok);
  const wrong = `${second.slice(0, -1)}${second.endsWith('0') ? '1' : '0'}`;
  for (const [email, code] of [
    [ADA.email, wrong],
    [ADA.email, first],
    [BOB.email, second],
    ['nobody@acme.example', second],
  ] as const) {
    const sofar = derived;
    const outcome = await signIn.recover(email, code);
    assert.equal(!outcome.ok && outcome.refusal.kind, 'wrong-code');
    assert.equal(derived - sofar, 1, `${email} ${code === first ? 'used' : ''}`);
  }
});

test('a code that is sent twice at once opens the door once', async () => {
  const { codes } = await join(ADA.id);
  const both = await Promise.all([1, 2].map(() => signIn.recover(ADA.email, codes[2] ?? '')));
  assert.equal(both.filter(({ ok }) => ok).length, 1);
});

test('however many codes are sent, so many are looked at at once, and the rest are told to come back', async () => {
  const { codes } = await join(ADA.id);
  most = 0;
  const count = MAX_CHECKS * 3;
  const outcomes = await Promise.all(
    Array.from({ length: count }, (_, index) => signIn.recover(`nobody-${index}@acme.example`, codes[3] ?? '')),
  );
  const kinds = outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.refusal.kind));
  assert.equal(most, DERIVATIONS_AT_ONCE);
  assert.equal(kinds.filter((kind) => kind === 'busy').length, count - MAX_CHECKS);
  assert.equal(kinds.filter((kind) => kind === 'wrong-code').length, MAX_CHECKS);
  assert.ok((await signIn.recover(ADA.email, codes[3] ?? '')).ok, 'afterwards there is room again');
});

const countChallenges = async (): Promise<number> =>
  (await db.database.query<{ count: number }>('select count(*)::int as count from signin.challenges')).rows[0]?.count ??
  0;

test('challenges that nobody answers are cleared away when they have run out, and never pile up', async () => {
  await db.database.query(
    `insert into signin.challenges (id, challenge, purpose, expires_at)
     select 'challenge_' || n, 'x', 'sign-in', now() + (n || ' ms')::interval + interval '4 minutes'
       from generate_series(1, $1::int) as n`,
    [MAX_CHALLENGES + 5],
  );
  const { id } = await signIn.offerSignIn();
  assert.equal(await countChallenges(), MAX_CHALLENGES);
  const kept = await db.database.transaction((tx) => createChallengeStore(tx).take(id, 'sign-in', new Date()));
  assert.ok(kept, 'the newest stays');
  await db.database.query(`update signin.challenges set expires_at = now() - interval '1 s'`);
  await signIn.offerSignIn();
  assert.equal(await countChallenges(), 1);
  const link = await signIn.invite(ADA.id, 'operator');
  const invitation = link.ok ? await signIn.findInvitation(link.value) : undefined;
  assert.ok(invitation);
  for (let count = 0; count < 3; count += 1) await signIn.offerEnrolment(invitation);
  assert.equal(await countChallenges(), 2, 'one for an invitation');
});
