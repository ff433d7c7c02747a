/** On a real database, with a real vault and a real log. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACTOR, createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { createPresenceStore } from '../program/index.ts';
import { readEntry } from '../tlog/index.ts';

let world: World;
let organisation: `organisation_${string}`;
let person: string;

before(async () => {
  world = await createWorld();
  await world.model('m1');
  organisation = await world.organisation('Acme');
  person = await world.person(organisation, 'a@acme.test', { country: 'KR' });
});
after(() => world.close());

const request = () => ({ organisation, person, models: ['m1'] });

async function statements(): Promise<Record<string, unknown>[]> {
  const { rows } = await world.database.query<{ body: Buffer }>('select body from tlog.entries order by position');
  return rows.map(({ body }) => {
    const entry = readEntry(body);
    assert.ok(entry.ok);
    return { ...entry.value.statement };
  });
}

/** Every value of every table of the programme, and what the log says, as text. */
async function everything(): Promise<string> {
  const { rows: tables } = await world.database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('program', 'store')`,
  );
  const texts = (await statements()).flatMap((each) => (each.type === 'key' ? [] : [JSON.stringify(each)]));
  for (const { name } of tables) {
    const { rows } = await world.database.query<{ text: string }>(`select row_to_json(t)::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join('\n');
}

test('an organisation is found by id and by name in any case, and two of one name by id alone', async () => {
  for (const named of ['acme', 'ACME', organisation]) {
    assert.equal(okOf(await world.membership.findOrganisation(named)).id, organisation);
  }
  const twin = okOf(await world.membership.addOrganisation({ name: 'Twin' }, ACTOR));
  okOf(await world.membership.addOrganisation({ name: 'twin' }, ACTOR));
  assert.equal(refusalOf(await world.membership.findOrganisation('Twin')).kind, 'ambiguous');
  assert.equal(okOf(await world.membership.findOrganisation(twin)).id, twin);
  assert.equal(refusalOf(await world.membership.findOrganisation('nobody')).kind, 'not-found');
});

test('a person is once in an organisation, and may come back after leaving', async () => {
  const fresh = { organisation, email: 'once@acme.test' };
  const first = okOf(await world.membership.addPerson(fresh, ACTOR));
  const again = { organisation, email: 'ONCE@acme.test' };
  assert.equal(refusalOf(await world.membership.addPerson(again, ACTOR)).kind, 'exists');
  okOf(await world.membership.removePerson(first, ACTOR));
  assert.notEqual(okOf(await world.membership.addPerson(fresh, ACTOR)), first);
});

test('one person may work for two organisations, and is found by address in each', async () => {
  const vendor = await world.organisation('Vendor');
  const other = await world.organisation('Other');
  const email = 'both@vendor.test';
  const one = await world.person(vendor, email, { forOrganisation: organisation });
  const two = await world.person(vendor, email, { forOrganisation: other });
  assert.equal(refusalOf(await world.membership.findPerson(email)).kind, 'ambiguous');
  assert.equal(okOf(await world.membership.findPerson(email, organisation)).id, one);
  assert.equal(okOf(await world.membership.findPerson(email, other)).id, two);
  assert.equal(refusalOf(await world.membership.findPerson(email, vendor)).kind, 'not-found');
});

test('text that is no name, address or country is refused', async () => {
  for (const name of ['', ' x', 'a\nb', 'a\u202eb', 'x'.repeat(201)]) {
    assert.equal(refusalOf(await world.membership.addOrganisation({ name }, ACTOR)).kind, 'malformed', name);
  }
  for (const email of ['', 'a', 'a@b@c', 'a b@c.test', '"a"@b.test']) {
    assert.equal(refusalOf(await world.membership.addPerson({ organisation, email }, ACTOR)).kind, 'malformed', email);
  }
  const odd = { organisation, email: 'x@y.test', country: 'Korea' };
  assert.equal(refusalOf(await world.membership.addPerson(odd, ACTOR)).kind, 'malformed');
});

test('before its approval an organisation gets no key, and after its end none', async () => {
  const fresh = okOf(await world.membership.addOrganisation({ name: 'Fresh' }, ACTOR));
  const someone = await world.person(fresh, 'a@fresh.test');
  const asked = { organisation: fresh, person: someone, models: ['m1'] };
  assert.equal(refusalOf(await world.keys.createKey(asked, ACTOR)).kind, 'not-approved');
  okOf(await world.membership.approveAsOperator(fresh, 'limited', ACTOR));
  okOf(await world.keys.createKey(asked, ACTOR));
  okOf(await world.membership.endOrganisation(fresh, ACTOR));
  assert.equal(refusalOf(await world.keys.createKey(asked, ACTOR)).kind, 'not-approved');
  assert.equal(refusalOf(await world.membership.approveAsOperator(fresh, 'limited', ACTOR)).kind, 'ended');
});

