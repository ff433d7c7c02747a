/** The outbox over a carrier of which every step can be held, lost or denied. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import type { Address } from './address.ts';
import type { Carrier, Delivery, ReadBack } from './channel.ts';
import type { Content, ReportLetter } from './letter.ts';
import { createMessageStore } from './message-store.ts';

const ADDRESS: Address = { channel: 'github-report', owner: 'them', repo: 'theirs' };
const CONTENT: Content = { subject: 'Something', text: 'Text.', severity: 'low' };

let world: World;
let settleMs = 0;
const sent: string[] = [];
const looked: Date[] = [];
let send: () => Promise<Delivery>;
let readBack: () => Promise<ReadBack>;

before(async () => {
  const carrier: Carrier<ReportLetter> = {
    get settleMs() {
      return settleMs;
    },
    send: (_it, { marker }) => {
      sent.push(marker);
      return send();
    },
    readBack: (_it, _letter, since) => {
      looked.push(since);
      return readBack();
    },
  };
  world = await createWorld({ time: 'real', carriers: { 'github-report': carrier, 'github-issue': carrier } });
});
after(() => world.close());
beforeEach(() => {
  settleMs = 0;
  sent.splice(0);
  looked.splice(0);
  send = async () => ({ kind: 'delivered', remote: 'GHSA-1' });
  readBack = async () => ({ kind: 'absent' });
});

async function posted(simulated = false, address = ADDRESS, more: { agreedBy?: string; content?: Content } = {}) {
  const id = await world.open({ vendor: { name: 'them', address: null, simulated } });
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  return await world.database.transaction((tx) =>
    world.outbox.post(tx, { matter: opened.case, keyId: opened.keyId, address, content: CONTENT, ...more }),
  );
}

const find = async (id: string) => (await createMessageStore(world.database).find(id)) ?? assert.fail(`no ${id}`);

/** As a worker leaves it that is killed while an attempt is under way. */
async function abandoned(secondsAgo = 3_600): Promise<string> {
  const id = await posted();
  await world.database.query(
    `update contact.messages set state = 'sending', attempts = 1, begun_at = now() - $2 * interval '1 s' where id = $1`,
    [id, secondsAgo],
  );
  return id;
}

const plannedIn = async (id: string): Promise<number | undefined> => {
  const { rows } = await world.database.query<{ seconds: number }>(
    `select extract(epoch from run_at - now())::float8 as seconds from graphile_worker.jobs where key = $1`,
    [id],
  );
  return rows[0]?.seconds;
};

test('what is delivered is sent, under the name that it has there', async () => {
  const id = await posted();
  assert.equal(await world.outbox.send(id), 'sent');
  const { state, remote, settledBy, attempts } = await find(id);
  assert.deepEqual([state, remote, settledBy, attempts, sent], ['sent', 'GHSA-1', 'answer', 1, [id]]);
});

test('the attempt is on record before its first byte leaves', async () => {
  const id = await posted();
  let seen: string | undefined;
  send = async () => {
    seen = (await find(id)).state;
    return { kind: 'delivered', remote: null };
  };
  await world.outbox.send(id);
  assert.equal(seen, 'sending');
});

test('a worker that died after the thing was done leaves nothing to do again', async () => {
  const id = await abandoned();
  readBack = async () => ({ kind: 'there', remote: 'GHSA-2' });
  assert.equal(await world.outbox.send(id), 'sent');
  const { remote, settledBy } = await find(id);
  assert.deepEqual([remote, settledBy, sent], ['GHSA-2', 'read-back', []]);
});

test('a worker that died before it was done: the message is sent, once, by the next', async () => {
  const id = await abandoned();
  assert.equal(await world.outbox.send(id), 'again');
  assert.deepEqual(sent, []);
  assert.equal(await world.outbox.send(id), 'sent');
  assert.deepEqual([sent, (await find(id)).attempts], [[id], 2]);
});

