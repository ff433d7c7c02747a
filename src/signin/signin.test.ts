import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type OpenIdProvider, startOpenIdProvider } from '../../test/fakes/openid-provider.ts';
import { createEgress, namedOrigins } from '../egress/index.ts';
import { addDays } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { toSecret } from '../lib/secret.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createRecoveryStore } from './passkey-store.ts';
import { createProviderClient } from './provider-client.ts';
import type { Provider } from './provider-store.ts';
import { CODES, createCode, isCode, keepCode, MAX_ATTEMPTS } from './recovery.ts';
import { createSignIn, type SignIn, type SignInPerson } from './signin.ts';

const ORIGIN = 'http://localhost:8470';
const REDIRECT = `${ORIGIN}/signin/provider/callback`;
const ACME = 'organisation_acme';

let db: TestDatabase;
let idp: OpenIdProvider;
let now: Date;
let persons: SignInPerson[];
let signIn: SignIn;

before(async () => {
  db = await createTestDatabase();
  idp = await startOpenIdProvider({ id: 'headstart', secret: 'a-secret-of-the-test', redirectUri: REDIRECT });
});
after(async () => {
  await idp.close();
  await db.drop();
});

const withEgress = (named: readonly string[]) =>
  createSignIn({
    database: db.database,
    clock: { now: () => now },
    random: systemRandom,
    origin: () => ORIGIN,
    findPerson: async (_tx, id) => persons.find((person) => person.id === id),
    findByEmail: async (_tx, email, organisation) =>
      persons.filter((it) => it.isActive && it.email === email && (!organisation || it.organisation === organisation)),
    providers: createProviderClient({
      egress: createEgress({ named: namedOrigins(named) }),
      findSecret: (variable) => (variable === 'ACME_SECRET' ? toSecret('a-secret-of-the-test') : undefined),
      redirectUri: () => REDIRECT,
    }),
  });

beforeEach(async () => {
  now = new Date();
  persons = [
    { id: 'person_ada', email: 'ada@acme.example', organisation: ACME, isActive: true },
    { id: 'person_bob', email: 'bob@acme.example', organisation: ACME, isActive: true },
    { id: 'person_eve', email: 'eve@other.example', organisation: 'organisation_other', isActive: true },
  ];
  await db.database.query(
    'truncate signin.sessions, signin.invitations, signin.challenges, signin.identities, signin.logins, signin.providers, signin.recovery_codes, signin.recovery_attempts, signin.roles cascade',
  );
  idp.account = { sub: 'subject-1', email: 'ada@acme.example', email_verified: true };
  idp.amr = ['pwd'];
  signIn = withEgress([idp.issuer]);
  await signIn.setProvider(provider());
});

const provider = (changes: Partial<Provider> = {}): Provider => ({
  organisation: ACME,
  issuer: idp.issuer,
  clientId: 'headstart',
  secretEnv: 'ACME_SECRET',
  domains: ['acme.example'],
  attests: false,
  ...changes,
});

async function viaProvider(email = 'ada@acme.example') {
  const begun = await signIn.beginAtProvider(email);
  assert.ok(begun.ok, JSON.stringify(begun));
  const back = await idp.follow(begun.value.url);
  assert.ok(back.startsWith(REDIRECT));
  return { query: new URL(back).search.slice(1), state: begun.value.state };
}

test('somebody signs in through their organisation’s provider, and the session says how strong that was', async () => {
  const { query, state } = await viaProvider();
  const token = await signIn.finishAtProvider(query, state);
  assert.ok(token.ok, JSON.stringify(token));
  const present = await signIn.whoIs(token.value);
  assert.deepEqual(
    [present?.person.id, present?.session.method, present?.session.isResistant],
    ['person_ada', 'provider', false],
  );
  await signIn.setProvider(provider({ attests: true }));
  const again = await viaProvider();
  const second = await signIn.finishAtProvider(again.query, again.state);
  assert.equal(second.ok && (await signIn.whoIs(second.value))?.session.isResistant, true);
});

test('an answer of the provider is good once, in the browser it was begun in, and for ten minutes', async () => {
  const { query, state } = await viaProvider();
  const elsewhere = await signIn.finishAtProvider(query, 'the state of another browser');
  assert.equal(!elsewhere.ok && elsewhere.refusal.kind, 'login-over');
  assert.equal((await signIn.finishAtProvider(query, state)).ok, true);
  const twice = await signIn.finishAtProvider(query, state);
  assert.equal(!twice.ok && twice.refusal.kind, 'login-over');
  const late = await viaProvider();
  now = new Date(now.getTime() + 10 * 60_000);
  const over = await signIn.finishAtProvider(late.query, late.state);
  assert.equal(!over.ok && over.refusal.kind, 'login-over');
});

test('a provider speaks for its own organisation’s verified addresses and for nobody else', async () => {
  const outcome = async (email: string, verified: boolean, sub: string) => {
    idp.account = { sub, email, email_verified: verified };
    const { query, state } = await viaProvider();
    const token = await signIn.finishAtProvider(query, state);
    return token.ok ? 'signed in' : token.refusal.kind;
  };
  assert.equal(await outcome('eve@other.example', true, 's2'), 'not-a-participant');
  assert.equal(await outcome('ada@acme.example', false, 's3'), 'not-a-participant');
  assert.equal(await outcome('nobody@acme.example', true, 's4'), 'not-a-participant');
  assert.equal(await outcome('ada@acme.example', true, 's5'), 'signed in');
  assert.equal(
    await outcome('ada@acme.example', true, 's6'),
    'not-a-participant',
    'the address went to somebody else there',
  );
  assert.equal(await outcome('renamed@acme.example', true, 's5'), 'signed in', 'the subject is the person');
});

