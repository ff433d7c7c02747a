/**
 * One case by the API alone: a stranger's report comes in, its package is searched and the flaw proven in the real sandbox,
 * the report is followed by machine, signed and sent to a mail server on loopback; the maintainer answers by SMTP, and what
 * the answer claims is run. Beside it stand the funding of that project and every refusal on the way.
 */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { createTransport } from 'nodemailer';
import { startFixtureRegistry } from '../../src/campaign/index.ts';
import { openCaseApi } from '../../src/case-api.ts';
import { readConfig } from '../../src/config.ts';
import { addConsole } from '../../src/console.ts';
import { openDoors, openMail } from '../../src/doors.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createParts, type Parts } from '../../src/parts.ts';
import { openProgramme, type Programme } from '../../src/programme.ts';
import { chooseProfile } from '../../src/sandbox/index.ts';
import { createHandlers, createServices, type Services } from '../../src/services.ts';
import type { Role } from '../../src/signin/index.ts';
import { createSessionStore } from '../../src/signin/signin-store.ts';
import { drainJobs } from '../../src/store/job-worker.ts';
import { createTestDatabase, type TestDatabase } from '../../src/store/test-database.ts';
import { makeTestDirectory } from '../../src/store/test-directory.ts';
import { createRegistry, type Registry } from '../../src/target/index.ts';
import { startFakeSmtp } from '../support/fake-smtp.ts';
import { FIXTURE_PACKAGES } from '../support/installation.ts';
import { okOf } from '../support/programme.ts';

const ORIGIN = 'http://localhost:8470';
const PACKAGE = 'headstart-fixture-pollution';
const US = 'security@coordination.example';
const MAINTAINER = 'maintainer@example.org';
const JOBS_LIMIT_MS = 240_000;
const REPORT = {
  title: 'set() writes to the prototype',
  description: 'A path that begins with __proto__ ends on Object.prototype.',
  package: PACKAGE,
  version: '1.0.0',
  file: 'index.js',
  line: 8,
  cwe: 'CWE-1321',
};

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into member by member
type Told = any;
type Ask = (method: string, path: string, body?: unknown) => Promise<{ readonly status: number; readonly json: Told }>;

let folder: string;
let db: TestDatabase;
let outside: Awaited<ReturnType<typeof startFakeSmtp>>;
let registry: Awaited<ReturnType<typeof startFixtureRegistry>>;
let parts: Parts;
let services: Services;
let server: FastifyInstance;
let door: string;
let coordinator: Ask;
let leads: readonly [Ask, Ask];

before(async () => {
  folder = makeTestDirectory('headstart-case-by-api-');
  [db, outside] = await Promise.all([createTestDatabase(), startFakeSmtp()]);
  registry = await publish('1.0.0');
  const config = readConfig({
    HEADSTART_HOME: join(folder, 'home'),
    HEADSTART_NO_APT: '1',
    DATABASE_URL: db.url,
    HEADSTART_SMTP_URL: `smtp://127.0.0.1:${outside.port}`,
    HEADSTART_MAIL_FROM: US,
    HEADSTART_PUBLISHER_NAME: 'Example coordination',
    HEADSTART_PUBLISHER_NAMESPACE: 'https://coordination.example',
    HEADSTART_PUBLISHER_CONTACT: `mailto:${US}`,
    HEADSTART_INBOUND_LISTEN: '127.0.0.1:0',
    HEADSTART_INBOUND_RECIPIENTS: US,
  });
  parts = createParts(config, { say: () => {}, json: () => {}, data: () => {} });
  services = await createServices(parts);
  door = (await openMail(parts, await openDoors(parts, services))) ?? '';
  const programme = await openProgramme(parts);
  server = Fastify();
  const origin = () => ORIGIN;
  const cases = await openCaseApi(parts, services, origin);
  await addConsole(server, parts, programme, { cases, origin, gateUrl: () => '' });
  const lab = okOf(await programme.membership.addOrganisation({ name: 'Lab', country: undefined }, 'test'));
  okOf(await programme.membership.approveAsOperator(lab, 'internal', 'test'));
  const visit = (email: string, role: Role) => signedIn(programme, lab, email, role);
  coordinator = await visit('cora@lab.test', 'coordinator');
  leads = [await visit('lea@lab.test', 'safeguards-lead'), await visit('leo@lab.test', 'safeguards-lead')];
});

