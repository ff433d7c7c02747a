import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSeededRandom } from '../lib/seeded-random.ts';
import { countPendingJobs } from '../store/jobs.ts';
import { createTestDatabase } from '../store/test-database.ts';
import { auditLog } from './audit.ts';
import { commitmentRoot, openField } from './commitment.ts';
import { openLogDirectory } from './log-reader-client.ts';
import { proveEntry } from './prove.ts';
import { createSequenceJobs, SEQUENCE_JOB } from './sequence-job.ts';
import { createTlog, type Tlog } from './tlog.ts';
import { trustOnly } from './witness-policy.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const cleanup: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const step of cleanup.reverse()) await step();
});

const VALUES = {
  caseId: 'case_00000000000000000000000000000001',
  class: 'path-traversal',
  reportDate: '2030-01-01',
  reporter: 'Example Laboratory',
  reproducerSha256: 'ab'.repeat(32),
  severity: 'high',
  target: 'pkg:npm/example',
  version: '1.2.3',
};

async function openFresh() {
  const { database, drop } = await createTestDatabase();
  const home = await mkdtemp(join(tmpdir(), 'headstart-tlog-'));
  cleanup.push(drop, () => rm(home, { recursive: true, force: true }));
  const seeded = createSeededRandom(1);
  const random = (size: number) => Uint8Array.from({ length: size }, () => seeded.below(256));
  const options = { database, home, clock: { now: () => NOW }, random };
  return { database, home, options, log: await createTlog(options) };
}

async function audit(log: Tlog) {
  const reader = await openLogDirectory(log.directory);
  assert.ok(reader);
  return auditLog(reader, { policy: trustOnly(log.logKey) });
}

async function say(log: Tlog, database: Awaited<ReturnType<typeof openFresh>>['database'], count: number) {
  await database.transaction(async (tx) => {
    for (let said = 0; said < count; said++) {
      const facts = { said };
      const entry = await log.append(tx, {
        type: 'statement',
        predicateType: 'test',
        subject: 'x',
        documents: [],
        facts,
      });
      assert.ok(entry.ok);
    }
  });
}

test('a founded log holds one entry, its issuer key, and verifies with nothing but log.pub', async () => {
  const { log, home } = await openFresh();
  assert.deepEqual(await log.sequence(), { size: 1, appended: 1 });
  const report = await audit(log);
  assert.ok(report.ok, JSON.stringify(report));
  assert.equal(report.value.statements, 1);
  const keys = await readdir(join(home, 'keys'));
  assert.deepEqual(keys.sort(), ['issuer.key', 'log.key']);
  for (const key of keys) assert.equal((await stat(join(home, 'keys', key))).mode & 0o777, 0o600);
  assert.match(await readFile(join(home, 'public', 'witness-policy'), 'utf8'), /^log .*\nquorum none\n$/);
});

test('an entry of a rolled back transaction never becomes a leaf, a committed one always does', async () => {
  const { log, database } = await openFresh();
  const failed = database.transaction(async (tx) => {
    await log.append(tx, { type: 'advisory', subject: 'x', documents: [], facts: {} });
    throw new Error('rolled back');
  });
  await assert.rejects(failed, /rolled back/);
  await say(log, database, 3);
  assert.equal(await log.countPending(), 4);
  assert.deepEqual(await log.sequence(), { size: 4, appended: 4 });
  assert.equal(await log.countPending(), 0);
});

test('every entry of a log grown over tile borders can be proven', async () => {
  const { log, database } = await openFresh();
  for (const count of [254, 1, 1, 300, 1]) {
    await say(log, database, count);
    await log.sequence();
    const report = await audit(log);
    assert.ok(report.ok, JSON.stringify(report));
  }
  const reader = await openLogDirectory(log.directory);
  assert.ok(reader);
  for (const index of [0, 1, 255, 256, 511, 512, 557]) {
    const proof = await proveEntry(reader, trustOnly(log.logKey), index);
    assert.ok(proof.ok, JSON.stringify(proof));
    assert.equal(proof.value.proven.checkpoint.size, 558);
  }
  // Only what the head needs is left: partial files of full tiles are gone.
  const tiles = await readdir(join(log.directory, 'tile', '0'));
  assert.deepEqual(tiles.sort(), ['000', '001', '002.p']);
});

