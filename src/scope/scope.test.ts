import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { EgressAnswer } from '../egress/index.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { addDays } from '../lib/clock.ts';
import { encodeEnvelope, signEnvelope } from '../lib/dsse.ts';
import { generateEd25519Pem, readEd25519Pem } from '../lib/ed25519.ts';
import { systemRandom } from '../lib/id.ts';
import { ok, type Result } from '../lib/result.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createTlog } from '../tlog/index.ts';
import { createProofClient } from './proof-client.ts';
import { createScoping, type Scoping } from './scope.ts';
import type { Pass } from './scope-writing-service.ts';
import { AUTHORISATION_TYPE, CRITICAL_LIST_TYPE, signCriticalList } from './signed-document.ts';

let db: TestDatabase;
let home: string;
let scoping: Scoping;
let now: Date;
/** The latest word to the gates, by scope. */
let passes: Map<string, Pass>;
/** What the world answers. */
let txt: Map<string, readonly string[] | Error>;
let files: Map<string, { readonly status: number; readonly text: string } | 'silent'>;
let tags: Map<string, ReadonlySet<string>>;

const NAMES = new Map([
  ['Acme', 'organisation_acme'],
  ['Borea', 'organisation_borea'],
]);

before(async () => {
  db = await createTestDatabase();
  home = await mkdtemp(join(tmpdir(), 'headstart-scope-'));
});
after(async () => {
  await db.drop();
  await rm(home, { recursive: true, force: true });
});

beforeEach(async () => {
  now = new Date('2026-11-21T12:00:00Z');
  [passes, txt, files, tags] = [new Map(), new Map(), new Map(), new Map()];
  const clock = { now: () => now };
  const log = await createTlog({ database: db.database, clock, random: systemRandom, home });
  await db.database.query('truncate scope.scopes, scope.assets, scope.signers, scope.documents');
  scoping = createScoping({
    database: db.database,
    clock,
    random: systemRandom,
    log,
    findOrganisation: async (_tx, name) => NAMES.get(name) ?? [...NAMES.values()].find((id) => id === name),
    setPass: async (_tx, pass) => void passes.set(pass.scope, pass),
    proofs: createProofClient({
      egress: {
        async request({ url }) {
          const file = files.get(url);
          if (!file || file === 'silent')
            return { ok: false, refusal: { kind: 'timed-out', limitMs: 1, wasSent: true } };
          return ok({ url, status: file.status, headers: {}, body: Buffer.from(file.text) } satisfies EgressAnswer);
        },
      },
      resolveTxt: async (name) => {
        const answer = txt.get(name) ?? Object.assign(new Error('no'), { code: 'ENOTFOUND' });
        if (answer instanceof Error) throw answer;
        return answer.map((value) => [value.slice(0, 20), value.slice(20)]);
      },
      findDistTags: async (name) => tags.get(name),
      rawFileUrls: new Map([['forge.example', 'https://raw.forge.example/{path}/HEAD/{file}']]),
    }),
  });
});

function value<T>(result: Result<T, { readonly kind: string }>): T {
  if (!result.ok) assert.fail(JSON.stringify(result.refusal));
  return result.value;
}
const allowed = async (organisation: string, target: string) =>
  value(await scoping.check(organisation, target)).allowed;

test('what the operator vouches for is in scope at once, for that organisation and until that day', async () => {
  const { id } = value(await scoping.vouch('Acme', ['host:app.acme.example', 'pkg:npm/acme-core'], addDays(now, 30)));
  assert.equal(await allowed('Acme', 'pkg:npm/acme-core@2.0.0'), true);
  assert.equal(await allowed('Borea', 'pkg:npm/acme-core'), false);
  assert.deepEqual(passes.get(id)?.until, addDays(now, 30));
  now = addDays(now, 30);
  assert.equal(await allowed('Acme', 'pkg:npm/acme-core'), false);
});

test('an asset waits until its owner put the token where only an owner can', async () => {
  const { id, challenges } = value(await scoping.request('Acme', ['host:*.acme.example'], 'dns'));
  const [challenge] = challenges;
  assert.ok(challenge?.method === 'dns');
  assert.equal(passes.get(id)?.until, undefined);
  txt.set(challenge.record, ['v=spf1 -all']);
  assert.equal((await scoping.prove(id))[0]?.standing.state, 'waiting');
  txt.set(challenge.record, ['v=spf1 -all', challenge.value]);
  assert.equal((await scoping.prove(id))[0]?.standing.state, 'standing');
  assert.equal(await allowed('Acme', 'host:api.acme.example'), true);
  assert.equal(await allowed('Acme', 'host:acme.example'), false);
});

