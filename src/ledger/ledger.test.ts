import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createId, systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { type AdmittedCall, createLedger, createMeter, type LimitId, type Meter, recoverLeases } from './index.ts';

let test1: TestDatabase;
before(async () => {
  test1 = await createTestDatabase();
});
after(() => test1.drop());

const organisation = () => createId('organisation', systemRandom);
const call = () => createId('call', systemRandom);
const meters = new Set<Meter>();
async function open(onTrouble: (error: Error) => void = (error) => assert.fail(error)): Promise<Meter> {
  const meter = await createMeter({
    database: test1.database,
    gateway: createId('gateway', systemRandom),
    random: systemRandom,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    onTrouble,
  });
  meters.add(meter);
  return meter;
}
// A meter that a failed test left open would hold connections.
afterEach(async () => {
  for (const meter of meters) await meter.close().catch(() => undefined);
  meters.clear();
});
const ledger = () => createLedger({ database: test1.database, clock: { now: () => new Date() } });
const limitOf = (id: string): LimitId => `organisation:${id}`;

async function granted(micro: number) {
  const id = organisation();
  const outcome = await ledger().grantCredit(id, micro, 'test');
  assert.ok(outcome.ok);
  return id;
}

test('a granted organisation spends exactly what its calls cost, and sees what is reserved', async () => {
  const id = await granted(1_000_000);
  const meter = await open();
  const reserved = await meter.reserve(call(), [limitOf(id)], 300_000);
  assert.ok(reserved.ok && meter.stands(reserved.value));
  await meter.flush();
  const under = { grantedMicro: 1_000_000, reservedMicro: 300_000, spentMicro: 0, availableMicro: 700_000 };
  assert.deepEqual(await ledger().showCredit(id), under);
  meter.post(reserved.value, 120_001, { text: '{"a":"\\"quoted\\""}' });
  assert.throws(() => meter.post(reserved.value, 1), /posted already/);
  assert.ok(!meter.stands(reserved.value));
  await meter.close();
  const end = { grantedMicro: 1_000_000, reservedMicro: 0, spentMicro: 120_001, availableMicro: 879_999 };
  assert.deepEqual(await ledger().showCredit(id), end);
  const posting = await ledger().findPosting(reserved.value.call);
  assert.equal(posting?.receipt, '{"a":"\\"quoted\\""}');
  assert.equal(posting?.costMicro, 120_001);
  assert.deepEqual(await ledger().audit(), []);
});

test('an organisation without credit, and one nobody knows, are refused with what is left', async () => {
  const meter = await open();
  const id = await granted(99);
  for (const [limit, availableMicro] of [
    [limitOf(id), 99],
    [limitOf('unknown'), 0],
  ] as const) {
    const refused = await meter.reserve(call(), [limit], 100);
    assert.deepEqual(refused, {
      ok: false,
      refusal: { kind: 'over-limit', binding: limit, availableMicro, neededMicro: 100 },
    });
  }
  await meter.close();
});

test('what costs nothing passes at once, also without credit and where nobody granted any', async () => {
  const meter = await open();
  const spent = await granted(50);
  const all = await meter.reserve(call(), [limitOf(spent)], 50);
  assert.ok(all.ok);
  for (const limit of [limitOf(spent), limitOf('unknown')]) {
    const outcome = meter.reserve(call(), [limit], 0);
    assert.ok(!(outcome instanceof Promise), 'without a round trip');
    assert.ok(outcome.ok && meter.stands(outcome.value));
    meter.post(outcome.value, 0, { text: '{}' });
    await meter.flush();
    assert.equal((await ledger().findPosting(outcome.value.call))?.costMicro, 0);
  }
  meter.post(all.value, 50);
  await meter.close();
  assert.deepEqual(await ledger().audit(), []);
});

test('the limit that has least left is the one that is shown', async () => {
  const id = await granted(1_000);
  const [person, key]: LimitId[] = [`person:${id}`, `key:${id}`];
  assert.ok(person && key);
  await ledger().setCap(person, 500);
  await ledger().setCap(key, 50);
  const meter = await open();
  const limits = [limitOf(id), person, key];
  const refused = await meter.reserve(call(), limits, 600);
  assert.ok(!refused.ok);
  assert.equal(refused.refusal.binding, key);
  assert.equal((await ledger().binding(limits))?.limit, key);
  const taken = await meter.reserve(call(), limits, 50);
  assert.ok(taken.ok);
  meter.post(taken.value, 50);
  await ledger().setCap(key, 10);
  await ledger().setCap(person, undefined);
  const lowered = await meter.reserve(call(), limits, 1);
  assert.ok(!lowered.ok && lowered.refusal.binding === key && lowered.refusal.availableMicro === 0);
  await meter.close();
  assert.deepEqual(await ledger().audit(), []);
});

test('five hundred calls at three meters on credit for a hundred: a hundred are admitted', async () => {
  const id = await granted(100 * 7_000);
  const three = await Promise.all([open(), open(), open()]);
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, (_, index) => three[index % 3]?.reserve(call(), [limitOf(id)], 7_000)),
  );
  assert.equal(outcomes.filter((outcome) => outcome?.ok).length, 100);
  for (const [index, outcome] of outcomes.entries()) if (outcome?.ok) three[index % 3]?.post(outcome.value, 7_000);
  for (const meter of three) await meter.close();
  assert.deepEqual(await ledger().showCredit(id), {
    grantedMicro: 700_000,
    reservedMicro: 0,
    spentMicro: 700_000,
    availableMicro: 0,
  });
  assert.deepEqual(await ledger().audit(), []);
});