test('a key goes no further in than its organisation, and to no model that is not open to it', async () => {
  const outer = await world.organisation('Outer', 'limited');
  const someone = await world.person(outer, 'a@outer.test');
  const asked = { organisation: outer, person: someone, models: ['m1'] };
  assert.equal(refusalOf(await world.keys.createKey({ ...asked, tier: 'trusted' }, ACTOR)).kind, 'tier-too-high');
  await world.model('inner', 'trusted');
  assert.equal(refusalOf(await world.keys.createKey({ ...asked, models: ['inner'] }, ACTOR)).kind, 'not-open');
  assert.equal(refusalOf(await world.keys.createKey({ ...asked, models: ['no-such'] }, ACTOR)).kind, 'not-found');
  assert.equal(refusalOf(await world.keys.createKey({ ...asked, models: [] }, ACTOR)).kind, 'malformed');
  okOf(await world.keys.createKey({ ...asked, tier: 'general' }, ACTOR));
});

test('a key makes the grant it needs once', async () => {
  const before = (await world.keys.listGrants(organisation)).length;
  okOf(await world.keys.createKey(request(), ACTOR));
  okOf(await world.keys.createKey(request(), ACTOR));
  assert.ok((await world.keys.listGrants(organisation)).length <= before + 1);
});

test('a refused key leaves nothing behind', async () => {
  const count = async () => (await world.keys.listGrants(organisation)).length;
  const someone = await world.person(organisation, 'nothing@acme.test');
  const before = await count();
  const asked = { organisation, person: someone, models: ['m1'], jkt: 'no thumbprint' };
  assert.equal(refusalOf(await world.keys.createKey(asked, ACTOR)).kind, 'malformed');
  const capped = { organisation, person: someone, models: ['m1'], limitMicro: 1 };
  assert.equal(refusalOf(await world.keys.createKey(capped, ACTOR)).kind, 'no-ledger');
  const second = { organisation, person: someone, models: ['m1', 'no-such'] };
  assert.equal(refusalOf(await world.keys.createKey(second, ACTOR)).kind, 'not-found');
  assert.equal(await count(), before);
});

test('of two first proofs at once, one binds the key and both are told which', async () => {
  const { id } = okOf(await world.keys.createKey({ ...request(), bind: 'dpop' }, ACTOR));
  const bind = (jkt: string) => world.database.transaction((tx) => createPresenceStore(tx).bindFirst(id, jkt));
  const [one, two] = await Promise.all([bind('a'.repeat(43)), bind('b'.repeat(43))]);
  assert.equal(one, two);
  assert.equal(await bind('c'.repeat(43)), one, 'and it stays');
  okOf(await world.keys.revokeKey(id, ACTOR));
  assert.equal(await bind('a'.repeat(43)), undefined);
});

test('a proof is used once, by whichever gateway; another key may carry the same name', async () => {
  const store = createPresenceStore(world.database);
  const [one, two] = [
    okOf(await world.keys.createKey(request(), ACTOR)),
    okOf(await world.keys.createKey(request(), ACTOR)),
  ];
  const now = new Date();
  const end = new Date(now.getTime() + 60_000);
  const uses = await Promise.all(Array.from({ length: 8 }, () => store.useProof(one.id, 'jti', end, now)));
  assert.equal(uses.filter(Boolean).length, 1);
  assert.equal(await store.useProof(two.id, 'jti', end, now), true);
});

test('neither a key nor a nationality stands in any table or in the log', async () => {
  const { id, key } = okOf(await world.keys.createKey(request(), ACTOR));
  okOf(await world.stops.set({ key: id, country: '!KR', reason: 'r', ...ORDER() }, { actor: ACTOR }));
  const text = await everything();
  assert.ok(text.includes(id) && text.includes('legalOrder'), 'the search itself would find something');
  assert.ok(!text.includes(key) && !text.includes(key.slice(3)));
  assert.doesNotMatch(text, /\bKR\b/);
});

const ORDER = () => ({ legalOrder: 'order 7/2026', expiresAt: new Date(Date.now() + 86_400_000) });