test('every method proves what it says and is met by nothing else', async () => {
  const web = value(await scoping.request('Acme', ['host:acme.example'], 'well-known'));
  const repo = value(await scoping.request('Acme', ['repo:forge.example/acme/core'], 'branch'));
  const pkg = value(await scoping.request('Acme', ['pkg:npm/@acme/core'], 'registry'));
  const [a, b, c] = [web.challenges[0], repo.challenges[0], pkg.challenges[0]];
  assert.ok(a?.method === 'well-known' && b?.method === 'branch' && c?.method === 'registry');
  const raw = 'https://raw.forge.example/acme/core/HEAD/.well-known/headstart-proof';
  files.set(a.url, { status: 200, text: `you asked for ${a.line}` });
  files.set(raw, { status: 404, text: b.line });
  tags.set('@acme/core', new Set(['latest']));
  for (const { id } of [web, repo, pkg]) assert.equal((await scoping.prove(id))[0]?.standing.state, 'waiting');
  files.set(a.url, { status: 200, text: `# ours\r\n${a.line}\r\n` });
  files.set(raw, { status: 200, text: b.line });
  tags.set('@acme/core', new Set(['latest', c.tag]));
  for (const { id } of [web, repo, pkg]) assert.equal((await scoping.prove(id))[0]?.standing.state, 'standing');
});

test('networks and accounts cannot be proven by a token', async () => {
  const asked = await scoping.request('Acme', ['cidr:192.0.2.0/24'], 'dns');
  assert.equal(!asked.ok && asked.refusal.kind, 'no-such-proof');
});

test('a proof is looked at again by the clock: gone is lapsed at its end, unreachable changes nothing', async () => {
  const { id, challenges } = value(await scoping.request('Acme', ['host:acme.example'], 'dns'));
  const [challenge] = challenges;
  assert.ok(challenge?.method === 'dns');
  txt.set(challenge.record, [challenge.value]);
  await scoping.prove(id);
  txt.set(challenge.record, Object.assign(new Error('down'), { code: 'ESERVFAIL' }));
  now = addDays(now, 60);
  assert.equal(await scoping.reachClocks(), 1);
  assert.equal(await scoping.reachClocks(), 0, 'the next look is tomorrow');
  assert.equal(await allowed('Acme', 'host:acme.example'), true);
  now = addDays(now, 30);
  await scoping.reachClocks();
  assert.equal(await allowed('Acme', 'host:acme.example'), false);
  assert.equal(passes.get(id)?.until, undefined);
  txt.set(challenge.record, [challenge.value]);
  await scoping.prove(id);
  assert.equal(await allowed('Acme', 'host:acme.example'), true);
});

const key = () => readEd25519Pem(generateEd25519Pem());
const sign = (type: string, payload: Json, signer: ReturnType<typeof key>) =>
  encodeEnvelope(signEnvelope(type, Buffer.from(canonicalJson(payload)), [signer]));
const lend = (assets: readonly string[], signer: ReturnType<typeof key>, from = 'Acme', to = 'Borea') =>
  sign(
    AUTHORISATION_TYPE,
    { from: NAMES.get(from) ?? '', to: NAMES.get(to) ?? '', assets, until: '2027-03-01T00:00:00Z' },
    signer,
  );

test('an organisation lends what it holds, by a key of its own; the loan ends with what it rests on', async () => {
  const signer = key();
  const held = value(await scoping.vouch('Acme', ['host:acme.example'], addDays(now, 30)));
  value(await scoping.addSigner('Acme', 'head of security', signer.publicKey));
  const { id } = value(await scoping.importAuthorisation(lend(['host:acme.example'], signer)));
  assert.equal(await allowed('Borea', 'host:acme.example'), true);
  assert.deepEqual(passes.get(id)?.until, addDays(now, 30), 'no longer than the lender holds it');
  value(await scoping.withdraw(held.id));
  assert.equal(await allowed('Borea', 'host:acme.example'), false);
  assert.equal(passes.get(id)?.until, undefined);
});

