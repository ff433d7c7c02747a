import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { addDays, systemClock } from '../lib/clock.ts';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { createId, systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { makeTestDirectory } from '../store/test-directory.ts';
import { createTlog, type Tlog } from '../tlog/index.ts';
import {
  createAdmittedReader,
  createHeadSayer,
  forgetJournals,
  type GatewayId,
  type Journal,
  openJournal,
  readLoggedJournals,
  verifyJournal,
} from './index.ts';

const DAYS = 30;
const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
let db: TestDatabase;
let home: string;
let log: Tlog;
let open: Set<string>;
let troubles: string[];
let journals: Journal[];

beforeEach(async () => {
  db = await createTestDatabase();
  home = makeTestDirectory('headstart-retention-');
  await mkdir(join(home, 'public'));
  log = await createTlog({
    database: db.database,
    clock: systemClock,
    random: systemRandom,
    home,
    origin: 'retention.test',
  });
  [open, troubles, journals] = [new Set(), [], []];
});
afterEach(async () => {
  for (const journal of journals) await journal.close().catch(() => {});
  await db.drop();
  rmSync(home, { recursive: true });
});

/** A journal of several segments, with its head said unless it is left open. */
async function written(isClosed = true): Promise<{ gateway: GatewayId; directory: string; segments: string[] }> {
  const gateway = createId('gateway', systemRandom);
  const journal = await openJournal({
    ...{ home, gateway, clock: systemClock, signer, segmentBytes: 1_500 },
    sayHead: createHeadSayer({ database: db.database, log }),
    onTrouble: (error) => assert.fail(error),
  });
  for (let index = 0; index < 8; index += 1) {
    const call = createId('call', systemRandom);
    const who = { organisation: 'o', person: 'p', grant: 'g', scope: undefined, requestSha256: 'ab'.repeat(32) };
    const admitted = await journal.admit({
      ...{ ...who, call, lease: 'lease_1', limits: ['organisation:o'], reservedMicro: 9, key: 'k', model: 'm' },
    });
    await journal.settle({
      ...{ ...who, call, gateway, at: '2026-11-21T00:00:00.000Z', tier: 't', asked: 'm', served: 'm', why: '' },
      ...{ verdicts: [], costMicro: 7, reservedMicro: 9, outcome: 'ended', admitted },
      tokens: { input: 1, output: 2, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 },
    });
  }
  if (isClosed) await journal.close();
  else journals.push(journal);
  await log.sequence();
  const { directory } = journal;
  return { gateway, directory, segments: names(directory) };
}

const names = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.journal'))
    .sort();
const age = (directory: string, segments: readonly string[], days: number): void => {
  const at = addDays(new Date(), -days);
  for (const name of segments) utimesSync(join(directory, name), at, at);
};
const sweep = (): Promise<number> =>
  forgetJournals({
    ...{ database: db.database, log, clock: systemClock, home, publicKey: signer.publicKey, retentionDays: DAYS },
    hasOpenLease: async (gateway) => open.has(gateway),
    onTrouble: (error) => void troubles.push(error.message),
  });
/** Said, in the log, gone. */
async function sweptTwice(): Promise<number> {
  assert.equal(await sweep(), 0, 'it is said before it is done');
  await log.sequence();
  return await sweep();
}
async function check(directory: string) {
  const logged = await readLoggedJournals(join(home, 'public', 'log'));
  return await verifyJournal(directory, signer.publicKey, logged?.heads, logged?.forgotten);
}

test('what is old goes when the log says so, and what is left verifies and explains itself', async () => {
  const { directory, segments, gateway } = await written();
  const [first = '', second = '', ...rest] = segments;
  assert.ok(rest.length > 1);
  age(directory, [first, second], DAYS + 1);
  const before = await check(directory);
  assert.equal(await sweptTwice(), 2);
  assert.deepEqual(names(directory), rest);
  const report = await check(directory);
  assert.ok(report.ok && before.ok, JSON.stringify(report));
  assert.ok(report.value.forgotten > 0);
  assert.deepEqual([report.value.batches, report.value.chain], [before.value.batches, before.value.chain]);
  const found = [];
  for await (const { costMicro } of createAdmittedReader(home)(gateway)) found.push(costMicro);
  assert.ok(found.length > 0, 'recovery reads what is left');
  assert.equal(await sweep(), 0);
  assert.deepEqual(troubles, []);
});

test('a journal that ended goes whole, and the log still says where it ended', async () => {
  const { directory, segments } = await written();
  age(directory, segments, DAYS + 1);
  assert.equal(await sweptTwice(), segments.length);
  const report = await check(directory);
  assert.ok(report.ok, JSON.stringify(report));
  assert.equal(report.value.forgotten, report.value.batches);
});

test('nothing goes that a head in the log does not reach, that is young, or that its gateway may need', async () => {
  const unsaid = await written(false);
  age(unsaid.directory, unsaid.segments, DAYS + 1);
  assert.equal(await sweptTwice(), 0, 'no head was said');
  const young = await written();
  age(young.directory, young.segments, DAYS - 1);
  const living = await written();
  age(living.directory, living.segments, DAYS + 1);
  open.add(living.gateway);
  open.add(unsaid.gateway);
  assert.equal(await sweptTwice(), 0, 'all of it was written within the reach of recovery');
  assert.deepEqual(names(living.directory), living.segments);
});

test('a beginning that is missing without a word in the log, or with another one, is noticed', async () => {
  const { directory, segments, gateway } = await written();
  const [first = ''] = segments;
  const gap = { segments: 1, batch: 2, chain: 'ab'.repeat(32) };
  unlinkSync(join(directory, first));
  assert.equal((await check(directory)).ok, false);
  writeFileSync(join(directory, 'forgotten.json'), JSON.stringify(gap));
  const unsaid = await check(directory);
  assert.ok(!unsaid.ok && unsaid.refusal.kind === 'unproven-gap');
  await db.database.transaction(async (tx) => {
    const facts = { batch: '2', chain: gap.chain };
    const predicateType = 'headstart/journal-forgotten/v1';
    await log.append(tx, { type: 'statement', predicateType, subject: gateway, documents: [], facts });
  });
  await log.sequence();
  assert.equal((await check(directory)).ok, false, 'what follows does not chain to it');
});

test('a journal that does not verify is kept as it is', async () => {
  const { directory, segments } = await written();
  const [first = '', second = ''] = segments;
  unlinkSync(join(directory, second));
  age(directory, [first], DAYS + 1);
  assert.equal(await sweptTwice(), 0);
  assert.match(troubles[0] ?? '', /does not verify/);
  assert.ok(names(directory).includes(first));
});
