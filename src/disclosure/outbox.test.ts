import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createWorld, newCase, type World } from '../../test/support/disclosure.ts';
import { type SmtpFault, startFakeSmtp } from '../../test/support/fake-smtp.ts';
import { createSmtpClient } from '../contact/index.ts';
import { toSecret } from '../lib/secret.ts';
import { isRealCase, type RealCase } from './case.ts';
import { createCaseStore } from './case-store.ts';

const SENDER = { from: 'security@example.org', timeoutMs: 2_000 };
const LETTER = { to: 'b@example.org', raw: 'Subject: x\r\n\r\nx\r\n' };

let world: World;
let server: Awaited<ReturnType<typeof startFakeSmtp>>;
let smtp: ReturnType<typeof createSmtpClient>;

before(async () => {
  server = await startFakeSmtp();
  smtp = createSmtpClient({ host: '127.0.0.1', port: server.port, secure: false }, SENDER);
  world = await createWorld({ time: 'real', smtp });
});
after(async () => {
  await world.close();
  await server.close();
});
afterEach(() => void server.received.splice(0));

async function notified(address: string | null, simulated = false): Promise<{ caseId: string; messageId: string }> {
  const id = await world.open({ vendor: { name: 'them', address, simulated } });
  for (const step of ['confirm', 'notify'] as const) {
    assert.ok((await world.disclosure.take(step, id, { actor: 'operator' })).ok);
  }
  const opened = await world.disclosure.find(id);
  return { caseId: id, messageId: opened?.messages[0]?.id ?? '' };
}

const messageOf = async (caseId: string) => (await world.disclosure.find(caseId))?.messages[0];

test('a report of a real case goes out by mail, plain text with the reproducer inline', async () => {
  const { caseId, messageId } = await notified('maintainer@example.org');
  assert.equal(await world.outbox.send(messageId), 'sent');
  assert.equal((await messageOf(caseId))?.state, 'sent');
  const [raw = ''] = server.received;
  assert.match(raw, /^To: maintainer@example\.org/m);
  assert.match(raw, /Content-Type: text\/plain/);
  assert.match(raw, /marker-of-the-reproducer/);
});

test('a message that is sent is not sent again', async () => {
  const { messageId } = await notified('maintainer@example.org');
  assert.deepEqual([await world.outbox.send(messageId), await world.outbox.send(messageId)], ['sent', 'nothing']);
  assert.equal(server.received.length, 1);
});

test('two workers at once send it once', async () => {
  const { messageId } = await notified('maintainer@example.org');
  const outcomes = await Promise.all([world.outbox.send(messageId), world.outbox.send(messageId)]);
  assert.deepEqual(outcomes.sort(), ['nothing', 'sent']);
  assert.equal(server.received.length, 1);
});

for (const [fault, expected] of Object.entries({
  // Before the text was taken nothing can have arrived: it is sent again.
  'lose-before': ['again', 'sent'],
  'answer-twice': ['sent', 'nothing'],
  // The answer was lost, the message was not: a mail server cannot be asked, so a person has to.
  'lose-after': ['uncertain', 'nothing'],
} satisfies Partial<Record<SmtpFault, readonly string[]>>)) {
  test(`a server that has the fault ${fault} gets the message once`, async () => {
    const { caseId, messageId } = await notified('maintainer@example.org');
    server.failWith(fault as SmtpFault);
    assert.deepEqual([await world.outbox.send(messageId), await world.outbox.send(messageId)], expected);
    assert.deepEqual(server.received.length, 1);
    assert.deepEqual(server.mailbox(), [(await messageOf(caseId))?.marker]);
    assert.equal(await world.outbox.send(messageId), 'nothing');
    assert.equal(server.received.length, 1);
  });
}

test('what a server refuses for good is kept with its reason and not tried again', async () => {
  const { caseId, messageId } = await notified('nobody@example.org');
  server.failWith('refuse');
  assert.equal(await world.outbox.send(messageId), 'refused');
  assert.match((await messageOf(caseId))?.trouble ?? '', /550/);
  assert.equal(await world.outbox.send(messageId), 'nothing');
  assert.equal(server.received.length, 0);
});

for (const [fault, settings] of Object.entries({
  'that knows no such account': { host: '127.0.0.1', login: { user: 'me', password: toSecret('marker-word') } },
  // On Linux another name of this machine, but not one that is known to be local.
  'elsewhere that offers no TLS': { host: '0.0.0.0' },
})) {
  test(`a server ${fault} is told nothing, and the message waits until that is mended`, async () => {
    const { caseId } = await notified('maintainer@example.org');
    const it = await createCaseStore(world.database).find(caseId);
    assert.ok(it && isRealCase(it));
    const client = createSmtpClient({ ...settings, port: server.port, secure: false }, SENDER);
    const outcome = await client.send(it, LETTER);
    assert.ok(outcome.kind === 'not-delivered', JSON.stringify(outcome));
    assert.ok(!outcome.reason.includes('marker-word'));
    assert.equal(server.received.length, 0);
  });
}

test('a demonstration is sent to no mail server, though one is configured and the address is known', async () => {
  const { caseId, messageId } = await notified('maintainer@example.org', true);
  assert.equal((await messageOf(caseId))?.channel, 'file');
  assert.equal(await world.outbox.send(messageId), 'sent');
  assert.equal(server.received.length, 0);
});

test('a demonstration that claims to be a real case is refused by the mail client', async () => {
  const { caseId } = await notified('maintainer@example.org', true);
  const it = await createCaseStore(world.database).find(caseId);
  const forged = { ...it, kind: 'real' } as RealCase;
  assert.equal((await smtp.send(forged, LETTER)).kind, 'declined');
  assert.equal(server.received.length, 0);
});

test('the table refuses a demonstration on a real channel, and a row that lies about its case', async () => {
  const { messageId } = await notified('maintainer@example.org', true);
  const set = (change: string) =>
    world.database.query(`update contact.messages set ${change} where id = $1`, [messageId]);
  await assert.rejects(set(`channel = 'smtp'`), /violates check constraint/);
  await assert.rejects(set(`channel = 'smtp', case_kind = 'real'`), /violates foreign key constraint/);
});

test('a real case without a known address stays in the outbox, encrypted', async () => {
  const { caseId, messageId } = await notified(null);
  assert.equal(await world.outbox.send(messageId), 'sent');
  assert.equal((await messageOf(caseId))?.channel, 'file');
  assert.equal(server.received.length, 0);
  assert.match((await world.outbox.readLetter(world.database, messageId)) ?? '', /marker-of-the-reproducer/);
});

test('a case with a simulated party is a demonstration even under the real clock', async () => {
  const opened = await world.disclosure.find(await world.open(newCase()));
  assert.equal(opened?.case.kind, 'demonstration');
});