test('nobody lends what another holds, what was lent to it, or with another key', async () => {
  const [acme, borea] = [key(), key()];
  value(await scoping.vouch('Acme', ['host:acme.example']));
  value(await scoping.addSigner('Acme', 'security', acme.publicKey));
  value(await scoping.addSigner('Borea', 'security', borea.publicKey));
  const refusalOf = async (bytes: Uint8Array) => {
    const outcome = await scoping.importAuthorisation(bytes);
    return outcome.ok ? 'accepted' : outcome.refusal.kind;
  };
  assert.equal(await refusalOf(lend(['host:borea.example'], acme)), 'not-the-holder');
  assert.equal(await refusalOf(lend(['host:acme.example'], borea)), 'bad-document');
  const good = lend(['host:acme.example'], acme);
  assert.equal(await refusalOf(good), 'accepted');
  assert.equal(await refusalOf(good), 'bad-document', 'a document counts once');
  assert.equal(await refusalOf(lend(['host:acme.example'], borea, 'Borea', 'Acme')), 'not-the-holder');
});

test('a list of critical open source assigns to organisations known here and names the others', async () => {
  const signer = key();
  const list = (entries: Json, by = signer) =>
    sign(CRITICAL_LIST_TYPE, { name: 'sample', expires: '2027-01-01T00:00:00Z', entries }, by);
  const entries = [
    { asset: 'pkg:npm/left-pad', organisations: ['Acme', 'Nobody'] },
    { asset: 'pkg:npm/left-pad@1.0.0', organisations: ['Acme'] },
  ];
  const outcome = value(await scoping.importCriticalList(list(entries), [signer.publicKey]));
  assert.deepEqual(outcome, { organisations: 1, unknown: ['Nobody'] });
  assert.equal(await allowed('Acme', 'pkg:npm/left-pad'), true);
  assert.equal((await scoping.importCriticalList(list(entries, key()), [signer.publicKey])).ok, false);
  const host = list([{ asset: 'host:victim.example', organisations: ['Acme'] }]);
  assert.equal((await scoping.importCriticalList(host, [signer.publicKey])).ok, false);
});

const SAMPLES = join(import.meta.dirname, '..', '..', 'docs', 'samples');

test('the sample list is signed by the key beside it, says what its source says, and can be imported', async () => {
  const pem = await readFile(join(SAMPLES, 'critical-open-source.pub.pem'), 'utf8');
  const { x = '' } = createPublicKey(pem).export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  const bytes = await readFile(join(SAMPLES, 'critical-open-source.signed.json'));
  const source = JSON.parse(await readFile(join(SAMPLES, 'critical-open-source.json'), 'utf8')) as Json;
  const { payload } = JSON.parse(bytes.toString()) as { payload: string };
  assert.equal(Buffer.from(payload, 'base64').toString(), canonicalJson(source));
  assert.equal((await scoping.importCriticalList(bytes, [key().publicKey])).ok, false, 'by another key');
  const outcome = value(await scoping.importCriticalList(bytes, [publicKey]));
  assert.deepEqual(outcome, { organisations: 1, unknown: ['Example Foundation'] });
  assert.equal(await allowed('Acme', 'repo:github.com/madler/zlib'), true);
  assert.equal(await allowed('Acme', 'repo:github.com/openssl/openssl'), false, 'assigned to another');
});

test('what an operator signs is taken in again, and what would not be is not signed', async () => {
  const signer = key();
  const list = {
    name: 'own',
    expires: '2027-01-01T00:00:00Z',
    entries: [{ asset: 'pkg:npm/left-pad', organisations: ['Acme'] }],
  };
  const signed = value(signCriticalList(list, signer));
  assert.deepEqual(value(await scoping.importCriticalList(signed, [signer.publicKey])), {
    organisations: 1,
    unknown: [],
  });
  for (const wrong of [
    { ...list, entries: [] },
    { ...list, expires: 'soon' },
    { ...list, entries: [{ asset: 'host:victim.example', organisations: ['Acme'] }] },
    { ...list, more: 1 },
    [],
    null,
  ]) {
    assert.equal(signCriticalList(wrong, signer).ok, false, JSON.stringify(wrong));
  }
});

test('bad input changes nothing and is named', async () => {
  for (const targets of [[], ['host:'], ['host:acme.example', 'nonsense']]) {
    assert.equal((await scoping.vouch('Acme', targets)).ok, false);
  }
  assert.equal((await scoping.vouch('Nobody', ['host:acme.example'])).ok, false);
  assert.equal((await scoping.check('Acme', 'http://acme.example')).ok, false);
  const { rows } = await db.database.query<{ count: number }>('select count(*)::int as count from scope.scopes');
  assert.equal(rows[0]?.count, 0);
});
