import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createWorld, newCase, type World } from '../../test/support/disclosure.ts';
import { addDays } from '../lib/clock.ts';
import { createTimekeeping } from '../timekeeping/index.ts';
import { createDisclosure, type Disclosure } from './disclosure.ts';

let world: World;
let disclosure: Disclosure;
let now = new Date('2030-01-01T00:00:00Z');
const machine = { now: () => now };
const by = { actor: 'test' };

before(async () => {
  world = await createWorld();
});
after(() => world.close());

beforeEach(async () => {
  await world.database.query('truncate timekeeping.holds, timekeeping.mark');
  const { database, random } = world;
  const instants = createTimekeeping({ database, random, machine, monotonicMs: () => now.getTime() });
  disclosure = createDisclosure({ ...world, time: 'real', instants });
  await setClock(new Date('2030-01-01T00:00:00Z'));
});

/** Of database and machine. */
async function setClock(at: Date): Promise<void> {
  now = at;
  await setDatabase(at);
}

async function setDatabase(at: Date): Promise<void> {
  await world.database.query(
    `create or replace function timekeeping.instant() returns timestamptz language sql volatile as $$ select '${at.toISOString()}'::timestamptz $$`,
  );
}

async function openCase(...steps: readonly ('confirm' | 'notify')[]): Promise<string> {
  const fresh = newCase({ knownAs: [], vendor: { name: 'them', address: null, simulated: false } });
  const opened = await world.database.transaction((tx) => disclosure.openCase(tx, fresh));
  assert.ok(opened.ok);
  for (const step of steps) assert.ok((await disclosure.take(step, opened.value, by)).ok, step);
  return opened.value;
}

const clocksOf = async (id: string) => (await disclosure.find(id))?.clocks ?? [];

test('a step and its deadline bear the instant of the database, whatever the clock of the worker shows', async () => {
  now = addDays(now, 1 / 24);
  const id = await openCase('confirm', 'notify');
  const it = (await disclosure.find(id))?.case;
  assert.ok(it?.stage === 'notified');
  assert.deepEqual(it.notifiedAt, new Date('2030-01-01T00:00:00Z'));
  assert.deepEqual(it.dueAt, addDays(it.notifiedAt, 90));
});

test('a worker whose clock is an hour ahead or behind opens nothing early and notices nothing late', async () => {
  const id = await openCase('confirm', 'notify');
  const due = addDays(now, 90);
  await setDatabase(new Date(due.getTime() - 1_000));
  for (const hours of [1, -1]) {
    now = addDays(due, hours / 24);
    const it = (await disclosure.find(id))?.case;
    assert.ok(it);
    assert.equal(await world.database.transaction((tx) => disclosure.mayDisclose(tx, it)), false);
    assert.ok((await disclosure.reachClocks()).every(({ caseId, kind }) => caseId !== id || kind !== 'disclosure'));
  }
  await setDatabase(due);
  assert.ok((await disclosure.reachClocks()).some(({ caseId, kind }) => caseId === id && kind === 'disclosure'));
  assert.equal((await clocksOf(id)).find(({ kind }) => kind === 'disclosure')?.lateMs, 0);
});

test('while the clock is doubted nothing is released, promised or noticed; lateness counts from when it is believed', async () => {
  const id = await openCase('confirm', 'notify');
  const waiting = await openCase('confirm');
  const rejected = await openCase();
  assert.ok((await disclosure.take('reject', rejected, by)).ok);
  const jumped = addDays(now, 200);
  await setDatabase(jumped);
  const it = (await disclosure.find(id))?.case;
  assert.ok(it);
  assert.equal(await world.database.transaction((tx) => disclosure.mayDisclose(tx, it)), false);
  for (const [step, of] of [
    ['disclose', id],
    ['fix-released', id],
    ['notify', waiting],
  ] as const) {
    const outcome = await disclosure.take(step, of, by);
    assert.equal(outcome.ok ? undefined : outcome.refusal.kind, 'clock-doubted', step);
  }
  assert.deepEqual(await disclosure.reachClocks(), []);
  assert.equal((await disclosure.find(rejected))?.commitment.endedAt, null);
  assert.ok((await disclosure.take('leak', id, by)).ok, 'an embargo still ends at once');

  now = addDays(jumped, 1);
  await setDatabase(now);
  const freed = createTimekeeping({ ...world, machine, monotonicMs: () => 0 });
  await freed.free('a person');
  await setClock(new Date(now.getTime() + 5_000));
  await disclosure.reachClocks();
  const late = (await clocksOf(rejected)).find(({ kind }) => kind === 'opening');
  assert.equal(late?.lateMs, 5_000, 'not the days for which nobody believed the clock');
  assert.ok((await disclosure.find(rejected))?.commitment.endedAt);
});

