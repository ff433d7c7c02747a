import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createWorld, sendRealCase, type World } from '../../test/support/disclosure.ts';
import type { Carrier } from '../contact/channel.ts';
import { createContactJobs } from '../contact/index.ts';
import type { MailLetter, VinceLetter } from '../contact/letter.ts';
import { createDisclosure, createDisclosureJobs, type Disclosure } from '../disclosure/index.ts';
import { createPartyLetters, type PartyLetters } from '../party-letters.ts';
import { createReadiness, type Readiness } from '../readiness/index.ts';
import { startWorkers } from '../store/job-worker.ts';
import { type Coordination, createCoordination } from './coordination.ts';
import { createEscalationJobs } from './coordination-job.ts';

const BY = { actor: 'test' };
const LOOK_AGAIN_MS = 50;
const reached = { vince: [] as VinceLetter[], mail: [] as MailLetter[] };
const carrierTo = <L>(list: L[]): Carrier<L> => ({
  settleMs: 0,
  send: async (_it, letter) => {
    list.push(letter);
    return { kind: 'delivered', remote: null };
  },
  readBack: async () => ({ kind: 'absent' }),
});

let world: World;
let disclosure: Disclosure;
let coordination: Coordination;
let readiness: Readiness;
let letters: PartyLetters;
const lettersWith = (coordinator: string | undefined): PartyLetters =>
  createPartyLetters({
    ...world,
    ...{ disclosure, coordination, readiness, coordinator },
    disclosureFor: () => disclosure,
    linkFor: async (_tx, _it, party) => `https://pages.example.org/m/${party}`,
  });

before(async () => {
  world = await createWorld({ carriers: { vince: carrierTo(reached.vince), smtp: carrierTo(reached.mail) } });
  const instants = { read: async () => ({ at: world.clock.now(), heldSince: null, freedAt: null }) };
  disclosure = createDisclosure({ ...world, time: 'real', instants });
  coordination = createCoordination({ ...world, disclosure, disclosureFor: () => disclosure });
  readiness = createReadiness({ ...world, instants, disclosure: () => disclosure });
  letters = lettersWith('vince');
});
after(() => world.close());

const send = (): Promise<string> => sendRealCase(world.database, disclosure);
const signOff = (id: string) =>
  readiness.signOff(id, { by: 'a person', note: 'read', scopeRead: true, withoutPatch: 'none yet' });
const eventsOf = async (id: string): Promise<readonly string[]> =>
  (await disclosure.find(id))?.history.map(({ event }) => event) ?? [];
const silence = async (): Promise<void> => {
  world.clock.passDays(30);
  await disclosure.reachClocks();
};

test('after 30 days of silence the clock’s own job asks CERT/CC, once, with the report that a person signed off', async () => {
  const [silent, answered] = [await send(), await send()];
  for (const id of [silent, answered]) await signOff(id);
  assert.ok((await disclosure.take('acknowledge', answered, BY)).ok);
  await silence();
  const workers = await startWorkers({
    ...world,
    handlers: {
      ...createEscalationJobs({ database: world.database, escalations: letters.escalations }),
      ...createContactJobs({ outbox: world.outbox }),
      ...createDisclosureJobs({ disclosure }),
    },
    concurrency: 2,
    onFailure: ({ error }) => assert.fail(String(error)),
  });
  try {
    while (reached.vince.length === 0) await sleep(LOOK_AGAIN_MS);
  } finally {
    await workers.stop();
  }
  assert.deepEqual(await letters.escalations.escalate(silent), { kind: 'nothing', why: 'asked-before' });
  assert.deepEqual(await letters.escalations.escalate(answered), { kind: 'nothing', why: 'not-silent' });
  const [letter] = reached.vince;
  assert.equal(reached.vince.length, 1);
  assert.equal(letter?.vendor, 'maintainers of @scope/example');
  assert.match(
    letter?.content.text ?? '',
    /In 30 days nobody has answered[\s\S]*The deadline stands: \d{4}[\s\S]*reproduce\.cjs/,
  );
  const opened = await disclosure.find(silent);
  assert.ok(opened && 'dueAt' in opened.case && opened.case.stage === 'notified', 'the deadline stands');
  assert.ok(opened.history.some(({ event, actor }) => event === 'escalated' && actor === 'clock'));
  const shared = await coordination.find(silent);
  const coordinator = [...(shared?.it.participants.values() ?? [])].find(({ name }) => name === 'CERT/CC');
  assert.equal(coordinator?.stance, 'bound');
  assert.ok(shared?.it.knows.some(({ who, what }) => who === coordinator?.id && what === 'reproducer'));
});

