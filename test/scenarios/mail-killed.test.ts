/**
 * The server that mail comes in by is killed with -9 while it takes mail, again and again: whatever was answered 250 is
 * there afterwards, once, and nothing lies on the disk in the clear.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTransport } from 'nodemailer';
import { createInstallation, type Installation } from '../support/installation.ts';

const RECIPIENT = 'security@example.org';
/** Answered before each kill; the next one is under way when it comes. */
const TAKEN_BEFORE_KILL = [1, 4, 7];
const MARKER = `secretive${randomBytes(6).toString('hex')}`;

let installation: Installation;
const taken: string[] = [];
const sent: string[] = [];

before(async () => {
  installation = await createInstallation({
    environment: { HEADSTART_INBOUND_LISTEN: '0', HEADSTART_INBOUND_RECIPIENTS: RECIPIENT },
  });
  for (const count of TAKEN_BEFORE_KILL) await sendUntilKilled(count);
});
after(() => installation?.close());

async function sendUntilKilled(count: number): Promise<void> {
  const serving = installation.start('serve', '--role', 'web', '--port', '0');
  const line = await serving.said(/^\{.*"mail":"smtp:/);
  const { mail } = JSON.parse(line) as { readonly mail: string };
  const transport = createTransport({
    host: '127.0.0.1',
    port: Number(new URL(mail).port),
    ignoreTLS: true,
    pool: false,
  });
  for (let number = 0; number <= count; number += 1) {
    const subject = `${MARKER} ${sent.length}`;
    sent.push(subject);
    const text = `Package: p${sent.length}\n\nFlaw number ${randomBytes(12).toString('hex')} of its own kind.`;
    const sending = transport.sendMail({ from: 'a@sender.example', to: RECIPIENT, subject, text });
    const isAnswered = sending.then(
      () => void taken.push(subject),
      () => {},
    );
    // The last of them meets a server that dies.
    if (number === count) setTimeout(() => serving.child.kill('SIGKILL'), 5);
    await isAnswered;
  }
  serving.child.kill('SIGKILL');
  await serving.ended;
}

test('every mail that was answered is a record afterwards, and none is two', async () => {
  const { stdout } = await installation.expect(0, 'intake', 'list', '--limit', '100', '--json');
  const titles = (JSON.parse(stdout) as { claim: { title: string } }[]).map(({ claim }) => claim.title);
  assert.equal(new Set(titles).size, titles.length);
  assert.ok(taken.length >= TAKEN_BEFORE_KILL.reduce((sum, count) => sum + count, 0), `${taken.length} were answered`);
  for (const subject of taken) assert.ok(titles.includes(subject), `${subject} was answered and is lost`);
  for (const title of titles) assert.ok(sent.includes(title));
});

test('no file of the data directory holds a word of them in the clear', () => {
  const files = readdirSync(installation.home, { recursive: true, withFileTypes: true }).filter((it) => it.isFile());
  const found = files.filter(({ parentPath, name }) => readFileSync(join(parentPath, name)).includes(MARKER));
  assert.deepEqual(
    found.map(({ name }) => name),
    [],
  );
  assert.ok(
    files.some(({ parentPath }) => parentPath.includes('pg_wal')),
    'the write-ahead log was not searched',
  );
});
