import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, sendRealCase, type World } from '../../test/support/disclosure.ts';
import { createDisclosure, type Disclosure } from './disclosure.ts';
import { DUTIES } from './duty-clock.ts';

const BY = { actor: 'test' };
const HOUR_MS = 3_600_000;
const DAYS_14_MS = 14 * 24 * HOUR_MS;

let world: World;
let disclosure: Disclosure;

before(async () => {
  world = await createWorld();
  const instants = { read: async () => ({ at: world.clock.now(), heldSince: null, freedAt: null }) };
  disclosure = createDisclosure({ ...world, time: 'real', instants });
});
after(() => world.close());

const send = (): Promise<string> => sendRealCase(world.database, disclosure);
async function dutiesOf(id: string) {
  const opened = await disclosure.find(id);
  return new Map(opened?.clocks.filter(({ kind }) => DUTIES.some((duty) => duty === kind)).map((it) => [it.kind, it]));
}

test('an attack on a real case starts the clocks of 24 and 72 hours, and a fix after it the one of 14 days', async () => {
  const id = await send();
  assert.equal((await dutiesOf(id)).size, 0);
  const awareAt = world.clock.now().getTime();
  assert.ok((await disclosure.take('exploited', id, BY)).ok);
  const started = await dutiesOf(id);
  assert.deepEqual([...started.keys()].sort(), ['early-warning', 'notification']);
  assert.equal(started.get('early-warning')?.dueAt.getTime(), awareAt + 24 * HOUR_MS);
  assert.equal(started.get('notification')?.dueAt.getTime(), awareAt + 72 * HOUR_MS);
  world.clock.passDays(2);
  assert.ok((await disclosure.take('fix-released', id, BY)).ok);
  assert.equal((await dutiesOf(id)).get('final-report')?.dueAt.getTime(), world.clock.now().getTime() + DAYS_14_MS);
  assert.equal((await dutiesOf(id)).get('early-warning')?.dueAt.getTime(), awareAt + 24 * HOUR_MS, 'it did not move');
});

test('their time is noticed and opens nothing; handed in, they end, late ones marked', async () => {
  const id = await send();
  assert.ok((await disclosure.take('exploited', id, BY)).ok);
  assert.equal(await disclosure.handIn(id, 'final-report', BY), false, 'there is no fix yet');
  assert.equal(await disclosure.handIn(id, 'early-warning', BY), true);
  assert.equal(await disclosure.handIn(id, 'early-warning', BY), false);
  world.clock.passDays(4);
  const reached = (await disclosure.reachClocks()).filter(({ caseId }) => caseId === id).map(({ kind }) => kind);
  assert.deepEqual(reached, ['notification']);
  assert.equal(await disclosure.handIn(id, 'notification', BY), true);
  const opened = await disclosure.find(id);
  const events = opened?.history.map(({ event }) => event) ?? [];
  for (const event of ['handed-in early-warning', 'clock-reached notification', 'handed-in notification, late']) {
    assert.ok(events.includes(event), event);
  }
  assert.equal(opened?.case.stage, 'notified');
  assert.equal(opened?.commitment.endedAt, null);
});

test('nothing is owed for a demonstration, nor for a flaw that was none', async () => {
  const played = await world.open();
  for (const step of ['confirm', 'notify', 'exploited'] as const) {
    assert.ok((await world.disclosure.take(step, played, BY)).ok);
  }
  assert.equal((await world.disclosure.find(played))?.clocks.filter(({ kind }) => kind === 'early-warning').length, 0);
  const id = await send();
  for (const step of ['exploited', 'withdraw'] as const) assert.ok((await disclosure.take(step, id, BY)).ok);
  assert.ok([...(await dutiesOf(id)).values()].every(({ stoppedAt }) => stoppedAt !== null));
});