test('nobody looks before an attempt has settled, by the clock of the database', async () => {
  settleMs = 60_000;
  const id = await abandoned(10);
  assert.equal(await world.outbox.send(id), 'again');
  assert.deepEqual(looked, []);
  const seconds = (await plannedIn(id)) ?? Number.NaN;
  assert.ok(seconds > 20 && seconds <= 50, String(seconds));
});

test('while one worker waits for an answer no other looks or sends, and a later look is planned', async () => {
  const id = await posted();
  let answer: (delivery: Delivery) => void = () => {};
  const begun = new Promise<void>((resolve) => {
    send = () => {
      resolve();
      return new Promise((settle) => {
        answer = settle;
      });
    };
  });
  const first = world.outbox.send(id);
  await begun;
  assert.equal(await world.outbox.send(id), 'nothing');
  assert.ok(((await plannedIn(id)) ?? 0) > 10, 'the message is not forgotten');
  answer({ kind: 'delivered', remote: null });
  assert.equal(await first, 'sent');
  assert.deepEqual([sent.length, looked], [1, []]);
});

test('an error of ours in the middle of an attempt leaves it to be read back', async () => {
  const id = await posted();
  send = () => Promise.reject(new Error('a bug'));
  await assert.rejects(world.outbox.send(id), /a bug/);
  assert.equal((await find(id)).state, 'sending');
  readBack = async () => ({ kind: 'there', remote: null });
  assert.equal(await world.outbox.send(id), 'sent');
  assert.equal(sent.length, 1);
});

test('what names a place or holds what no row can is kept without it', async () => {
  const id = await posted();
  send = async () => ({ kind: 'declined', reason: 'no\0such\nthing at https://example.org/them/theirs' });
  assert.equal(await world.outbox.send(id), 'refused');
  assert.equal((await find(id)).trouble, 'no such thing at (place)');
});

test('a demonstration stays in the outbox, and the table takes no other row for it', async () => {
  const id = await posted(true);
  assert.equal((await find(id)).channel, 'file');
  assert.equal(await world.outbox.send(id), 'sent');
  assert.deepEqual(sent, []);
  for (const channel of ['github-report', 'github-advisory', 'github-issue', 'vince', 'webhook', 'smtp']) {
    const forged = world.database.query(`update contact.messages set channel = $2, agreed_by = 'x' where id = $1`, [
      id,
      channel,
    ]);
    await assert.rejects(forged, /violates check constraint/);
  }
});

test('a message whose case turns out to have a simulated party is refused at the last moment', async () => {
  const id = await posted();
  const { caseId } = await find(id);
  // Past the constraints, as a restored or edited database could be.
  await world.database.query('alter table disclosure.case_parties drop constraint case_parties_check');
  await world.database.query('update disclosure.case_parties set simulated = true where case_id = $1', [caseId]);
  assert.equal(await world.outbox.send(id), 'refused');
  assert.deepEqual([sent, (await find(id)).trouble], [[], 'a demonstration reaches no real channel']);
});

test('nothing is posted in public without a person who said so, nor a flaw that is not low', async () => {
  const issue: Address = { channel: 'github-issue', owner: 'them', repo: 'theirs' };
  await assert.rejects(posted(false, issue), /nobody has said/);
  const high = { ...CONTENT, severity: 'high' } as const;
  await assert.rejects(posted(false, issue, { agreedBy: 'a person', content: high }), /not reported in public/);
  const id = await posted(false, issue, { agreedBy: 'a person' });
  assert.equal((await find(id)).channel, 'github-issue');
  const silent = world.database.query('update contact.messages set agreed_by = null where id = $1', [id]);
  await assert.rejects(silent, /violates check constraint/);
});

test('a channel that is not configured is not used, and one that was configured waits', async () => {
  const id = await posted(false, { channel: 'vince', vendor: 'Them' });
  assert.equal((await find(id)).channel, 'file');
  const waiting = await posted();
  await world.database.query(`update contact.messages set channel = 'vince' where id = $1`, [waiting]);
  assert.equal(await world.outbox.send(waiting), 'again');
  assert.deepEqual(
    [(await find(waiting)).state, (await find(waiting)).trouble],
    ['pending', 'vince is not configured'],
  );
});
