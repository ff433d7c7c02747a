/**
 * Reports by mail, from the command line over the services and the workers to a mail server on loopback: a real case is
 * delivered exactly once, a demonstration never, though the server is configured.
 */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { runCommandLine } from '../../src/cli/index.ts';
import { registerAll } from '../../src/commands.ts';
import { readConfig } from '../../src/config.ts';
import { createContactJobs, SEND_JOB } from '../../src/contact/index.ts';
import { createCompressedClock, createDisclosureJobs, type Disclosure } from '../../src/disclosure/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createParts, type Parts } from '../../src/parts.ts';
import { createServices, type Services } from '../../src/services.ts';
import { drainJobs } from '../../src/store/job-worker.ts';
import { addJob } from '../../src/store/jobs.ts';
import { createTestDatabase, type TestDatabase } from '../../src/store/test-database.ts';
import { makeTestDirectory } from '../../src/store/test-directory.ts';
import { createSequenceJobs } from '../../src/tlog/index.ts';
import { newCase } from '../support/disclosure.ts';
import { startFakeSmtp } from '../support/fake-smtp.ts';
import { WORKSHOP } from '../support/workshop.ts';

const ADDRESS = 'maintainer@example.org';
const JOBS_LIMIT_MS = 30_000;

let folder: string;
let db: TestDatabase;
let server: Awaited<ReturnType<typeof startFakeSmtp>>;
let parts: Parts;
let services: Services;
let said: string[] = [];
let identity: string;

before(async () => {
  folder = makeTestDirectory('headstart-smtp-');
  [db, server] = await Promise.all([createTestDatabase(), startFakeSmtp()]);
  identity = await generateX25519Identity();
  writeFileSync(join(folder, 'identity'), `${identity}\n`);
  const config = readConfig({
    HEADSTART_HOME: join(folder, 'home'),
    HEADSTART_INBOUND_IDENTITY: join(folder, 'identity'),
    DATABASE_URL: db.url,
    HEADSTART_SMTP_URL: `smtp://127.0.0.1:${server.port}`,
    HEADSTART_MAIL_FROM: 'security@coordination.example',
    HEADSTART_PUBLISHER_NAME: 'Example coordination',
    HEADSTART_PUBLISHER_NAMESPACE: 'https://coordination.example',
    HEADSTART_PUBLISHER_CONTACT: 'mailto:security@coordination.example',
  });
  parts = createParts(config, { say: (line) => void said.push(line), json: () => {}, data: () => {} });
  services = await createServices(parts);
});
after(async () => {
  await parts?.close();
  await server?.close();
  await db?.drop();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  server.received.splice(0);
  said = [];
});

const run = (...args: string[]): Promise<number> =>
  runCommandLine(args, { terminal: parts.terminal, register: [(program) => registerAll(program, parts)] });

async function openCase(disclosure: Disclosure, simulated: boolean, address: string | null): Promise<string> {
  const fresh = newCase({ vendor: { name: 'them', address, simulated }, knownAs: simulated ? ['CVE-2020-0001'] : [] });
  const opened = await services.database.transaction((tx) => disclosure.openCase(tx, fresh));
  assert.ok(opened.ok);
  assert.equal(await run('case', 'step', opened.value, 'confirm'), 0, said.join('\n'));
  if (!simulated) await makeReady(opened.value);
  return opened.value;
}

/** Followed by a workshop that ran nothing, and signed off by a person. */
async function makeReady(id: string): Promise<void> {
  assert.ok((await services.readiness.check(id, WORKSHOP)).ok);
  assert.equal(
    await run('case', 'sign-off', id, '--note', 'read', '--without-patch', 'none was found'),
    0,
    said.join('\n'),
  );
}

/** Two processes' worth of workers until nothing is left to do. */
async function work(): Promise<void> {
  const { database, disclosure, outbox, log, vault } = services;
  const handlers = {
    ...createDisclosureJobs({ disclosure }),
    ...createContactJobs({ outbox }),
    ...createSequenceJobs(log),
  };
  const options = { database, handlers, concurrency: 2, random: systemRandom, vault, timeoutMs: JOBS_LIMIT_MS };
  const failed = await Promise.all([drainJobs(options), drainJobs(options)]);
  assert.deepEqual(failed.flat(), []);
}

const messagesOf = async (id: string) => (await services.disclosure.find(id))?.messages ?? [];

test('the report of a real case arrives exactly once, from the configured sender', async () => {
  const id = await openCase(services.disclosure, false, null);
  assert.equal(await run('case', 'step', id, 'notify', '--to', ADDRESS), 0, said.join('\n'));
  assert.equal(server.received.length, 0, 'the command itself sends nothing');
  await work();
  const [message] = await messagesOf(id);
  assert.deepEqual([message?.channel, message?.state, message?.attempts], ['smtp', 'sent', 1]);
  // A job that runs again, as after a crash, finds it done.
  await addJob(services.database, SEND_JOB, { message: message?.id ?? '' });
  await work();
  const [raw = '', ...more] = server.received;
  assert.deepEqual(more, []);
  assert.match(raw, /^From: security@coordination\.example\r$/m);
  assert.match(raw, /^To: maintainer@example\.org\r$/m);
  assert.match(raw, /Example coordination/);
  assert.match(raw, /marker-of-the-reproducer/);
});