test('a case whose deadline cannot be handled holds up no other, is told, and is tried again', async () => {
  const [broken, sound] = [await openCase(), await openCase()];
  for (const id of [broken, sound]) assert.ok((await disclosure.take('reject', id, by)).ok);
  const { rows } = await world.database.query<{ sealed: Buffer }>(
    'select sealed from disclosure.details where case_id = $1',
    [broken],
  );
  await world.database.query(`update disclosure.details set sealed = '\\x00' where case_id = $1`, [broken]);
  await setClock(addDays(now, 136));
  await assert.rejects(disclosure.reachClocks(), new RegExp(`1 deadlines could not be handled: ${broken} opening`));
  assert.ok((await disclosure.find(sound))?.commitment.endedAt);
  assert.equal((await clocksOf(broken))[0]?.reachedAt, null);
  await world.database.query('update disclosure.details set sealed = $2 where case_id = $1', [broken, rows[0]?.sealed]);
  assert.deepEqual(
    (await disclosure.reachClocks()).map(({ caseId }) => caseId),
    [broken],
  );
});

test('of two workers that notice a deadline at once, one handles it', async () => {
  const id = await openCase();
  await setClock(addDays(now, 136));
  const [left, right] = await Promise.all([disclosure.reachClocks(), disclosure.reachClocks()]);
  assert.equal([...left, ...right].filter(({ caseId }) => caseId === id).length, 1);
});

test('30 days without an answer say that an outside coordinator is to be asked, and the deadline stands', async () => {
  const [silent, answered] = [await openCase('confirm', 'notify'), await openCase('confirm', 'notify')];
  assert.ok((await disclosure.take('acknowledge', answered, by)).ok);
  await setClock(addDays(now, 30));
  await disclosure.reachClocks();
  const asked = async (id: string) =>
    (await disclosure.find(id))?.history.filter(({ event }) => event === 'escalation-due').length;
  assert.deepEqual([await asked(silent), await asked(answered)], [1, 0]);
  assert.equal((await clocksOf(silent)).find(({ kind }) => kind === 'disclosure')?.reachedAt, null);
});

test('a post on a closed list before our report moves the clock of its row, and stands in the history', async () => {
  const fresh = newCase({
    knownAs: [],
    vendor: { name: 'them', address: null, simulated: false },
    policy: 'linux-distros',
  });
  const opened = await world.database.transaction((tx) => disclosure.openCase(tx, fresh));
  assert.ok(opened.ok);
  for (const step of ['confirm', 'notify'] as const) assert.ok((await disclosure.take(step, opened.value, by)).ok);
  assert.ok((await disclosure.noteFirstPost(opened.value, addDays(now, -4), { ...by, note: 'the list said so' })).ok);
  const it = await disclosure.find(opened.value);
  assert.deepEqual(it?.case.firstPostAt, addDays(now, -4));
  const clock = it?.clocks.find(({ kind, stoppedAt }) => kind === 'disclosure' && !stoppedAt);
  assert.deepEqual(clock?.dueAt, addDays(now, 10));
  assert.deepEqual(it?.history.at(-1)?.event, 'first-post');
  await setClock(addDays(now, 10));
  assert.ok((await disclosure.reachClocks(opened.value)).some(({ kind }) => kind === 'disclosure'));
});
