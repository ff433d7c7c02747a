/** Against a real Postgres, through the very services that change the programme. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACTOR, createWorld, okOf, until, type World } from '../../test/support/programme.ts';
import { type Authority, FRESH_MS, POLL_MS } from './authority-client.ts';
import { createNoticeStore } from './notice-store.ts';

let world: World;
let authority: Authority;
let organisation: `organisation_${string}`;
let person: string;

before(async () => {
  world = await createWorld();
  await world.model('m1');
  await world.model('m2');
  organisation = await world.organisation('Acme');
  person = await world.person(organisation, 'a@acme.test');
  authority = await world.authority();
});
after(() => world.close());

const newKey = () => world.key(organisation, person, ['m1']);
const grantsOf = (key: string): string[] => [...(authority.findCaller(key)?.grants.keys() ?? [])];

test('a key is found with the grants of its own models and no other', async () => {
  const { id, key } = await newKey();
  await until(() => authority.findCaller(key) !== undefined);
  assert.deepEqual(grantsOf(key), ['m1']);
  const caller = authority.findCaller(key);
  assert.equal(caller?.key, id);
  assert.equal(caller?.tier, 'partner');
  assert.equal(caller?.grants.get('m1')?.model.prices.output, 25_000_000);
  assert.deepEqual(caller?.limits, [`organisation:${organisation}`]);
  assert.deepEqual(authority.findKey(id), caller);
});

test('an unknown, cut, prolonged or empty key finds nobody', async () => {
  const { key } = await newKey();
  await until(() => authority.findCaller(key) !== undefined);
  for (const wrong of ['', 'hs_', key.slice(0, -1), `${key}x`, key.toUpperCase(), 'x'.repeat(100_000)]) {
    assert.equal(authority.findCaller(wrong), undefined, wrong.slice(0, 20));
  }
});

test('two authorities see a revocation, each by itself', async () => {
  const other = await world.authority();
  const { id, key } = await newKey();
  await until(() => [authority, other].every((each) => each.findCaller(key)));
  okOf(await world.keys.revokeKey(id, ACTOR));
  await until(() => [authority, other].every((each) => !each.findCaller(key) && !each.findKey(id)));
});

test('who leaves takes every key with them; so does an organisation that ends', async () => {
  const vendor = await world.organisation('Vendor');
  const contractor = await world.person(vendor, 'c@vendor.test', { forOrganisation: organisation });
  const stays = await world.person(vendor, 'd@vendor.test', { forOrganisation: organisation });
  const [one, two] = [await world.key(organisation, contractor, ['m1']), await world.key(organisation, stays, ['m1'])];
  await until(() => Boolean(authority.findCaller(one.key) && authority.findCaller(two.key)));
  const caller = authority.findCaller(one.key);
  assert.deepEqual([caller?.organisation, caller?.forOrganisation], [vendor, organisation]);
  assert.deepEqual(caller?.limits, [`organisation:${organisation}`], 'whose money it is');
  okOf(await world.membership.removePerson(contractor, ACTOR));
  await until(() => !authority.findCaller(one.key));
  assert.ok(authority.findCaller(two.key), 'the colleague goes on');
  okOf(await world.membership.endOrganisation(vendor, ACTOR));
  await until(() => !authority.findCaller(two.key));
});

test('a stage that closes takes the model away, and opens it again', async () => {
  const { key } = await newKey();
  await until(() => grantsOf(key).length === 1);
  for (const [stage, seen] of [
    ['internal', 0],
    ['partner', 1],
    ['closed', 0],
    [undefined, 1],
  ] as const) {
    assert.equal(
      await world.database.transaction((tx) => createNoticeStore(tx).setStage('m1', { stage, isByDecision: false })),
      true,
    );
    await until(() => grantsOf(key).length === seen);
  }
});

test("a stage that ends is closed at its end by the database's clock, without a change that would be told", async () => {
  const { key } = await newKey();
  const setClock = (at: Date) =>
    world.database.query(
      `create or replace function timekeeping.instant() returns timestamptz language sql volatile as $$ select '${at.toISOString()}'::timestamptz $$`,
    );
  const endsAt = new Date('2050-01-01T00:00:00Z');
  await until(() => grantsOf(key).length === 1);
  const { epoch: before } = authority;
  await world.database.transaction((tx) =>
    createNoticeStore(tx).setStage('m1', { stage: 'partner', endsAt, isByDecision: true }),
  );
  await until(() => authority.epoch > before);
  await setClock(new Date(endsAt.getTime() - 1));
  await new Promise((resolve) => setTimeout(resolve, 3 * POLL_MS));
  assert.equal(grantsOf(key).length, 1);
  const { epoch } = authority;
  let changes = 0;
  authority.onChange(() => (changes += 1));
  await setClock(endsAt);
  await until(() => grantsOf(key).length === 0);
  assert.deepEqual([authority.epoch, changes], [epoch, 1], 'live calls are looked at again');
  const fresh = await world.authority();
  assert.equal(fresh.findCaller(key)?.grants.size, 0, 'who starts later knows it at once');
  assert.equal((await world.membership.findModel('m1'))?.stage, 'closed');
  await world.database.query(
    `create or replace function timekeeping.instant() returns timestamptz language sql volatile as $$ select clock_timestamp() $$`,
  );
  await world.database.transaction((tx) =>
    createNoticeStore(tx).setStage('m1', { stage: undefined, isByDecision: false }),
  );
  await until(() => grantsOf(key).length === 1);
});

test('a grant that is revoked or was never given yields no model', async () => {
  const { key } = await newKey();
  await until(() => grantsOf(key).length === 1);
  for (const { id } of await world.keys.listGrants(organisation)) okOf(await world.keys.revokeGrant(id, ACTOR));
  await until(() => grantsOf(key).length === 0);
  assert.ok(authority.findCaller(key), 'the key itself is still good');
});

test('a stop is told at once, holds for whom it names, and goes when it is lifted', async () => {
  const other = await world.person(organisation, 'b@acme.test');
  const [one, two] = [await newKey(), await world.key(organisation, other, ['m1'])];
  await until(() => Boolean(authority.findCaller(one.key) && authority.findCaller(two.key)));
  const told: string[] = [];
  authority.onStop(({ id }) => told.push(id));
  const { stop, affectedKeys } = okOf(await world.stops.set({ person: other, reason: 'test' }, { actor: ACTOR }));
  assert.equal(affectedKeys, 1);
  await until(() => told.includes(stop.id));
  const asked = (key: string) => {
    const caller = authority.findCaller(key);
    assert.ok(caller);
    return authority.findStop({ ...caller, model: 'm1', tools: [] });
  };
  assert.equal(asked(two.key)?.id, stop.id);
  assert.equal(asked(one.key), undefined);
  okOf(await world.stops.lift(stop.id, { actor: ACTOR }));
  await until(() => asked(two.key) === undefined);
});

test('an authority that was cut off is not fresh, and comes back by itself with what it missed', async () => {
  const { id, key } = await newKey();
  await until(() => authority.findCaller(key) !== undefined);
  const cut = () =>
    world.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'headstart authority' and datname = current_database()`,
    );
  const frozen = performance.now();
  assert.ok(authority.isFresh(performance.now()));
  assert.equal(authority.isFresh(frozen + FRESH_MS + 1_000), false);
  await cut();
  okOf(await world.keys.revokeKey(id, ACTOR));
  await until(() => authority.findCaller(key) === undefined);
  await until(() => authority.isFresh(performance.now()));
});

test('an authority that lags behind everything that is remembered reads all of it again', async () => {
  const { key } = await newKey();
  await until(() => authority.findCaller(key) !== undefined);
  await world.database.transaction(async (tx) => {
    await tx.query('update program.epoch set epoch = epoch + 50000');
    await tx.query('delete from program.changes');
    await tx.query(`select program.change('models', 'm1')`);
  });
  const { key: later } = await newKey();
  await until(() => authority.findCaller(later) !== undefined);
  assert.ok(authority.findCaller(key));
});

test('a closed authority is never fresh', async () => {
  const other = await world.authority();
  assert.ok(other.isFresh(performance.now()));
  await other.close();
  assert.equal(other.isFresh(performance.now()), false);
});
