import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { createId, systemRandom } from '../lib/id.ts';
import {
  type AdmitRecord,
  checkReceipt,
  createAdmittedReader,
  type GatewayId,
  type Head,
  type Journal,
  openJournal,
  toLostReceipt,
  verifyJournal,
} from './index.ts';
import type { Receipt } from './receipt.ts';

/** Every byte would do no more and take a minute; coprime to the length of any field. */
const STRIDE = 17;

const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'headstart-journal-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const open = (gateway: GatewayId, more: Partial<Parameters<typeof openJournal>[0]> = {}) =>
  openJournal({ home, gateway, clock: systemClock, signer, onTrouble: (error) => assert.fail(error), ...more });
const newGateway = () => createId('gateway', systemRandom);

const admitOf = (reservedMicro = 500): AdmitRecord => ({
  call: createId('call', systemRandom),
  lease: 'lease_1',
  limits: ['organisation:o'],
  reservedMicro,
  organisation: 'o',
  person: 'p',
  key: 'k',
  grant: 'g',
  scope: undefined,
  model: 'm',
  requestSha256: 'ab'.repeat(32),
});

const receiptOf = ({ call, reservedMicro }: AdmitRecord, gateway: GatewayId): Receipt => ({
  call,
  gateway,
  at: '2026-11-21T00:00:00.000Z',
  organisation: 'o',
  person: 'p',
  grant: 'g',
  tier: 't',
  scope: undefined,
  asked: 'm',
  served: 'm',
  why: '',
  verdicts: [],
  tokens: { input: 1, output: 2, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 },
  costMicro: 7,
  reservedMicro,
  outcome: 'ended',
  admitted: { batch: 1, record: 0 },
  requestSha256: 'ab'.repeat(32),
});

async function oneCall(journal: Journal, gateway: GatewayId) {
  const record = admitOf();
  await journal.admit(record);
  return journal.settle(receiptOf(record, gateway));
}

/** A closed journal of several batches in several segments, and the heads it said. */
async function written(
  calls = 6,
  segmentBytes = 1_500,
): Promise<{ directory: string; gateway: GatewayId; heads: Head[] }> {
  const gateway = newGateway();
  const heads: Head[] = [];
  const journal = await open(gateway, { segmentBytes, sayHead: async (head) => void heads.push(head) });
  for (let call = 0; call < calls; call++) await oneCall(journal, gateway);
  await journal.close();
  return { directory: journal.directory, gateway, heads };
}

const check = (directory: string, heads: readonly Head[] = []) => verifyJournal(directory, signer.publicKey, heads);

test('what was admitted, settled and noted is in the journal, which verifies against its heads', async () => {
  const { directory, gateway, heads } = await written();
  assert.ok(readdirSync(directory).length > 2, 'several segments');
  assert.equal(heads.length, 1);
  const report = await check(directory, heads);
  assert.ok(report.ok, JSON.stringify(report));
  const { chain, batches, ...rest } = report.value;
  assert.deepEqual(heads, [{ gateway, batch: batches, chain }]);
  assert.deepEqual(rest, {
    gateway,
    records: 13,
    receipts: 6,
    admitted: 6,
    unsettled: 0,
    isClosed: true,
    tornBytes: 0,
    heads: 1,
    forgotten: 0,
  });
});

test('calls that come while a batch is being written share the next one', async () => {
  const gateway = newGateway();
  const journal = await open(gateway);
  const positions = await Promise.all(Array.from({ length: 200 }, () => journal.admit(admitOf())));
  assert.deepEqual(
    positions,
    positions.map((_, record) => ({ batch: 1, record })),
    'asked in one turn, written at once',
  );
  await journal.close();
});