test('who somebody is at a provider holds for that issuer alone: after a change everybody is looked up anew', async () => {
  const first = await viaProvider();
  assert.ok((await signIn.finishAtProvider(first.query, first.state)).ok);
  const begun = await viaProvider();
  const next = await startOpenIdProvider({ id: 'headstart', secret: 'a-secret-of-the-test', redirectUri: REDIRECT });
  try {
    next.account = { sub: 'subject-1', email: 'bob@acme.example', email_verified: true };
    signIn = withEgress([idp.issuer, next.issuer]);
    await signIn.setProvider(provider({ issuer: next.issuer }));
    const over = await signIn.finishAtProvider(begun.query, begun.state);
    assert.equal(!over.ok && over.refusal.kind, 'login-over', 'begun at the one before');
    const again = await signIn.beginAtProvider('bob@acme.example');
    assert.ok(again.ok);
    const back = new URL(await next.follow(again.value.url)).search.slice(1);
    const token = await signIn.finishAtProvider(back, again.value.state);
    assert.ok(token.ok, JSON.stringify(token));
    assert.equal((await signIn.whoIs(token.value))?.person.id, 'person_bob', 'the same subject at another issuer');
  } finally {
    await next.close();
  }
});

test('a provider on this machine that the operator did not name is not asked', async () => {
  signIn = withEgress([]);
  const begun = await signIn.beginAtProvider('ada@acme.example');
  assert.equal(!begun.ok && begun.refusal.kind, 'provider-refused');
  const unknown = await signIn.beginAtProvider('ada@nowhere.example');
  assert.equal(!unknown.ok && unknown.refusal.kind, 'no-provider');
});

test('who has left has no session any more, and none ends later than it should', async () => {
  const { query, state } = await viaProvider();
  const token = await signIn.finishAtProvider(query, state);
  assert.ok(token.ok);
  const begun = now;
  now = new Date(begun.getTime() + 29 * 60_000);
  assert.ok(await signIn.whoIs(token.value), 'a request within the half hour keeps it');
  now = new Date(begun.getTime() + 58 * 60_000);
  assert.ok(await signIn.whoIs(token.value));
  persons = persons.map((it) => ({ ...it, isActive: false }));
  assert.equal(await signIn.whoIs(token.value), undefined);
  persons = persons.map((it) => ({ ...it, isActive: true }));
  await signIn.signOut(token.value);
  assert.equal(await signIn.whoIs(token.value), undefined);
  assert.equal(await signIn.whoIs('a guess'), undefined);
});

test('an invitation is a link that works until it is replaced or too old', async () => {
  const first = await signIn.invite('person_ada', 'operator');
  assert.ok(first.ok);
  assert.equal((await signIn.findInvitation(first.value))?.person, 'person_ada');
  const second = await signIn.invite('person_ada', 'operator');
  assert.ok(second.ok);
  now = new Date(now.getTime() + 1);
  assert.equal(await signIn.findInvitation(first.value), undefined);
  now = addDays(now, 7);
  assert.equal(await signIn.findInvitation(second.value), undefined);
  assert.equal((await signIn.invite('person_nobody', 'operator')).ok, false);
});

test('no token of a link or a session lies in the database', async () => {
  const link = await signIn.invite('person_ada', 'operator');
  const { query, state } = await viaProvider();
  const session = await signIn.finishAtProvider(query, state);
  assert.ok(link.ok && session.ok);
  const secrets: readonly string[] = [link.value, session.value, state, 'a-secret-of-the-test'];
  for (const table of ['invitations', 'sessions', 'logins']) {
    const { rows } = await db.database.query<{ row: string }>(`select row::text from signin.${table} as row`);
    const text = rows.map(({ row }) => row).join();
    for (const secret of secrets) {
      assert.equal(text.includes(secret), false, table);
      assert.equal(text.includes(Buffer.from(secret).toString('hex')), false, table);
    }
  }
});

test('a recovery code works once, as people type it, and guessing ends', async () => {
  const codes = [createCode(0, systemRandom), createCode(1, systemRandom)];
  const kept = [await keepCode(codes[0] ?? '', systemRandom), await keepCode(codes[1] ?? '', systemRandom)];
  await db.database.transaction((tx) => createRecoveryStore(tx).replace('person_ada', kept));
  const typed = (codes[1] ?? '').toLowerCase().replaceAll('-', ' ');
  const token = await signIn.recover('ada@acme.example', typed);
  assert.ok(token.ok, JSON.stringify(token));
  assert.equal((await signIn.findInvitation(token.value))?.reason, 'recovery');
  const kinds = new Set<string>();
  for (const [email, code] of [
    ['ada@acme.example', typed],
    ['bob@acme.example', codes[0] ?? ''],
    ['nobody@acme.example', codes[0] ?? ''],
    ['ada@acme.example', 'nonsense'],
  ] as const) {
    const outcome = await signIn.recover(email, code);
    kinds.add(outcome.ok ? 'ok' : outcome.refusal.kind);
  }
  assert.deepEqual([...kinds], ['wrong-code'], 'used, of another, of nobody, malformed: one answer');
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) await signIn.recover('ada@acme.example', 'x');
  const blocked = await signIn.recover('ada@acme.example', codes[0] ?? '');
  assert.equal(!blocked.ok && blocked.refusal.kind, 'too-many-codes');
  assert.equal(await isCode(codes[0] ?? '', kept[1] ?? { salt: Buffer.alloc(16), hash: Buffer.alloc(32) }), false);
  assert.equal(new Set(Array.from({ length: CODES }, (_, position) => createCode(position, systemRandom))).size, CODES);
});
