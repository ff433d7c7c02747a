import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import { type Answers, createAnswers } from './answer-service.ts';
import type { Delivery } from './channel.ts';
import type { Word } from './incoming-mail.ts';
import { createMailbox } from './mailbox-client.ts';

let world: World;
let answers: Answers;
let directory: string;
let delivery: Delivery = { kind: 'delivered', remote: null };
const acted: { readonly caseId: string; readonly word: Word }[] = [];

before(async () => {
  world = await createWorld({
    time: 'real',
    smtp: {
      settleMs: 0,
      send: async () => delivery,
      readBack: async () => ({ kind: 'cannot-say', reason: 'nobody to ask', isForGood: true }),
    },
  });
  directory = await mkdtemp(join(tmpdir(), 'headstart-maildir-'));
  for (const folder of ['tmp', 'new', 'cur']) await mkdir(join(directory, folder));
  const { database, clock, random, vault, outbox, disclosure } = world;
  answers = createAnswers({
    ...{ database, clock, random, vault, outbox },
    act: async (_tx, { caseId }, word) => {
      acted.push({ caseId, word });
      return word.word === 'acknowledge';
    },
    note: async (tx, caseId, event) => {
      const opened = await disclosure.findIn(tx, caseId);
      if (opened) await disclosure.note(tx, opened, event, 'them');
    },
  });
});
after(async () => {
  await world.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => {
  delivery = { kind: 'delivered', remote: null };
  acted.splice(0);
});

async function reported(): Promise<{ caseId: string; id: string; marker: string }> {
  const caseId = await world.open({ vendor: { name: 'them', address: 'them@example.org', simulated: false } });
  for (const step of ['confirm', 'notify'] as const) {
    assert.ok((await world.disclosure.take(step, caseId, { actor: 'operator' })).ok);
  }
  const message = (await world.disclosure.find(caseId))?.messages[0];
  assert.ok(message);
  await world.outbox.send(message.id);
  return { caseId, id: message.id, marker: message.marker };
}

const reply = (headers: readonly string[], text: string) =>
  Buffer.from(
    [
      'From: them@example.org',
      'Date: Mon, 2 Nov 2026 10:00:00 +0000',
      `Message-ID: <${randomBytes(8).toString('hex')}@them>`,
      ...headers,
      '',
      text,
    ].join('\r\n'),
  );

const historyOf = async (caseId: string) =>
  (await world.disclosure.find(caseId))?.history.map(({ event }) => event) ?? [];

async function receive(raw: Uint8Array) {
  const received = await answers.receive(raw);
  assert.ok(received.ok, JSON.stringify(received));
  return received.value;
}

test('an answer in the thread is kept with its case, encrypted, and its history says that it came', async () => {
  const { caseId, id, marker } = await reported();
  const received = await receive(reply([`In-Reply-To: ${marker}`], 'marker-of-the-answer: thank you'));
  assert.deepEqual(
    [received.caseId, received.messageId, received.kind, received.state],
    [caseId, id, 'answer', 'kept'],
  );
  assert.ok((await historyOf(caseId)).includes(`mail received: answer (${received.id})`));
  assert.deepEqual(acted, []);
  const { rows } = await world.database.query<{ row: string }>('select a::text as row from contact.answers a');
  const hex = Buffer.from('marker-of-the-answer').toString('hex');
  assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes('marker-of') && !row.includes(hex)));
});

test('a person reads it once asked for, and then it waits no more', async () => {
  const { caseId, id } = await reported();
  const { id: answer } = await receive(reply([], `About ${id}: marker-of-the-answer`));
  assert.ok((await answers.list('kept')).some((each) => each.id === answer));
  const read = await answers.read(answer);
  assert.match(read?.text ?? '', /marker-of-the-answer/);
  assert.ok(!(await answers.list('kept')).some((each) => each.id === answer));
  assert.ok((await historyOf(caseId)).includes(`mail read (${answer})`));
});

test('the same bytes again are the same answer, and nothing is done twice', async () => {
  const { caseId, marker } = await reported();
  const raw = reply([`References: <other@x> ${marker}`], 'Headstart: acknowledge');
  const [first, second] = [await receive(raw), await receive(raw)];
  assert.deepEqual([first.id, first.isKnown, second.isKnown], [second.id, false, true]);
  assert.deepEqual([first.state, acted.length], ['done', 1]);
  assert.equal((await historyOf(caseId)).filter((event) => event.startsWith('mail')).length, 2);
});

