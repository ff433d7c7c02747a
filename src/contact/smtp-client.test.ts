/** The mail client against a whole mail server, with receipts. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type MailFault, startMailServer } from '../../test/support/mail-server.ts';
import type { RealMatter } from './channel.ts';
import { createMailbox } from './mailbox-client.ts';
import { createSmtpClient } from './smtp-client.ts';

const REAL: RealMatter = { id: 'case_1', kind: 'real', time: 'real', parties: [] };
let server: Awaited<ReturnType<typeof startMailServer>>;
let maildir: string;
let fault: MailFault = 'none';

before(async () => {
  maildir = await mkdtemp(join(tmpdir(), 'headstart-maildir-'));
  server = await startMailServer({ maildir, fault: () => fault });
});
after(async () => {
  await server.close();
  await rm(maildir, { recursive: true, force: true });
});

const letter = (name: string, text = 'x\r\n') => ({
  to: 'them@example.org',
  raw: `Message-ID: <${name}@example.org>\r\nSubject: x\r\n\r\n${text}`,
});

const clientWith = (more: { mailbox?: ReturnType<typeof createMailbox> } = {}) =>
  createSmtpClient(
    { host: '127.0.0.1', port: server.port, secure: false },
    { from: 'us@example.org', timeoutMs: 10_000, ...more },
  );

test('a message arrives to the byte, lines of dots and long lines too', async () => {
  fault = 'none';
  const sent = letter('bytes', `.\r\n..\r\n.a\r\n\r\n${'é'.repeat(400)}\r\n.\r\nend\r\n`);
  assert.deepEqual(await clientWith().send(REAL, sent), { kind: 'delivered', remote: null });
  assert.equal(server.received.at(-1), sent.raw);
});

test('what was taken and not answered is found by its receipt; what was not taken is never ruled out', async () => {
  const mailbox = createMailbox({ directory: maildir });
  const client = clientWith({ mailbox });
  for (const [name, loss, found] of [
    ['taken', 'lose-after', 'there'],
    ['not-taken', 'lose-before', 'cannot-say'],
  ] as const) {
    fault = loss;
    assert.equal((await client.send(REAL, letter(name))).kind, 'unknown');
    assert.equal((await client.readBack(REAL, letter(name), new Date(0))).kind, found);
  }
});

test('without a mailbox a lost answer is for a person, at once', async () => {
  fault = 'lose-after';
  const client = clientWith();
  assert.equal((await client.send(REAL, letter('lost'))).kind, 'unknown');
  const found = await client.readBack(REAL, letter('lost'), new Date(0));
  assert.deepEqual([found.kind === 'cannot-say' && found.isForGood, client.settleMs], [true, 0]);
});

test('a text that the server refuses at its end was not taken, and a server that is not there took nothing', async () => {
  fault = 'refuse';
  assert.equal((await clientWith().send(REAL, letter('refused'))).kind, 'declined');
  const nobody = createSmtpClient({ host: '127.0.0.1', port: 1, secure: false }, { from: 'us@example.org' });
  assert.equal((await nobody.send(REAL, letter('nobody'))).kind, 'not-delivered');
});