test('no changed bit goes unnoticed', async () => {
  const { directory, heads } = await written(3, 2_000);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    for (let place = 0; place < bytes.length; place += STRIDE) {
      const changed = Buffer.from(bytes);
      changed[place] = (bytes[place] ?? 0) ^ (1 << (place & 7));
      writeFileSync(path, changed);
      const report = await check(directory, heads);
      assert.ok(!report.ok, `${name} byte ${place}`);
      const alone = await check(directory);
      assert.ok(!alone.ok || !alone.value.isClosed, `${name} byte ${place} without heads`);
    }
    writeFileSync(path, bytes);
  }
  assert.ok((await check(directory, heads)).ok);
});

test('a cut anywhere is noticed: by the chain inside, by the heads at the end', async () => {
  const { directory, heads } = await written(4, 100_000_000);
  const path = join(directory, '000001.journal');
  const bytes = readFileSync(path);
  for (let length = 0; length < bytes.length; length += STRIDE) {
    truncateSync(path, length);
    const report = await check(directory, heads);
    assert.ok(!report.ok, `cut to ${length}`);
    writeFileSync(path, bytes);
  }
});

test('a batch left out, repeated or moved, a segment left out or exchanged, and another gateway name are noticed', async () => {
  const { directory } = await written(4, 100_000_000);
  const path = join(directory, '000001.journal');
  const bytes = readFileSync(path, 'latin1');
  const batches = bytes.split(/(?=^batch )/m);
  assert.ok(batches.length >= 6);
  const [first = '', second = '', third = '', ...rest] = batches;
  for (const order of [
    [second, third, ...rest],
    [first, third, ...rest],
    [first, third, second, ...rest],
    [first, first, second, third, ...rest],
    [...batches, rest.at(-1) ?? ''],
  ]) {
    writeFileSync(path, order.join(''), 'latin1');
    assert.ok(!(await check(directory)).ok);
  }
  writeFileSync(path, bytes, 'latin1');
  assert.ok((await check(directory)).ok);
  const elsewhere = join(home, 'journal', newGateway());
  cpSync(directory, elsewhere, { recursive: true });
  assert.ok(!(await check(elsewhere)).ok);

  const segmented = (await written(6)).directory;
  renameSync(join(segmented, '000001.journal'), join(segmented, 'x'));
  assert.equal((await check(segmented)).ok, false);
  renameSync(join(segmented, '000002.journal'), join(segmented, '000001.journal'));
  renameSync(join(segmented, 'x'), join(segmented, '000002.journal'));
  assert.equal((await check(segmented)).ok, false);
});

test('a journal that was forked or rewritten with the key in hand does not match the heads in the log', async () => {
  const { directory, gateway, heads } = await written(3);
  rmSync(directory, { recursive: true });
  const journal = await open(gateway);
  for (let call = 0; call < 3; call++) await oneCall(journal, gateway);
  await journal.close();
  assert.ok((await check(directory)).ok, 'it is consistent in itself');
  const report = await check(directory, heads);
  assert.ok(!report.ok && report.refusal.kind === 'forked');
  const later = await check(directory, [{ gateway, batch: 99, chain: 'ab'.repeat(32) }]);
  assert.ok(!later.ok && later.refusal.kind === 'truncated');
});

test('a torn end is cut off and what stands before it is believed', async () => {
  const { directory, gateway } = await written(2, 100_000_000);
  const path = join(directory, '000001.journal');
  const whole = readFileSync(path);
  const last = whole.lastIndexOf('batch ');
  const read = async () => {
    const found = [];
    for await (const each of createAdmittedReader(home)(gateway)) found.push(each.costMicro);
    return found;
  };
  for (const tail of [1, 50, 100, whole.length - last - 1]) {
    writeFileSync(path, whole.subarray(0, last + tail));
    const report = await check(directory);
    assert.ok(report.ok && report.value.tornBytes === tail && !report.value.isClosed, `tail of ${tail}`);
    assert.equal((await read()).length, 2);
  }
  // Pages of the last batch that a lost power supply never let reach the disk.
  const zeroed = Buffer.from(whole).fill(0, last + 90);
  writeFileSync(path, zeroed);
  assert.equal((await read()).length, 2);
  // Inside, the same is no torn end.
  writeFileSync(path, Buffer.concat([whole.subarray(0, last - 10), whole.subarray(last)]));
  assert.ok(!(await check(directory)).ok);
  await assert.rejects(read(), /not what was written/);
});