test('a verifier of thirty lines, written from the specifications alone, agrees about a published log', async () => {
  const { log, database, home } = await openFresh();
  await say(log, database, 600);
  await log.sequence();
  const read = (path: string) => readFile(join(home, 'public', path));
  const H = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const MTH = (leaves: readonly Buffer[]): Buffer => {
    const [only] = leaves;
    if (only && leaves.length === 1) return only;
    const half = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
    return H(Buffer.of(1), MTH(leaves.slice(0, half)), MTH(leaves.slice(half)));
  };
  const [, , vkey = ''] = /^([^+]+)\+[0-9a-f]{8}\+(.*)\n$/.exec((await read('log.pub')).toString()) ?? [];
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(vkey, 'base64').subarray(1)]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const [body = '', line = ''] = (await read('log/checkpoint')).toString().split('\n\n');
  const signature = Buffer.from(line.trim().split(' ')[2] ?? '', 'base64').subarray(4);
  assert.ok(verify(null, Buffer.from(`${body}\n`), key, signature));
  const [, size = '', root = ''] = body.split('\n');
  const leaves: Buffer[] = [];
  for (let tile = 0; leaves.length < Number(size); tile++) {
    const width = Math.min(256, Number(size) - tile * 256);
    const name = `${String(tile).padStart(3, '0')}${width < 256 ? `.p/${width}` : ''}`;
    let bundle = await read(`log/tile/entries/${name}`);
    const hashes: Buffer[] = [];
    while (bundle.length > 0) {
      const end = 2 + bundle.readUInt16BE(0);
      hashes.push(H(Buffer.of(0), bundle.subarray(2, end)));
      bundle = bundle.subarray(end);
    }
    assert.deepEqual(Buffer.concat(hashes), await read(`log/tile/0/${name}`));
    leaves.push(...hashes);
  }
  assert.equal(leaves.length, 601);
  assert.equal(MTH(leaves).toString('base64'), root);
});

test('a deleted tree is written again byte for byte', async () => {
  const { log, database } = await openFresh();
  await say(log, database, 300);
  await log.sequence();
  const files = ['checkpoint', 'tile/0/000', 'tile/entries/001.p/45', 'tile/1/000.p/1'];
  const before = await Promise.all(files.map((file) => readFile(join(log.directory, file))));
  await rm(log.directory, { recursive: true });
  await log.sequence();
  assert.deepEqual(await Promise.all(files.map((file) => readFile(join(log.directory, file)))), before);
});

test('rebuilding repairs what was changed and removes what is not part of the log', async () => {
  const { log, database } = await openFresh();
  await say(log, database, 20);
  await log.sequence();
  await writeFile(join(log.directory, 'tile/0/000.p/21'), 'nonsense');
  await writeFile(join(log.directory, 'tile/0/draft'), 'a draft');
  assert.ok(!(await audit(log)).ok);
  await log.rebuild();
  assert.ok((await audit(log)).ok);
});

test('two sequencers at once lose nothing, double nothing and sign one tree', async () => {
  const { log, database, options } = await openFresh();
  const other = await createTlog(options);
  const rounds = Array.from({ length: 8 }, async (_, round) => {
    await say(round % 2 ? log : other, database, 40);
    await Promise.all([log.sequence(), other.sequence()]);
  });
  await Promise.all(rounds);
  const { rows } = await database.query<{ entries: number; leaves: number; last: number }>(
    'select count(*)::int as entries, count(index)::int as leaves, max(index)::int as last from tlog.entries',
  );
  assert.deepEqual(rows[0], { entries: 321, leaves: 321, last: 320 });
  const report = await audit(log);
  assert.ok(report.ok, JSON.stringify(report));
  assert.equal(report.value.checkpoint.size, 321);
});

test('a database older than the published log refuses to sign, so that the log cannot fork', async () => {
  const { log, database } = await openFresh();
  await say(log, database, 2);
  await log.sequence();
  // What a restored backup looks like: the promises are there, the leaves are not.
  await database.query('alter table tlog.entries disable trigger entries_keep_promise');
  await database.query('update tlog.entries set index = null');
  await database.query(`update tlog.logs set size = 0, edge = '', published_size = 0`);
  await database.query('delete from tlog.checkpoints');
  await assert.rejects(log.sequence(), /older than the log/);
});

test('a fresh database beside a published log founds no second one over it', async () => {
  const { log, home, options } = await openFresh();
  await log.sequence();
  const { database } = await openFresh();
  await database.query('delete from tlog.logs');
  await assert.rejects(createTlog({ ...options, database }), /knows nothing of/);
  const key = await readFile(join(home, 'public', 'log.pub'), 'utf8');
  assert.ok(key.startsWith(log.origin), 'the key of the published log still stands');
});

test('a promise can bring its own job, which makes it a leaf', async () => {
  const { database, options } = await openFresh();
  const log = await createTlog({ ...options, sequenceByJob: true });
  await log.sequence();
  await say(log, database, 2);
  assert.equal(await countPendingJobs(database), 2);
  await createSequenceJobs(log)[SEQUENCE_JOB]?.({}, { signal: new AbortController().signal } as never);
  assert.equal(await log.countPending(), 0);
});

