import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { createEd25519Signer, type Ed25519Signer } from '../lib/ed25519.ts';
import { createMemoryTree, leafHash } from '../lib/merkle.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import { auditLog, type LogReader } from './audit.ts';
import { formatCheckpointBody } from './checkpoint.ts';
import { cosign } from './cosignature.ts';
import { type Statement, signEntry } from './entry.ts';
import type { Said } from './issuing-service.ts';
import {
  COSIGNATURE_V1,
  createVerifierKey,
  ED25519,
  formatNote,
  formatVerifierKey,
  signNote,
  type VerifierKey,
} from './note.ts';
import { checkProof, readProof } from './proof.ts';
import { proveEntry } from './prove.ts';
import { encodeBundle, hashesAtLevel, tilePath, tilesBetween } from './tile.ts';
import { trustOnly, type WitnessPolicy } from './witness-policy.ts';

type Files = ReadonlyMap<string, Uint8Array>;

interface Signing {
  readonly key: VerifierKey;
  readonly signer: Ed25519Signer;
}

function createKey(name: string, type: typeof ED25519 | typeof COSIGNATURE_V1 = ED25519): Signing {
  const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
  return { signer, key: createVerifierKey(name, type, signer.publicKey) };
}

const ORIGIN = 'log.example/1';
const log = createKey(ORIGIN);
const policy = trustOnly(log.key);

/** A log as files, written from the specification by other means than the publisher's. */
function writeLog(entries: readonly Uint8Array[], by: Signing = log, origin = ORIGIN): Map<string, Uint8Array> {
  const tree = createMemoryTree(entries.map(leafHash));
  const files = new Map<string, Uint8Array>();
  const size = entries.length;
  for (const tile of tilesBetween('entries', 0, size)) {
    files.set(tilePath(tile), encodeBundle(entries.slice(tile.index * 256, tile.index * 256 + tile.width)));
  }
  for (let level = 0; hashesAtLevel(size, level) > 0; level++) {
    for (const tile of tilesBetween(level, 0, hashesAtLevel(size, level))) {
      const hashes = Array.from({ length: tile.width }, (_, at) => tree.perfect(level * 8, tile.index * 256 + at));
      files.set(tilePath(tile), Buffer.concat(hashes));
    }
  }
  const text = formatCheckpointBody({ origin, size, root: tree.root });
  files.set('checkpoint', Buffer.from(formatNote({ text, signatures: [signNote(text, by.key, by.signer)] })));
  return files;
}

function readerOf(files: Files): LogReader {
  return {
    read: async (path) => files.get(path),
    list: async () => [...files.keys()].filter((path) => path.startsWith('tile/')),
  };
}

const entriesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index} ${'.'.repeat(index % 90)}`));
const audit = (files: Files, options: Partial<Parameters<typeof auditLog>[1]> = {}) =>
  auditLog(readerOf(files), { policy, ...options });

async function kindOf(files: Files, options: Partial<Parameters<typeof auditLog>[1]> = {}): Promise<string> {
  const report = await audit(files, options);
  return report.ok ? 'ok' : report.refusal.kind;
}

const rootOf = (entries: readonly Uint8Array[]) => createMemoryTree(entries.map(leafHash)).root;
const SIZES = [0, 1, 2, 255, 256, 257, 512, 700];

test('honest logs of every shape of tile verify', async () => {
  for (const size of [...SIZES, 65_537]) assert.equal(await kindOf(writeLog(entriesOf(size))), 'ok', `size ${size}`);
});

test('every byte flipped, file cut, lengthened, deleted or swapped is refused with a reason: 1,000 cases', async () => {
  const random = createSeededRandom(11);
  const logs = SIZES.map((size) => writeLog(entriesOf(size)));
  const kinds = new Map<string, number>();
  for (let round = 0; round < 1_000; round++) {
    const files = new Map(random.pick(logs));
    const fault = random.pick(['flip', 'cut', 'lengthen', 'delete', 'swap', 'empty'] as const);
    const path = random.pick([...files.keys()]);
    const bytes = Buffer.from(files.get(path) ?? []);
    const at = random.below(bytes.length);
    if (fault === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    const partner = random.pick([...files.keys()]);
    const changed: Record<typeof fault, Uint8Array | undefined> = {
      flip: bytes,
      cut: bytes.subarray(0, at),
      lengthen: Buffer.concat([bytes, Buffer.of(random.below(256))]),
      delete: undefined,
      swap: files.get(partner),
      empty: new Uint8Array(),
    };
    const other = changed[fault];
    if (fault === 'swap') {
      // A tile and another may hold equal bytes; that is no fault.
      if (!other || Buffer.compare(other, bytes) === 0) continue;
      files.set(partner, bytes);
    }
    if (other) files.set(path, other);
    else files.delete(path);
    const kind = await kindOf(files);
    assert.notEqual(kind, 'ok', `${fault} ${path} at ${at} with ${partner}`);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  assert.ok(kinds.size >= 6, [...kinds].join());
});

test('an old checkpoint over newer tiles is stale, an old log is a rollback for whoever saw the newer one', async () => {
  const older = writeLog(entriesOf(100));
  const newer = writeLog(entriesOf(300));
  const mixed = new Map([...newer, ['checkpoint', older.get('checkpoint') ?? new Uint8Array()]]);
  assert.equal(await kindOf(mixed), 'stale-checkpoint');
  assert.equal(await kindOf(older, { known: { size: 300, root: rootOf(entriesOf(300)) } }), 'rollback');
  assert.equal(await kindOf(newer, { known: { size: 100, root: rootOf(entriesOf(100)) } }), 'ok');
  assert.equal(await kindOf(newer, { known: { size: 300, root: rootOf(entriesOf(300)) } }), 'ok');
});

test('300 forks, honestly signed, are refused by whoever saw the other side', async () => {
  const random = createSeededRandom(5);
  for (let round = 0; round < 300; round++) {
    const seen = 1 + random.below(40);
    const forked = entriesOf(seen + random.below(10));
    forked[random.below(seen)] = Buffer.from(`another ${round}`);
    assert.equal(await kindOf(writeLog(forked), { known: { size: seen, root: rootOf(entriesOf(seen)) } }), 'fork');
  }
});

test('a log of another key, under the same name or another, is refused', async () => {
  const imposter = createKey(ORIGIN);
  assert.equal(await kindOf(writeLog(entriesOf(3), imposter)), 'unknown-signer');
  const stranger = createKey('other.example');
  assert.equal(await kindOf(writeLog(entriesOf(3), stranger, 'other.example')), 'unknown-signer');
  const both: WitnessPolicy = { ...policy, logs: [log.key, stranger.key] };
  assert.equal(await kindOf(writeLog(entriesOf(3), stranger), { policy: both }), 'foreign-origin');
  assert.equal(await kindOf(writeLog(entriesOf(3)), { policy: { ...policy, logs: [] } }), 'unknown-signer');
});

test('a quorum of witnesses is demanded where the policy says so', async () => {
  const witness = createKey('w.example', COSIGNATURE_V1);
  const strict: WitnessPolicy = {
    logs: [log.key],
    witnesses: new Map([['W', witness.key]]),
    groups: new Map(),
    quorum: 'W',
  };
  const entries = entriesOf(5);
  const files = writeLog(entries);
  assert.equal(await kindOf(files, { policy: strict }), 'no-quorum');
  const text = formatCheckpointBody({ origin: ORIGIN, size: 5, root: rootOf(entries) });
  const signatures = [signNote(text, log.key, log.signer), cosign(text, witness.key, witness.signer, 1_900_000_000)];
  files.set('checkpoint', Buffer.from(formatNote({ text, signatures })));
  assert.equal(await kindOf(files, { policy: strict }), 'ok');
});

test('older partial files beside the newest are held to the same content', async () => {
  const files = writeLog(entriesOf(20));
  for (const [path, bytes] of writeLog(entriesOf(7))) if (path !== 'checkpoint') files.set(path, bytes);
  assert.equal(await kindOf(files), 'ok');
  const old = Buffer.from(files.get('tile/0/000.p/7') ?? []);
  old[0] = (old[0] ?? 0) ^ 1;
  files.set('tile/0/000.p/7', old);
  assert.equal(await kindOf(files), 'wrong-file');
});

test('a stranger file among the tiles is refused: the log is no place to leave things', async () => {
  for (const path of ['tile/0/draft', 'tile/0/000.p/0', 'tile/0/1', 'tile/entries/x000/000.bak', 'tile/00/000']) {
    assert.equal(
      await kindOf(new Map([...writeLog(entriesOf(300)), [path, Buffer.from('x')]])),
      'unexpected-file',
      path,
    );
  }
});

const AT = '2030-01-01T00:00:00Z';
const issuer = createKey(`${ORIGIN}/issuer`);
let statementCount = 0;

function say(said: Said, by: readonly Ed25519Signer[] = [issuer.signer]): Uint8Array {
  statementCount += 1;
  const id = `entry_${statementCount.toString(16).padStart(32, '0')}` as const;
  const entry = signEntry({ ...said, id, at: AT } as Statement, by);
  assert.ok(entry.ok, JSON.stringify(entry));
  return entry.value.body;
}

const commitment = `commitment_${'a'.repeat(32)}` as const;
const seal: Said = {
  type: 'commitment',
  commitment,
  schema: 'headstart-finding/v1',
  root: 'ab'.repeat(32),
  openedBy: '2030-02-01',
};
const founding = () => say({ type: 'key', role: 'issuer', vkey: formatVerifierKey(issuer.key) });

test('what the entries say is verified too: issuer, order, uniqueness and truth', async () => {
  const stranger = createKey('stranger.example/issuer');
  const first = founding();
  const sealed = say(seal);
  const masterSalt = Buffer.alloc(32).toString('base64url');
  const values = {
    caseId: 'case_1',
    class: 'redos',
    reportDate: '2030-01-01',
    reporter: 'x',
    reproducerSha256: 'ab'.repeat(32),
    severity: 'low',
    target: 't',
    version: '1',
  };
  const cases: [string, Uint8Array[]][] = [
    ['ok', [first, sealed]],
    ['not-signed-by-issuer', [first, say(seal, [stranger.signer])]],
    ['no-issuer', [sealed]],
    ['no-issuer', [say({ type: 'key', role: 'issuer', vkey: formatVerifierKey(stranger.key) }, [stranger.signer])]],
    [
      'not-signed-by-issuer',
      [say({ type: 'key', role: 'issuer', vkey: formatVerifierKey(issuer.key) }, [stranger.signer])],
    ],
    ['repeated-entry', [first, sealed, sealed]],
    ['bad-statement', [first, sealed, say(seal)]],
    ['bad-statement', [first, say({ type: 'extension', commitment, openedBy: '2030-03-01', reason: 'x' })]],
    ['bad-statement', [first, sealed, say({ type: 'extension', commitment, openedBy: '2030-01-01', reason: 'x' })]],
    ['bad-statement', [first, sealed, say({ type: 'opening', commitment, values, masterSalt })]],
    ['bad-entry', [first, Buffer.from('no statement')]],
    ['bad-entry', [first, Buffer.concat([sealed, Buffer.from(' ')])]],
  ];
  for (const [expected, entries] of cases) assert.equal(await kindOf(writeLog(entries)), expected);
});

test('a new issuer is believed only when an earlier one names it and it shows that it holds the key', async () => {
  const next = createKey(`${ORIGIN}/issuer-2`);
  const naming: Said = { type: 'key', role: 'issuer', vkey: formatVerifierKey(next.key) };
  assert.equal(await kindOf(writeLog([founding(), say(naming), say(seal, [next.signer])])), 'not-signed-by-issuer');
  assert.equal(await kindOf(writeLog([founding(), say(naming, [next.signer]), say(seal)])), 'not-signed-by-issuer');
  const both = [issuer.signer, next.signer];
  assert.equal(await kindOf(writeLog([founding(), say(naming, both), say(seal, [next.signer])])), 'ok');
});

test('every entry of logs around the tile borders has a proof that checks offline and for no other entry', async () => {
  for (const size of [1, 2, 255, 256, 257, 700]) {
    const entries = entriesOf(size);
    const reader = readerOf(writeLog(entries));
    for (const index of new Set([0, 1, 128, 254, 255, 256, 511, 512, size - 1].filter((it) => it < size))) {
      const made = await proveEntry(reader, policy, index);
      assert.ok(made.ok, JSON.stringify(made));
      const proof = readProof(made.value.proof);
      assert.ok(proof.ok);
      assert.deepEqual(proof.value.extra, entries[index]);
      assert.ok(checkProof(proof.value, policy).ok);
      assert.ok(!checkProof(proof.value, policy, Buffer.from('another entry')).ok);
      assert.ok(!checkProof(proof.value, trustOnly(createKey(ORIGIN).key)).ok);
    }
  }
});

test('no byte of a proof can change', async () => {
  const made = await proveEntry(readerOf(writeLog(entriesOf(300))), policy, 77);
  assert.ok(made.ok);
  const { proof } = made.value;
  for (let at = 0; at < proof.length; at++) {
    const changed = Buffer.from(proof);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const read = readProof(changed);
    assert.ok(!read.ok || !checkProof(read.value, policy).ok, `byte ${at}`);
    const cut = readProof(proof.subarray(0, at));
    assert.ok(!cut.ok || !checkProof(cut.value, policy).ok, `cut at ${at}`);
  }
});

test('an entry that is not there has no proof', async () => {
  const reader = readerOf(writeLog(entriesOf(3)));
  for (const index of [-1, 3, 1.5, Number.NaN, 2 ** 53]) {
    const made = await proveEntry(reader, policy, index);
    assert.equal(made.ok ? 'ok' : made.refusal.kind, 'no-such-entry');
  }
});