after(async () => {
  await server?.close();
  await parts?.close();
  await registry?.close();
  await outside?.close();
  await db?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** A registry that has these versions of the package. */
async function publish(...versions: readonly string[]) {
  const root = await mkdtemp(join(folder, 'packages-'));
  for (const version of versions) {
    cpSync(join(FIXTURE_PACKAGES, PACKAGE, version), join(root, PACKAGE, version), { recursive: true });
  }
  return await startFixtureRegistry(root);
}

async function signedIn(programme: Programme, organisation: string, email: string, role: Role): Promise<Ask> {
  const person = okOf(await programme.membership.addPerson({ organisation, email }, 'test'));
  const { signIn } = programme.openSignIn({ origin: () => ORIGIN, gateUrl: () => '' });
  await signIn.giveRole(person, role, 'test');
  const token = Buffer.from(systemRandom(32)).toString('base64url');
  const session = { person, method: 'passkey', isResistant: true, createdAt: parts.clock.now() } as const;
  await createSessionStore(services.database).insert(sha256(token), session);
  return async (method, path, body) => {
    const answer = await server.inject({
      method: method as 'GET',
      url: `/api/v1${path}`,
      headers: { cookie: `headstart-session=${token}`, origin: ORIGIN },
      ...(body !== undefined && { payload: body as object }),
    });
    return { status: answer.statusCode, json: answer.json() };
  };
}

async function openRegistry(): Promise<Registry> {
  const cache = await mkdtemp(join(folder, 'cache-'));
  const none = { scopes: {}, ca: [], strictSsl: true, proxy: null, noProxy: null };
  return createRegistry({ mode: 'fresh', cache, settings: { ...none, registry: registry.url, cacheDirectory: cache } });
}

/** Workers until nothing is left to do. */
async function work(): Promise<void> {
  const options = { profile: chooseProfile(), registry: await openRegistry(), onEvent: () => {} };
  const handlers = await createHandlers(parts, services, options);
  const { database, vault } = services;
  const failed = await drainJobs({
    ...{ database, handlers, vault, concurrency: 2, random: systemRandom, timeoutMs: JOBS_LIMIT_MS },
  });
  assert.deepEqual(failed, []);
}

async function done(answer: ReturnType<Ask>): Promise<Told> {
  const { status, json } = await answer;
  assert.ok(status === 200 || status === 201, `${status} ${JSON.stringify(json)}`);
  return json;
}

async function refused(answer: ReturnType<Ask>): Promise<readonly [number, string]> {
  const { status, json } = await answer;
  return [status, String(json.type).split('/').at(-1) ?? ''];
}

/** A mail of the maintainer in the thread of the report, over SMTP. */
async function reply(...lines: readonly string[]): Promise<void> {
  const [raw = ''] = outside.received;
  const inReplyTo = /^Message-ID: (<[^>]+>)/m.exec(raw)?.[1] ?? '';
  const mail = { from: MAINTAINER, to: US, subject: 'Re: your report', inReplyTo, text: lines.join('\n') };
  await createTransport(door).sendMail(mail);
}

let record: string;
let id: string;

test('a report comes in once, its package is searched, and a proven case is named with it', async () => {
  const file = { name: 'report.json', content: JSON.stringify(REPORT), format: 'json' };
  const first = await done(coordinator('POST', '/intake/imports', file));
  assert.deepEqual([first.received, first.canonical], [1, 1]);
  const again = await done(coordinator('POST', '/intake/imports', file));
  assert.deepEqual([again.received, again.known], [1, 1]);
  record = (await done(coordinator('GET', '/intake/records'))).items[0].id;
  assert.deepEqual((await done(coordinator('GET', `/intake/records/${record}`))).cases, []);
  const begun = await done(coordinator('POST', `/intake/records/${record}/scan`, {}));
  assert.equal(begun.target, `pkg:npm/${PACKAGE}@1.0.0`);
  assert.deepEqual(await refused(coordinator('POST', `/intake/records/${record}/scan`, { target: '/etc' })), [
    422,
    'no-package',
  ]);
  await work();
  [id] = (await done(coordinator('GET', `/intake/records/${record}`))).cases;
  const shown = await done(coordinator('GET', `/cases/${id}`));
  assert.deepEqual(
    [shown.kind, shown.stage, shown.class, shown.package],
    ['real', 'received', 'prototype-pollution', PACKAGE],
  );
  assert.equal(shown.reproducer, undefined);
  const listed = await done(coordinator('GET', '/cases'));
  assert.deepEqual(
    listed.items.map((each: { id: string }) => each.id),
    [id],
  );
});

test('nothing leaves that machine and person have not both looked at', async () => {
  assert.equal((await done(coordinator('POST', `/cases/${id}/steps`, { step: 'confirm' }))).stage, 'confirmed');
  const notify = { step: 'notify', to: { address: MAINTAINER } };
  const early = await coordinator('POST', `/cases/${id}/steps`, notify);
  assert.equal(early.status, 403);
  assert.match(early.json.missing.join('\n'), /not followed by machine/);
  await done(coordinator('POST', `/cases/${id}/check`));
  await work();
  const { missing } = await done(coordinator('GET', `/cases/${id}/readiness`));
  assert.ok(missing.length > 0 && missing.every((each: string) => /^(sign-off|patch):/.test(each)), missing.join('\n'));
  const { text } = await done(coordinator('POST', `/cases/${id}/report`));
  assert.match(text, new RegExp(PACKAGE));
  const word = { note: 'read, and run by hand', withoutPatch: 'none was found' };
  assert.deepEqual(await done(coordinator('POST', `/cases/${id}/sign-off`, word)), { ready: true, missing: [] });
  const { items } = await done(coordinator('GET', '/queue'));
  assert.deepEqual([items.length, items[0].id, items[0].mayGo], [1, id, true]);
  assert.equal(outside.received.length, 0);
});

test('what the maintainers declared is passed by nobody', async () => {
  const limit = { project: PACKAGE, wish: { kind: 'limit', mostOpen: 0, mostPerWeek: null } };
  assert.equal((await done(coordinator('POST', '/pace', limit))).mostOpen, 0);
  const release = { address: MAINTAINER };
  assert.deepEqual(await refused(coordinator('POST', `/queue/${id}/release`, release)), [403, 'declared-limit']);
  await done(coordinator('POST', '/pace', { ...limit, wish: { ...limit.wish, mostOpen: 3 } }));
  assert.deepEqual(await done(coordinator('POST', `/queue/${id}/release`, release)), { sent: id });
  await work();
  assert.equal(outside.received.length, 1);
  assert.match(outside.received[0] ?? '', /^To: maintainer@example\.org\r$/m);
});

test('the maintainer acknowledges by mail, and later calls it fixed: the release is run', async () => {
  await reply('Headstart: acknowledge', 'Headstart: send fewer');
  assert.equal((await done(coordinator('GET', `/cases/${id}`))).stage, 'acknowledged');
  assert.equal((await done(coordinator('GET', `/pace?project=${PACKAGE}`))).askedRate, 0.5);
  await registry.close();
  registry = await publish('1.0.0', '1.0.1');
  await reply('Headstart: fixed in 1.0.1', 'Thank you for the report.');
  const { items } = await done(coordinator('GET', '/answers'));
  assert.equal(items.length, 1, 'what says more than its words waits for a person');
  const read = await done(coordinator('POST', `/answers/${items[0].id}/read`));
  assert.deepEqual([read.case, read.from, read.mayBePublic], [id, MAINTAINER, false]);
  await work();
  const shared = await done(coordinator('GET', `/cases/${id}/parties`));
  const checks = shared.answers.filter(({ kind }: { kind: string }) => kind === 'check');
  assert.match(checks[0]?.text ?? '', /^1\.0\.1: the reproducer stays silent/);
  const knows = (await done(coordinator('GET', `/cases/${id}/who-knows`))).items;
  assert.ok(knows.some(({ what }: { what: string }) => what === 'reproducer'));
  const { history } = await done(coordinator('GET', `/cases/${id}`));
  assert.ok(history.some(({ event }: { event: string }) => event === 'exported report'));
});

test('money for its maintainers is proposed by one, approved by two others, and posted once', async () => {
  const { items: needs } = await done(coordinator('GET', '/funding/needs'));
  assert.equal(needs.length, 1);
  const proposed = await done(
    coordinator('POST', '/funding/proposals', { micro: 25_000_000, why: 'a week of review' }),
  );
  const path = `/funding/proposals/${proposed.id}`;
  assert.deepEqual(await refused(coordinator('POST', `${path}/approve`)), [403, 'not-your-role']);
  await done(leads[0]('POST', `${path}/approve`));
  assert.deepEqual(await refused(leads[0]('POST', `${path}/post`)), [409, 'not-approved']);
  assert.equal((await done(leads[1]('POST', `${path}/approve`))).state, 'approved');
  assert.equal((await done(leads[0]('POST', `${path}/post`))).state, 'posted');
  assert.deepEqual(await refused(leads[1]('POST', `${path}/post`)), [409, 'over']);
  assert.equal((await done(coordinator('GET', '/funding/accounts'))).totalMicro, 25_000_000);
  const published = await done(coordinator('POST', '/funding/accounts/publish'));
  assert.deepEqual([published.projects, published.unnamed], [[], null], 'its case is open: nobody may be told');
});