test('many statements are promised at once, in their order, all or none', async () => {
  const { log, database } = await openFresh();
  const said = (subject: string) => ({ type: 'advisory', subject, documents: [], facts: {} }) as const;
  const refused = await database.transaction((tx) => log.appendAll(tx, [said('a'), said('')]));
  assert.ok(!refused.ok);
  assert.equal(await log.countPending(), 1);
  const ids = await database.transaction((tx) => log.appendAll(tx, [said('a'), said('b'), said('c')]));
  assert.ok(ids.ok);
  await log.sequence();
  const places = await Promise.all(ids.value.map((id) => log.findEntry(id)));
  assert.deepEqual(
    places.map((place) => place?.index),
    [1, 2, 3],
  );
  const commitment = `commitment_${'2'.repeat(32)}` as const;
  const late = { type: 'shredding', commitment, reason: 'x' } as const;
  await assert.rejects(
    database.transaction((tx) => log.appendAll(tx, [late])),
    TypeError,
  );
});

test('one commitment id cannot be sealed twice', async () => {
  const { log, database } = await openFresh();
  const commitment = `commitment_${'1'.repeat(32)}` as const;
  const seal = {
    type: 'commitment',
    commitment,
    schema: 'headstart-finding/v1',
    root: 'ab'.repeat(32),
    openedBy: '2030-02-01',
  } as const;
  assert.ok((await database.transaction((tx) => log.append(tx, seal))).ok);
  await assert.rejects(
    database.transaction((tx) => log.append(tx, seal)),
    /entries_one_seal/,
  );
});

test('a promised entry can neither change nor go, whatever the SQL', async () => {
  const { log, database } = await openFresh();
  await log.sequence();
  for (const sql of [
    'delete from tlog.entries',
    `update tlog.entries set body = 'x'`,
    'update tlog.entries set index = 7',
    'update tlog.entries set index = null',
  ]) {
    await assert.rejects(database.query(sql), /promised/, sql);
  }
});

test('another key than the one that founded the log is refused', async () => {
  const { log, home, options } = await openFresh();
  await log.sequence();
  await rm(join(home, 'keys', 'log.key'));
  await assert.rejects(createTlog(options), /log\.key is missing/);
  const stranger = await openFresh();
  await writeFile(join(home, 'keys', 'log.key'), await readFile(join(stranger.home, 'keys', 'log.key')), {
    mode: 0o600,
  });
  await assert.rejects(createTlog(options), /not the key of the log/);
});

test('a key that others can read is refused', async () => {
  const { home, options } = await openFresh();
  const path = join(home, 'keys', 'log.key');
  const pem = await readFile(path);
  await rm(path);
  await writeFile(path, pem, { mode: 0o644 });
  await assert.rejects(createTlog(options), /chmod 600/);
});

test('a finding is sealed, extended and opened, and nothing a verifier would refuse is promised', async () => {
  const { log, database } = await openFresh();
  const openedBy = new Date('2030-04-01T00:00:00Z');
  const sealed = await database.transaction((tx) => log.seal(tx, { values: VALUES, openedBy }));
  assert.ok(sealed.ok);
  const { commitment, sealed: secret } = sealed.value;
  const attempt = (said: Parameters<Tlog['append']>[1]) => database.transaction((tx) => log.append(tx, said));
  const kindOf = async (said: Parameters<Tlog['append']>[1]) => {
    const result = await attempt(said);
    return result.ok ? 'ok' : result.refusal.kind;
  };
  const extension = { type: 'extension', commitment, reason: 'the maintainer asked' } as const;
  assert.equal(await kindOf({ ...extension, openedBy: '2030-03-01' }), 'not-later');
  assert.equal(await kindOf({ ...extension, openedBy: '2030-05-01' }), 'ok');
  assert.equal(
    await kindOf({ ...extension, commitment: `commitment_${'0'.repeat(32)}`, openedBy: '2030-05-01' }),
    'no-such-commitment',
  );
  const forged = { ...openField(secret, 'severity'), value: 'low' };
  assert.equal(await kindOf({ type: 'fields', commitment, fields: [forged] }), 'wrong-root');
  assert.equal(await kindOf({ type: 'fields', commitment, fields: [openField(secret, 'severity')] }), 'ok');
  const empty = { ...secret, masterSalt: new Uint8Array(32) };
  const wrong = await database.transaction((tx) => log.open(tx, commitment, empty));
  assert.equal(wrong.ok ? 'ok' : wrong.refusal.kind, 'wrong-root');
  assert.ok((await database.transaction((tx) => log.open(tx, commitment, secret))).ok);
  assert.equal(await kindOf({ type: 'shredding', commitment, reason: 'too late' }), 'commitment-ended');
  await log.sequence();
  const report = await audit(log);
  assert.ok(report.ok, JSON.stringify(report));
  assert.equal(report.value.commitments[0]?.state, 'opened');
  assert.deepEqual(Buffer.from(report.value.commitments[0]?.root ?? []), Buffer.from(commitmentRoot(secret)));
});