test('two workers who take the same mail at once do it once', async () => {
  const { marker } = await reported();
  const raw = reply([`In-Reply-To: ${marker}`], 'Headstart: acknowledge');
  const both = await Promise.all([receive(raw), receive(raw)]);
  assert.equal(both[0].id, both[1].id);
  assert.equal(acted.length, 1);
});

test('a word that only a person can follow leaves the mail to him, as does whatever else is said', async () => {
  const { caseId, marker } = await reported();
  const both = reply([`In-Reply-To: ${marker}`], 'Headstart: acknowledge\r\nHeadstart: not a bug: by design');
  assert.equal((await receive(both)).state, 'kept');
  assert.equal((await receive(reply([`In-Reply-To: ${marker}`], 'Headstart: acknowledge\r\nCall me.'))).state, 'kept');
  assert.ok((await historyOf(caseId)).some((event) => event.startsWith('mail says not-a-bug: for a person')));
});

test('a mail that belongs to nothing is kept for a person and does nothing', async () => {
  const received = await receive(reply(['In-Reply-To: <guessed@example.org>'], 'Headstart: acknowledge'));
  assert.deepEqual([received.caseId, received.state, acted], [null, 'kept', []]);
  assert.equal((await answers.read(received.id))?.text?.trim(), 'Headstart: acknowledge');
});

test('an answer shows that a message whose fate was unknown had arrived; a failed delivery does not', async () => {
  delivery = { kind: 'unknown', reason: 'the connection was lost' };
  const [one, other] = [await reported(), await reported()];
  await receive(reply([`In-Reply-To: ${one.marker}`], 'Who are you?'));
  const bounce = [
    ...['--b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; x', '', 'Action: failed'],
    ...['--b', 'Content-Type: text/rfc822-headers', '', `Message-ID: ${other.marker}`, '--b--'],
  ];
  const type = 'Content-Type: multipart/report; report-type=delivery-status; boundary=b';
  const bounced = await receive(reply([type], bounce.join('\r\n')));
  assert.deepEqual([bounced.kind, bounced.messageId, bounced.state], ['bounce', other.id, 'kept']);
  const stateOf = async ({ caseId }: { caseId: string }) => (await world.disclosure.find(caseId))?.messages[0];
  const [shown, still] = [await stateOf(one), await stateOf(other)];
  assert.deepEqual([shown?.state, shown?.settledBy, still?.state], ['sent', 'read-back', 'uncertain']);
});

test('a mailbox gives each mail once, oldest first, and shows which message is named in it', async () => {
  const mailbox = createMailbox({ directory });
  const { marker } = await reported();
  const put = async (name: string, raw: Uint8Array) => {
    await writeFile(join(directory, 'tmp', name), raw);
    await rename(join(directory, 'tmp', name), join(directory, 'new', name));
  };
  assert.equal(await mailbox.shows(marker), false);
  await put('1.a', reply([`In-Reply-To: ${marker}`], 'first'));
  assert.equal(await mailbox.shows(marker), true);
  const readAll = async () => {
    const texts: string[] = [];
    for await (const raw of mailbox.messages()) texts.push(raw.toString().split('\r\n').at(-1) ?? '');
    return texts;
  };
  assert.deepEqual(await readAll(), ['first']);
  await rename(join(directory, 'new', '1.a'), join(directory, 'cur', '1.a:2,S'));
  await put('2.b', reply([], 'second'));
  assert.deepEqual(await readAll(), ['second']);
  assert.deepEqual(await readAll(), []);
});

test('what is no mail, or longer than a mail may be, is refused and leaves nothing', async () => {
  const before = (await answers.list('all')).length;
  const refused = [await answers.receive(Buffer.from('no')), await answers.receive(Buffer.alloc((5 << 20) + 1))];
  assert.deepEqual(
    refused.map((each) => !each.ok && each.refusal.kind),
    ['not-a-mail', 'too-large'],
  );
  assert.equal((await answers.list('all')).length, before);
});