test('what was admitted and not settled is told to the ledger without a cost', async () => {
  const gateway = newGateway();
  const journal = await open(gateway);
  const [ended, lost] = [admitOf(100), admitOf(200)];
  await journal.admit(ended);
  await journal.admit(lost);
  await journal.settle(receiptOf(ended, gateway));
  const found = [];
  for await (const { call, lease, limits, reservedMicro, costMicro } of createAdmittedReader(home)(gateway)) {
    found.push({ call, lease, limits, reservedMicro, costMicro });
  }
  const common = { lease: 'lease_1', limits: ['organisation:o'] };
  assert.deepEqual(found, [
    { call: ended.call, ...common, reservedMicro: 100, costMicro: 7 },
    { call: lost.call, ...common, reservedMicro: 200, costMicro: undefined },
  ]);
  await journal.close();
  assert.equal(basename(journal.directory), gateway);
});

test('the receipt of a call that was settled before its gateway was killed is rebuilt as it was', async () => {
  const gateway = newGateway();
  const journal = await open(gateway);
  const records = Array.from({ length: 9 }, () => admitOf());
  await Promise.all(records.map((record) => journal.admit(record)));
  const stored = await Promise.all(records.map((record) => journal.settle(receiptOf(record, gateway))));
  const rebuilt = new Map<string, string | undefined>();
  for await (const { call, toReceipt } of createAdmittedReader(home)(gateway)) rebuilt.set(call, await toReceipt?.());
  for (const [index, { call }] of records.entries()) {
    assert.equal(rebuilt.get(call), stored[index]?.text);
    assert.ok(checkReceipt(rebuilt.get(call) ?? '', signer.publicKey).ok);
  }
  await journal.close();
});

test('a call that its gateway left without an end has a receipt that says so, from the gateway that recovers', async () => {
  const [killed, living] = [newGateway(), newGateway()];
  const [before, after] = [await open(killed), await open(living)];
  const lost = { ...admitOf(200), tier: 'partner' };
  await before.admit(admitOf());
  const admitted = await before.admit(lost);
  const at = new Date('2026-05-01T00:00:00Z');
  const read = createAdmittedReader(home, async (admit, position, of) => {
    return (await after.settle(toLostReceipt(admit, { admitted: position, by: living, at }, of))).text;
  })(killed);
  let text: string | undefined;
  for await (const { call, toReceipt } of read) if (call === lost.call) text = await toReceipt?.();
  const checked = checkReceipt(text ?? '', signer.publicKey);
  assert.ok(checked.ok);
  const { costMicro, outcome, gateway, facts, tier, asked } = checked.value;
  assert.deepEqual([costMicro, outcome, gateway, tier, asked], [200, 'lost', living, 'partner', 'm']);
  assert.deepEqual([checked.value.admitted, facts], [admitted, { admittedBy: killed }]);
  await Promise.all([before.close(), after.close()]);
});

test('a receipt that comes while a batch is being written is not forgotten', async () => {
  const gateway = newGateway();
  const journal = await open(gateway);
  for (let round = 0; round < 40; round++) {
    const [ended, next] = [admitOf(), admitOf()];
    await journal.admit(ended);
    const admitting = journal.admit(next);
    await new Promise((resolve) => setTimeout(resolve, round % 4));
    await Promise.all([admitting, journal.settle(receiptOf(ended, gateway))]);
  }
  await journal.close();
});

test('a directory that holds a journal is never written by a second process', async () => {
  const gateway = newGateway();
  const journal = await open(gateway);
  await assert.rejects(open(gateway), /another process/);
  await journal.close();
});