test('a stop by country names its legal order and its end, and one that names nothing is none', async () => {
  const { expiresAt, legalOrder } = ORDER();
  for (const half of [{}, { expiresAt }, { legalOrder }, { expiresAt, legalOrder: ' ' }]) {
    const asked = { country: 'KR', reason: 'r', ...half };
    assert.equal(refusalOf(await world.stops.set(asked, { actor: ACTOR })).kind, 'no-legal-order');
  }
  assert.equal(refusalOf(await world.stops.set({ reason: 'r' }, { actor: ACTOR })).kind, 'no-attribute');
  const past = { model: 'm1', reason: 'r', expiresAt: new Date(0) };
  assert.equal(refusalOf(await world.stops.set(past, { actor: ACTOR })).kind, 'malformed');
  assert.equal(refusalOf(await world.stops.set({ country: 'Korea', reason: 'r' }, { actor: ACTOR })).kind, 'malformed');
});

test('a dry run counts what a stop would touch and sets nothing', async () => {
  const korean = okOf(await world.keys.createKey(request(), ACTOR));
  const gateway = createPresenceStore(world.database);
  await gateway.beat('gateway_1', [{ key: korean.id, model: 'm1', tools: ['bash'], count: 3 }], new Date());
  await gateway.beat('gateway_2', [{ key: korean.id, model: 'm1', tools: [], count: 2 }], new Date());
  await gateway.beat(
    'gateway_dead',
    [{ key: korean.id, model: 'm1', tools: [], count: 50 }],
    new Date(Date.now() - 60_000),
  );
  const stops = (await world.stops.list()).length;
  const counted = okOf(await world.stops.dryRun({ country: 'KR', reason: 'r' }));
  assert.ok(counted.affectedKeys >= 1);
  assert.deepEqual([counted.affectedStreams, counted.isWide], [5, true]);
  const byTool = okOf(await world.stops.dryRun({ tool: 'bash', person, reason: 'r' }));
  assert.deepEqual([byTool.affectedStreams, byTool.isWide], [3, false]);
  assert.equal(okOf(await world.stops.dryRun({ country: 'US', reason: 'r' })).affectedKeys, 0);
  assert.equal((await world.stops.list()).length, stops);
});

test('one person alone stops many for four hours, and undoes it alone', async () => {
  const { stop } = okOf(await world.stops.set({ model: 'm1', reason: 'r' }, { actor: 'ann' }));
  assert.equal(stop.isWide, true);
  const hours = (Number(stop.expiresAt) - stop.askedAt.getTime()) / 3_600_000;
  assert.equal(hours, 4);
  assert.ok(okOf(await world.stops.lift(stop.id, { actor: 'ann' })).stop.liftedAt);
});

test('what another person confirms stays until two lift it, in stages', async () => {
  const { stop } = okOf(await world.stops.set({ model: 'm1', reason: 'r' }, { actor: 'ann' }));
  assert.equal(refusalOf(await world.stops.confirm(stop.id, 'ann')).kind, 'second-person-needed');
  assert.equal(okOf(await world.stops.confirm(stop.id, 'ben')).expiresAt, undefined);
  assert.equal(refusalOf(await world.stops.confirm(stop.id, 'cy')).kind, 'confirmed');
  for (const hands of [{ actor: 'ann' }, { actor: 'ann', second: 'ann' }]) {
    assert.equal(refusalOf(await world.stops.lift(stop.id, hands)).kind, 'second-person-needed');
    assert.equal(refusalOf(await world.stops.restore(stop.id, [person], hands)).kind, 'second-person-needed');
  }
  const two = { actor: 'ann', second: 'ben' };
  assert.deepEqual(okOf(await world.stops.restore(stop.id, [person], two)).stop.restored, [person]);
  okOf(await world.stops.restore(stop.id, [organisation, person], two));
  const stored = (await world.stops.list()).find(({ id }) => id === stop.id);
  assert.deepEqual(stored?.restored, [organisation, person].sort());
  okOf(await world.stops.lift(stop.id, two));
  assert.equal(refusalOf(await world.stops.lift(stop.id, two)).kind, 'lifted');
});

test('the log says who approved, that it was the operator alone, and by which attribute was stopped: no more', async () => {
  const said = await statements();
  const approval = said.find(({ subject }) => subject === organisation);
  assert.deepEqual(approval?.facts, { tier: 'partner', approvals: ['operator, alone, without vetting'] });
  const stop = said.find((each) => JSON.stringify(each).includes('order 7/2026'));
  assert.ok(stop);
  const { until: _until, ...facts } = stop.facts as Record<string, unknown>;
  assert.deepEqual(facts, { attributes: ['jurisdiction', 'key'], legalOrder: 'order 7/2026', by: [ACTOR] });
});

test('what was done stands in the history, which nobody can change', async () => {
  const events = (await world.membership.history(organisation)).map(({ event }) => event);
  assert.deepEqual(events.slice(0, 2), ['added', 'approved']);
  await assert.rejects(world.database.query('delete from program.events'), /only ever added/);
});
