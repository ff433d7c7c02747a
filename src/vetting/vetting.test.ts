/** On a real database with a real vault: what is sealed, who looked, what is gone. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ACTOR, createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { createPresenceStore } from '../program/index.ts';
import { StaleWrite } from '../store/database.ts';
import { CHECKLIST } from './application.ts';
import { createApplicationStore } from './application-store.ts';
import { createVetting, type Vetting } from './vetting.ts';

const START = new Date('2026-04-20T12:00:00Z');
const DAY_MS = 86_400_000;
let now = START;
const clock = { now: () => now };
const pass = (days: number): void => {
  now = new Date(now.getTime() + days * DAY_MS);
};

let world: World;
let vetting: Vetting;
let organisation: `organisation_${string}`;
let person: string;
const SECRET = Buffer.from('the owners are listed here');
let names = 0;

before(async () => {
  world = await createWorld(clock);
  await world.model('m1');
  const calendar = { timeZone: 'UTC', holidays: new Set<string>() };
  vetting = createVetting({ ...world.parts, membership: world.membership, keys: world.keys, calendar });
  okOf(await vetting.publishTerms('Defensive use only.', ACTOR));
});
beforeEach(async () => {
  names += 1;
  organisation = okOf(await world.membership.addOrganisation({ name: `Org ${names}`, country: 'KR' }, ACTOR));
  person = await world.person(organisation, `p${names}@org.test`, { country: 'FR' });
});
after(() => world.close());

async function submitted(office?: string): Promise<`application_${string}`> {
  const id = okOf(await vetting.apply({ organisation, tier: 'trusted', office }));
  okOf(await vetting.addEvidence(id, { name: 'owners.pdf', content: SECRET }, ACTOR));
  okOf(await vetting.submit(id));
  return id;
}
async function reviewed(id: string): Promise<void> {
  for (const by of ['ann', 'ben']) okOf(await vetting.take(id, { step: 'pass', by, met: CHECKLIST }));
}
const viewOf = async (id: string) => (await vetting.onboarding()).find(({ application }) => application === id);

test('from the application to a call that works: each state says who waits for what', async () => {
  const id = await submitted('national office');
  assert.equal((await viewOf(id))?.who, 'reviewers');
  await reviewed(id);
  assert.equal((await viewOf(id))?.who, 'office');
  okOf(await vetting.take(id, { step: 'agree', by: 'clerk' }));
  assert.equal((await viewOf(id))?.what, 'accept the terms');
  const asked = { organisation, person, models: ['m1'] };
  assert.equal(refusalOf(await world.keys.createKey(asked, ACTOR)).kind, 'not-approved');
  assert.equal(refusalOf(await vetting.acceptTerms(id, 7)).kind, 'other-terms');
  okOf(await vetting.acceptTerms(id, (await vetting.currentTerms())?.version ?? 0));
  assert.equal((await viewOf(id))?.stage, 'approved');
  const key = okOf(await world.keys.createKey(asked, ACTOR));
  assert.equal((await viewOf(id))?.stage, 'provisioned');
  await createPresenceStore(world.database).prove(key.id, 'm1', 'call_1', now);
  assert.equal((await viewOf(id))?.stage, 'ready');
  okOf(await world.keys.revokeKey(key.id, ACTOR));
  assert.equal((await viewOf(id))?.stage, 'approved', 'a call with a key that is gone proves nothing');
});

test('an application with evidence is there whole, before the reviewers, or not at all', async () => {
  const asked = { organisation, tier: 'trusted' };
  const files = [
    { name: 'owners.pdf', content: SECRET },
    { name: 'empty.pdf', content: new Uint8Array() },
  ];
  assert.equal(refusalOf(await vetting.applyWith(asked, files, ACTOR)).kind, 'too-large');
  assert.deepEqual((await vetting.onboarding(organisation)).length, 0);
  const id = okOf(await vetting.applyWith(asked, files.slice(0, 1), ACTOR));
  assert.equal((await viewOf(id))?.who, 'reviewers');
  assert.equal(await vetting.isUnderReview(organisation), true);
  okOf(await vetting.take(id, { step: 'refuse', by: 'ann', reason: 'no owners named' }));
  assert.equal(await vetting.isUnderReview(organisation), false);
});

test('what is kept of one person is given to them, and the look is on record', async () => {
  const other = await world.person(organisation, `other${names}@org.test`, { country: 'BE' });
  const everything = okOf(await vetting.exportPerson(person, 'clerk'));
  assert.deepEqual(
    everything.countries.map(({ subject, country }) => [subject, country]),
    [[person, 'FR']],
  );
  assert.equal(everything.person.id, person);
  assert.deepEqual(
    everything.history.map(({ event }) => event),
    ['added'],
  );
  assert.ok(!JSON.stringify(everything).includes(other));
  const looks = (await vetting.pageLooks({ limit: 10 }, organisation)).items;
  assert.deepEqual(
    looks.map(({ reader, what, purpose }) => [reader, what, purpose]),
    [['clerk', `person ${person}`, 'export']],
  );
  assert.equal(refusalOf(await vetting.exportPerson('person_none', 'clerk')).kind, 'not-found');
});

test('an organisation has one open application; after a refusal another', async () => {
  const id = await submitted();
  assert.equal(refusalOf(await vetting.apply({ organisation, tier: 'trusted' })).kind, 'application-open');
  okOf(await vetting.take(id, { step: 'refuse', by: 'ann', reason: 'no owners named' }));
  assert.match((await viewOf(id))?.what ?? '', /no owners named/);
  okOf(await vetting.apply({ organisation, tier: 'trusted' }));
});

test('evidence lies encrypted, its name too, and is opened for its purpose only; every look is kept', async () => {
  const id = await submitted();
  const { rows } = await world.database.query<{ text: string }>(
    `select row_to_json(f)::text || encode(sealed, 'escape') as text from vetting.files f where application = $1`,
    [id],
  );
  assert.ok(rows[0]?.text.includes(id));
  assert.doesNotMatch(rows[0]?.text ?? '', /owners/);
  const [file] = await vetting.listEvidence(id);
  assert.ok(file);
  assert.equal(refusalOf(await vetting.openEvidence(file.id, 'ann', 'appeal')).kind, 'no-purpose');
  const opened = okOf(await vetting.openEvidence(file.id, 'ann', 'review'));
  assert.deepEqual([opened.name, Buffer.from(opened.content)], ['owners.pdf', SECRET]);
  const countries = okOf(await vetting.openCountries(id, 'ben', 'review'));
  assert.deepEqual(countries.map(({ country }) => country).sort(), ['FR', 'KR']);
  const looks = (await vetting.pageLooks({ limit: 10 }, organisation)).items.map(({ what, reader, purpose }) => [
    what,
    reader,
    purpose,
  ]);
  assert.deepEqual(looks, [
    [file.id, 'ann', 'review'],
    ['countries', 'ben', 'review'],
  ]);
  await assert.rejects(world.database.query('update vetting.looks set reader = $1', ['nobody']), /only ever added/);
  await reviewed(id);
  assert.equal(refusalOf(await vetting.openEvidence(file.id, 'ann', 'review')).kind, 'no-purpose', 'it is decided');
});

test('when the clock has run out, evidence and nationality are gone for good and stops still find them', async () => {
  const id = await submitted();
  const [file] = await vetting.listEvidence(id);
  assert.ok(file);
  okOf(await vetting.approveAsOperator(organisation, 'trusted', ACTOR));
  const key = okOf(await world.keys.createKey({ organisation, person, models: ['m1'] }, ACTOR));
  pass(89);
  await vetting.reachClocks();
  okOf(await vetting.openEvidence(file.id, ACTOR, 'export'));
  pass(1);
  assert.ok((await vetting.reachClocks()) >= 1);
  assert.equal(refusalOf(await vetting.openEvidence(file.id, ACTOR, 'export')).kind, 'deleted');
  const countries = okOf(await vetting.openCountries(id, ACTOR, 'export'));
  assert.deepEqual(
    countries.map(({ country }) => country),
    [undefined, undefined],
  );
  const { rows } = await world.database.query<{ sealed: Buffer }>('select sealed from vetting.files where id = $1', [
    file.id,
  ]);
  assert.equal(rows[0]?.sealed.length, 0);
  const counted = okOf(await world.stops.dryRun({ country: 'FR', key: key.id, reason: 'r' }));
  assert.equal(counted.affectedKeys, 1);
});

test('of who has left, a month later not even the tag remains', async () => {
  okOf(await world.membership.removePerson(person, ACTOR));
  const count = async () =>
    (await world.database.query('select from program.countries where subject = $1', [person])).rows.length;
  pass(29);
  await world.membership.forgetLeft();
  assert.equal(await count(), 1);
  pass(1);
  await world.membership.forgetLeft();
  assert.equal(await count(), 0);
});

test('the export holds everything, opened, and is itself a look', async () => {
  const id = await submitted();
  const everything = okOf(await vetting.exportFor(organisation, 'operator'));
  assert.equal(everything.applications[0]?.application.id, id);
  const [file] = everything.applications[0]?.files ?? [];
  assert.ok(file && 'content' in file);
  assert.deepEqual(Buffer.from(file.content ?? []), SECRET);
  assert.deepEqual(everything.looks.at(-1)?.purpose, 'export');
});

test("the operator's word closes the open application, and the log says whose word it was", async () => {
  const id = await submitted();
  okOf(await vetting.approveAsOperator(organisation, 'limited', ACTOR));
  assert.equal((await viewOf(id))?.stage, 'approved');
  assert.equal(okOf(await world.membership.findOrganisation(organisation)).tier, 'limited');
});

test('too much evidence and none at all are refused, as is evidence after the decision', async () => {
  const id = okOf(await vetting.apply({ organisation, tier: 'trusted' }));
  const add = (content: Uint8Array) => vetting.addEvidence(id, { name: 'x', content }, ACTOR);
  assert.equal(refusalOf(await add(new Uint8Array())).kind, 'too-large');
  assert.equal(refusalOf(await add(new Uint8Array(20_000_001))).kind, 'too-large');
  assert.equal(refusalOf(await vetting.submit(id)).kind, 'no-evidence');
  okOf(await vetting.take(id, { step: 'withdraw' }));
  assert.equal(refusalOf(await add(SECRET)).kind, 'wrong-stage');
});

test('of two who move the same version, the second is told', async () => {
  const id = await submitted();
  const store = createApplicationStore(world.database);
  const it = await store.find(id);
  assert.ok(it);
  await store.save({ ...it, version: it.version + 1 });
  await assert.rejects(store.save({ ...it, version: it.version + 1 }), StaleWrite);
});

test('each version of the terms is kept, and an unusable text is none', async () => {
  const before = (await vetting.currentTerms())?.version ?? 0;
  assert.equal(okOf(await vetting.publishTerms('Other words.', ACTOR)).version, before + 1);
  for (const text of ['', ' ', 'a\0b', 'x'.repeat(200_001)]) {
    assert.equal(refusalOf(await vetting.publishTerms(text, ACTOR)).kind, 'malformed');
  }
});