test('a maintainer answers by mail in plain words, and the case moves; the same mail again moves nothing', async () => {
  const id = await openCase(services.disclosure, false, null);
  assert.equal(await run('case', 'step', id, 'notify', '--to', ADDRESS), 0, said.join('\n'));
  await work();
  const [raw = ''] = server.received;
  const messageId = /^Message-ID: (<[^>]+>)/m.exec(raw)?.[1] ?? '';
  assert.match(raw, /^ {2}"Headstart: acknowledge"\r$/m);
  const answer = [
    `From: ${ADDRESS}`,
    'Date: Mon, 2 Nov 2026 10:00:00 +0000',
    'Subject: Re: your report',
    `In-Reply-To: ${messageId}`,
    '',
    'Headstart: acknowledge',
    'Headstart: not a bug because it is documented',
    '',
    ...raw
      .slice(raw.indexOf('\r\n\r\n'))
      .split('\r\n')
      .map((line) => `> ${line}`),
  ].join('\r\n');
  const file = join(folder, 'answer.eml');
  writeFileSync(file, answer);
  for (const _ of [1, 2]) assert.equal(await run('mail', 'receive', file), 0, said.join('\n'));
  const opened = await services.disclosure.find(id);
  assert.equal(opened?.case.stage, 'acknowledged');
  const events = opened?.history.map(({ event }) => event.replace(/ \(.*/, '')) ?? [];
  const saidSo = ['mail received: answer', 'acknowledge', 'mail says acknowledge: done', 'mail says not-a-bug: done'];
  assert.deepEqual(
    events.filter((event) => saidSo.includes(event)),
    saidSo,
  );
  const shared = await services.coordination.find(id);
  assert.match(JSON.stringify(shared?.it), /it is documented/);
  assert.equal(await run('mail', 'receive', join(folder, 'nothing.eml')), 4);
});

test('an answer that was encrypted to the installation is opened by its key and obeyed', async () => {
  const id = await openCase(services.disclosure, false, null);
  assert.equal(await run('case', 'step', id, 'notify', '--to', ADDRESS), 0, said.join('\n'));
  await work();
  const messageId = /^Message-ID: (<[^>]+>)/m.exec(server.received[0] ?? '')?.[1] ?? '';
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  const body = armor.encode(await encrypter.encrypt('Headstart: acknowledge\nWe found a second place.\n'));
  const head = [`From: ${ADDRESS}`, 'Date: Mon, 2 Nov 2026 10:00:00 +0000', `In-Reply-To: ${messageId}`];
  const file = join(folder, 'encrypted.eml');
  writeFileSync(file, [...head, '', body].join('\r\n'));
  assert.equal(await run('mail', 'receive', file), 0, said.join('\n'));
  assert.equal((await services.disclosure.find(id))?.case.stage, 'acknowledged');
  const [waiting] = (await services.answers.list('kept')).filter(({ caseId }) => caseId === id);
  assert.equal(await run('mail', 'show', waiting?.id ?? ''), 0);
  assert.match(said.join('\n'), /We found a second place\.[\s\S]*encrypted to you/);
});

test('a real case without an address stays sealed in the outbox, and the command says how to write it out', async () => {
  const id = await openCase(services.disclosure, false, null);
  assert.equal(await run('case', 'step', id, 'notify'), 0);
  assert.match(said.join('\n'), new RegExp(`sent to nobody; .export ${id} --format report --eml`));
  await work();
  assert.equal((await messagesOf(id))[0]?.channel, 'file');
  assert.deepEqual(server.received, []);
});

for (const [name, open] of Object.entries({
  'under a simulated clock': () =>
    openCase(services.disclosureUnder(createCompressedClock(systemClock.now())), true, ADDRESS),
  'under the real clock with a simulated vendor': () => openCase(services.disclosure, true, ADDRESS),
})) {
  test(`a demonstration ${name} reaches no mail server, though one is configured and its address is known`, async () => {
    const connections = server.connections();
    const id = await open();
    assert.equal(await run('case', 'step', id, 'notify', '--to', ADDRESS), 6);
    assert.match(said.join('\n'), /a demonstration reaches nobody/);
    assert.deepEqual(await messagesOf(id), []);
    assert.equal(await run('case', 'step', id, 'notify'), 0);
    await work();
    assert.deepEqual(
      (await messagesOf(id)).map(({ channel }) => channel),
      ['file'],
    );
    assert.equal(server.connections(), connections);
    assert.deepEqual(server.received, []);
  });
}