test('what nobody signed off, or has nobody to ask, waits and says so, and goes when it may', async () => {
  const id = await send();
  await silence();
  const before = reached.vince.length;
  assert.deepEqual(await lettersWith(undefined).escalations.escalate(id), { kind: 'waits', for: 'coordinator' });
  assert.deepEqual(await letters.escalations.escalate(id), { kind: 'waits', for: 'sign-off' });
  assert.deepEqual(await letters.escalations.escalate(id), { kind: 'waits', for: 'sign-off' });
  const waits = (await eventsOf(id)).filter((event) => event.startsWith('escalation-waits'));
  assert.equal(waits.length, 2, 'each reason is said once');
  await signOff(id);
  const asked = await letters.escalations.escalate(id);
  assert.ok(asked.kind === 'asked');
  assert.equal(await world.outbox.send(asked.messageId), 'sent');
  assert.equal(reached.vince.length, before + 1);
});

test('a silence that is not over asks nobody', async () => {
  const id = await send();
  await signOff(id);
  assert.deepEqual(await letters.escalations.escalate(id), { kind: 'nothing', why: 'not-due' });
});

test('a demonstration asks a simulated coordinator, whose letter stays here although the channel is configured', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify'] as const) assert.ok((await world.disclosure.take(step, id, BY)).ok);
  world.clock.passDays(30);
  await world.disclosure.reachClocks();
  const before = reached.vince.length;
  const asked = await letters.escalations.escalate(id);
  assert.ok(asked.kind === 'asked');
  await world.outbox.send(asked.messageId);
  const { rows } = await world.database.query<{ channel: string }>(
    'select channel from contact.messages where id = $1',
    [asked.messageId],
  );
  assert.equal(rows[0]?.channel, 'file');
  assert.equal(reached.vince.length, before);
  assert.match((await world.outbox.readLetter(world.database, asked.messageId)) ?? '', /DEMONSTRATION/);
});

const DISTRO = {
  role: 'downstream',
  name: 'A distribution',
  address: 'team@distro.example',
  zone: 'Asia/Tokyo',
  needs: ['deadline'],
  isBound: false,
} as const;

test('an invitation sends its letter once, and it says what the invited party may see and no more', async () => {
  const id = await send();
  const invited = await letters.invitations.invite(id, DISTRO, 'test');
  assert.ok(invited.ok && invited.value.messageId);
  const before = reached.mail.length;
  assert.equal(await world.outbox.send(invited.value.messageId), 'sent');
  assert.equal(await world.outbox.send(invited.value.messageId), 'nothing');
  assert.equal(reached.mail.length, before + 1);
  const { raw = '', to } = reached.mail.at(-1) ?? {};
  assert.equal(to, 'team@distro.example');
  const text = raw.replaceAll('=\r\n', '');
  assert.match(text, /kept private until .*Asia\/Tokyo/);
  assert.ok(text.includes(`https://pages.example.org/m/${invited.value.partyId}`));
  for (const word of ['@scope/example', 'pollution', 'reproduce', '1.2.2', 'CVSS'])
    assert.ok(!text.includes(word), word);
});

test('who is bound by an agreement already is told what it may see of the flaw, and of its own products', async () => {
  const id = await send();
  const needs = ['deadline', 'flaw'] as const;
  const about = ['Their product 7: directly'];
  const told = await letters.invitations.invite(id, { ...DISTRO, needs, isBound: true, about }, 'test');
  const untold = await letters.invitations.invite(id, { ...DISTRO, about }, 'test');
  assert.ok(told.ok && told.value.messageId && untold.ok && untold.value.messageId);
  for (const { messageId } of [told.value, untold.value]) await world.outbox.send(messageId ?? '');
  const [first, second] = reached.mail.slice(-2).map(({ raw }) => raw.replaceAll('=\r\n', ''));
  assert.match(first ?? '', /Prototype pollution[\s\S]*before 1\.2\.3[\s\S]*Their product 7/);
  assert.ok(!first?.includes('reproduce.cjs'), 'it does not need the reproducer');
  assert.ok(!second?.includes('product 7'));
});

test('an invitation goes to no public place and to no address that is none, and then nobody is a party', async () => {
  const id = await send();
  for (const address of ['issue:owner/repository', 'nobody', 'vince:somebody']) {
    const invited = await letters.invitations.invite(id, { ...DISTRO, address }, 'test');
    assert.equal(!invited.ok && invited.refusal.kind, 'no-such-address', address);
  }
  assert.equal((await coordination.find(id))?.it.participants.size, 2);
});

test('an answer to an invitation is no answer of the maintainers', async () => {
  const id = await send();
  const invited = await letters.invitations.invite(id, DISTRO, 'test');
  assert.ok(invited.ok && invited.value.messageId);
  const of = (message: string) => world.database.transaction((tx) => letters.partyOf(tx, message));
  assert.deepEqual(await of(invited.value.messageId), { id: invited.value.partyId, isReported: false });
  const report = (await disclosure.find(id))?.messages.find(({ id: message }) => message !== invited.value.messageId);
  assert.equal((await of(report?.id ?? ''))?.isReported, true);
  assert.equal(await of('message_nobody'), undefined);
});