test('what another gateway has in hand and does not use comes back before a call is refused for it', async () => {
  const id = await granted(1_000);
  const [one, other] = [await open(), await open()];
  const first = await one.reserve(call(), [limitOf(id)], 900);
  assert.ok(first.ok);
  one.post(first.value, 0);
  // On a slow machine the moment for which a call waits may pass first: then it is asked again, as clients do.
  let second = await other.reserve(call(), [limitOf(id)], 1_000);
  for (let again = 0; again < 5 && !second.ok; again++) second = await other.reserve(call(), [limitOf(id)], 1_000);
  assert.ok(second.ok);
  other.post(second.value, 1_000);
  await one.close();
  await other.close();
});

const expireAll = () =>
  test1.database.query(`update ledger.leases set expires_at = now() - interval '1 ms' where closed_at is null`);

test('an expired lease is posted from the journal: at its cost, or at its reservation where the end is not known', async () => {
  const id = await granted(1_000);
  const troubles: Error[] = [];
  const meter = await open((error) => troubles.push(error));
  const calls = await Promise.all([100, 200, 300].map((micro) => meter.reserve(call(), [limitOf(id)], micro)));
  const [posted, ended, lost] = calls.map((outcome) => {
    assert.ok(outcome.ok);
    return outcome.value;
  });
  assert.ok(posted && ended && lost);
  meter.post(posted, 10);
  await meter.flush();
  await expireAll();
  const read = async function* (): AsyncIterable<AdmittedCall> {
    yield { ...posted, costMicro: 10, toReceipt: () => assert.fail('it is posted already') };
    yield { ...ended, costMicro: 20, toReceipt: async () => '{"from":"journal"}' };
    yield lost;
    yield { ...lost, call: call(), lease: createId('lease', systemRandom) };
  };
  const recovered = await recoverLeases({ database: test1.database }, read);
  assert.deepEqual(recovered, { leases: 1, calls: 2, failures: [] });
  assert.deepEqual(await ledger().showCredit(id), {
    grantedMicro: 1_000,
    reservedMicro: 0,
    spentMicro: 330,
    availableMicro: 670,
  });
  // The process was only slow. Its next exchange is told, and nothing is posted twice.
  meter.post(ended, 20, { text: '{"from":"gateway"}' });
  await meter.flush();
  assert.equal(troubles.length, 1);
  assert.ok(!meter.stands(lost));
  meter.post(lost, 250, { text: '{"late":true}' });
  const again = await meter.reserve(call(), [limitOf(id)], 670);
  assert.ok(again.ok && meter.stands(again.value));
  meter.post(again.value, 0);
  await meter.close();
  assert.equal((await ledger().showCredit(id)).spentMicro, 330);
  assert.equal((await ledger().findPosting(ended.call))?.receipt, '{"from":"journal"}');
  assert.deepEqual(await ledger().audit(), []);
});

test('a journal that cannot be read leaves its lease as it is, and one that admits too much is not believed', async () => {
  const id = await granted(1_000);
  const meter = await open();
  const outcome = await meter.reserve(call(), [limitOf(id)], 10);
  assert.ok(outcome.ok);
  await expireAll();
  const unreadable = await recoverLeases({ database: test1.database }, () => {
    throw new Error('unreadable');
  });
  assert.equal(unreadable.failures.length, 1);
  const tooMuch = await recoverLeases({ database: test1.database }, async function* () {
    yield { ...outcome.value, reservedMicro: 5_000 };
  });
  assert.match(tooMuch.failures[0]?.error.message ?? '', /admits 5000/);
  meter.post(outcome.value, 10);
  await meter.close();
  assert.equal((await ledger().showCredit(id)).spentMicro, 10);
});

test('a refund gives back at most what was paid, once', async () => {
  const id = await granted(1_000);
  const meter = await open();
  const outcome = await meter.reserve(call(), [limitOf(id), `person:${id}`], 500);
  assert.ok(outcome.ok);
  meter.post(outcome.value, 500);
  await meter.close();
  const refund = (micro: number) => ledger().refund(outcome.value.call, micro, 'the provider billed less');
  assert.deepEqual(await refund(501), { ok: false, refusal: { kind: 'more-than-was-paid', paidMicro: 500 } });
  assert.ok((await refund(400)).ok);
  assert.deepEqual(await refund(101), { ok: false, refusal: { kind: 'more-than-was-paid', paidMicro: 100 } });
  assert.equal((await ledger().showCredit(id)).availableMicro, 900);
  assert.deepEqual(await ledger().refund('call_none', 1, ''), {
    ok: false,
    refusal: { kind: 'no-such-call', call: 'call_none' },
  });
  assert.deepEqual(await ledger().audit(), []);
});

test('a receipt is stored to the letter, whatever a provider wrote into it', async () => {
  const id = await granted(1_000);
  const meter = await open();
  const texts = [
    '{"b":1,"a":"\\u0000","n":1.0}',
    '{"a":"\\ud800 \\\\u0000"}',
    '{ "a" : "ü\\n" }',
    '{"a":"\\"]}\',}"}',
    '{}',
  ];
  const calls = [];
  for (const text of texts) {
    const outcome = await meter.reserve(call(), [limitOf(id)], 1);
    assert.ok(outcome.ok);
    calls.push(outcome.value.call);
    meter.post(outcome.value, 1, { text });
  }
  await meter.flush();
  const stored = await Promise.all(calls.map(async (each) => (await ledger().findPosting(each))?.receipt));
  assert.deepEqual(stored, texts);
  await meter.close();
});

test('donations come out of the fund and touch no organisation', async () => {
  await ledger().donate('apache', 1_500_000, 'gift');
  await ledger().donate('apache', 1, 'gift');
  assert.deepEqual(await ledger().donations(), new Map([['apache', 1_500_001]]));
  await assert.rejects(
    test1.database.query(`update ledger.transfers set micro = 2 where kind = 'donation'`),
    /never changed/,
  );
});
