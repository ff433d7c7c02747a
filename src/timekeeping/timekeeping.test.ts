import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { judgeSample } from './time-watch.ts';
import { createTimekeeping } from './timekeeping.ts';

let db: TestDatabase;
let monotonic = 0;
let offsetMs = 0;
const START = Date.parse('2030-01-01T00:00:00Z');

before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

/** The database's clock runs with the monotonic one, unless it is set. */
async function setClock(): Promise<void> {
  const at = new Date(START + monotonic + offsetMs).toISOString();
  await db.database.query(
    `create or replace function timekeeping.instant() returns timestamptz language sql volatile as $$ select '${at}'::timestamptz $$`,
  );
}

const machineOff = { ms: 0 };
const open = () =>
  createTimekeeping({
    database: db.database,
    machine: { now: () => new Date(START + monotonic + machineOff.ms) },
    monotonicMs: () => monotonic,
    random: systemRandom,
  });

async function pass(ms: number): Promise<void> {
  monotonic += ms;
  await setClock();
}
async function jump(ms: number): Promise<void> {
  offsetMs += ms;
  await setClock();
}

beforeEach(async () => {
  await db.database.query('truncate timekeeping.holds, timekeeping.mark');
  monotonic = 0;
  offsetMs = 0;
  machineOff.ms = 0;
  await setClock();
});

const isHeld = async (instant: Promise<{ heldSince: Date | null }>): Promise<boolean> =>
  (await instant).heldSince !== null;

test('a clock that runs with time is believed, whatever the machine says within an hour', async () => {
  const time = open();
  for (const [passed, off] of [
    [0, 0],
    [5_000, 3_600_000],
    [60_000, -3_600_000],
    [3_600_000, 0],
  ] as const) {
    machineOff.ms = off;
    await pass(passed);
    assert.equal(await isHeld(time.look()), false);
  }
});

for (const [name, ms] of [
  ['forward', 3_600_000],
  ['back', -3_600_000],
] as const) {
  test(`a jump ${name} holds for every process until a person believes it, then no longer`, async () => {
    const [one, other] = [open(), open()];
    await one.look();
    await other.look();
    await pass(5_000);
    await jump(ms);
    assert.equal(await isHeld(one.look()), true);
    assert.equal(await isHeld(db.database.transaction((tx) => open().read(tx))), true, 'a process that saw nothing');
    assert.equal(await isHeld(open().look()), true, 'one that started since');
    await pass(5_000);
    assert.equal(await isHeld(other.look()), true);
    assert.ok((await one.free('a person')) >= 1);
    for (const each of [one, other]) assert.equal(await isHeld(each.look()), false);
    await pass(5_000);
    for (const each of [one, other]) assert.equal(await isHeld(each.look()), false);
    await jump(ms);
    assert.equal(await isHeld(other.look()), true, 'the next jump is a new one');
  });
}

test('who remembers the clock doubts a jump at the first reading after it, not only at the next look', async () => {
  const time = open();
  await time.look();
  await pass(1_000);
  const read = () => db.database.transaction((tx) => time.read(tx));
  assert.equal(await isHeld(read()), false);
  await jump(30 * 60_000);
  assert.equal(await isHeld(read()), true, 'half an hour is less than a machine’s clock may be wrong');
});

test('a jump that is taken back is freed by the process that believed the clock before, and by no other', async () => {
  const [one, later] = [open(), open()];
  await one.look();
  await jump(600_000);
  assert.equal(await isHeld(one.look()), true);
  assert.equal(await isHeld(later.look()), true);
  await pass(5_000);
  assert.equal(await isHeld(later.look()), true, 'it knows no other clock than the wrong one');
  await jump(-600_000);
  assert.equal(await isHeld(later.look()), true);
  await pass(5_000);
  const freed = await one.look();
  assert.equal(freed.heldSince, null);
  assert.deepEqual(freed.freedAt, freed.at);
});

test('an instant before one that was seen holds without any process that remembers', async () => {
  await open().look();
  await jump(-60_000);
  assert.equal(await isHeld(db.database.transaction((tx) => open().read(tx))), true);
  await jump(120_000);
  assert.equal(await isHeld(db.database.transaction((tx) => open().read(tx))), false, 'it is past that instant again');
});

test('a clock that is hours from the machine’s is doubted once, and believed when a person says so', async () => {
  machineOff.ms = -2 * 3_600_000;
  const time = open();
  assert.equal(await isHeld(time.look()), true);
  await time.free('a person');
  assert.equal(await isHeld(time.look()), false);
  machineOff.ms = -9 * 3_600_000;
  assert.equal(await isHeld(time.look()), true, 'another offset is another doubt');
});

test('drift of a tenth of a percent is no jump, and two seconds and a half are one', () => {
  const anchor = { databaseAt: new Date(START), monotonicMs: 0 };
  const after = (passed: number, off: number) =>
    judgeSample(anchor, { databaseAt: new Date(START + passed + off), monotonicMs: passed });
  assert.equal(after(100_000, 2_050), undefined);
  assert.equal(after(1_000, 2_500)?.why, 'jump');
  assert.equal(after(1_000, -2_500)?.offMs, -2_500);
  assert.equal(after(30 * 86_400_000, 4_000)?.why, 'jump', 'not believed by and by');
});
