import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { EMPTY_ROOT, leafHash } from '../lib/merkle.ts';
import { formatCheckpointBody, readCheckpoint, readCheckpointBody } from './checkpoint.ts';
import { cosign, findCosignature } from './cosignature.ts';
import {
  COSIGNATURE_V1,
  createVerifierKey,
  ED25519,
  formatNote,
  formatVerifierKey,
  readNote,
  readVerifierKey,
  signNote,
  verifyNote,
} from './note.ts';
import { checkQuorum, formatPolicy, readPolicy, trustOnly } from './witness-policy.ts';

function createKey(name: string, type: typeof ED25519 | typeof COSIGNATURE_V1 = ED25519) {
  const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
  return { signer, key: createVerifierKey(name, type, signer.publicKey) };
}

const log = createKey('log.example/1');
const TEXT = formatCheckpointBody({ origin: 'log.example/1', size: 3, root: leafHash(Buffer.from('x')) });
const signed = (...signatures: Parameters<typeof formatNote>[0]['signatures']) =>
  Buffer.from(formatNote({ text: TEXT, signatures }));

test('a text may hold empty lines: it ends at the last one of the note', () => {
  const text = 'première ligne\n\ndernière\n';
  const written = formatNote({ text, signatures: [signNote(text, log.key, log.signer)] });
  const note = readNote(Buffer.from(written));
  assert.ok(note.ok);
  assert.equal(note.value.text, text);
  assert.ok(verifyNote(note.value, [log.key]).ok);
  assert.equal(formatNote(note.value), written);
});

test('a note verifies under its key and no byte of it can change', () => {
  const bytes = signed(signNote(TEXT, log.key, log.signer));
  const isGood = (candidate: Uint8Array) => {
    const note = readNote(candidate);
    return note.ok && verifyNote(note.value, [log.key]).ok;
  };
  assert.ok(isGood(bytes));
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [0x01, 0x20, 0x80]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ flip;
      assert.ok(!isGood(changed), `byte ${at} ^ ${flip}`);
    }
    assert.ok(!isGood(bytes.subarray(0, at)), `cut at ${at}`);
  }
});

test('signatures of strangers are ignored, a false one of a known key condemns the note', () => {
  const stranger = createKey('stranger.example');
  const good = signNote(TEXT, log.key, log.signer);
  const bad = { ...good, signature: Buffer.alloc(64, 1) };
  const verdict = (...signatures: Parameters<typeof formatNote>[0]['signatures']) => {
    const note = readNote(signed(...signatures));
    assert.ok(note.ok);
    const verified = verifyNote(note.value, [log.key]);
    return verified.ok ? 'ok' : verified.refusal.kind;
  };
  assert.equal(verdict(signNote(TEXT, stranger.key, stranger.signer), good), 'ok');
  assert.equal(verdict(signNote(TEXT, stranger.key, stranger.signer)), 'unknown-signer');
  assert.equal(verdict(good, bad), 'bad-signature');
  assert.equal(verdict(bad, good), 'bad-signature');
  const imposter = createKey('log.example/1');
  assert.equal(verdict(signNote(TEXT, imposter.key, imposter.signer)), 'unknown-signer');
});

test('a vkey reads back as written, and with a wrong id, spelling or weak point not at all', () => {
  const text = formatVerifierKey(log.key);
  const read = readVerifierKey(text);
  assert.ok(read.ok);
  assert.equal(formatVerifierKey(read.value), text);
  const [name = '', id = '', key = ''] = text.split('+').length === 3 ? text.split('+') : [log.key.name, '', ''];
  const smallOrder = createVerifierKey('weak.example', ED25519, Buffer.alloc(32));
  const wrong = [
    '',
    'a',
    text.slice(1),
    `${name}+${id}`,
    `${name}+00000000+${key}`,
    `${text}=`,
    text.toUpperCase(),
    ` ${text}`,
    `${text}\n`,
  ];
  for (const bad of [...wrong, formatVerifierKey(smallOrder)]) assert.ok(!readVerifierKey(bad).ok, JSON.stringify(bad));
});

test('checkpoint bodies round-trip, and every other spelling is refused', () => {
  fc.assert(
    fc.property(fc.nat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, root) => {
      fc.pre(size > 0);
      const text = formatCheckpointBody({ origin: 'log.example/1', size, root });
      const read = readCheckpointBody(text);
      assert.ok(read.ok);
      assert.equal(formatCheckpointBody(read.value), text);
    }),
  );
  const root = Buffer.from(EMPTY_ROOT).toString('base64');
  assert.ok(readCheckpointBody(`o\n0\n${root}\n`).ok);
  assert.ok(readCheckpointBody(`o\n7\n${root}\nextension\n`).ok);
  for (const bad of [
    `o\n01\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n+1\n${root}\n`,
    `o\n9007199254740992\n${root}\n`,
    `o\n1e3\n${root}\n`,
    `\n1\n${root}\n`,
    `o\n1\n${root}`,
    `o\n1\n${root.slice(0, -1)}\n`,
    `o\n1\nAAAA\n`,
    `o\n1\n${root}\n\n`,
    `o\n1\n`,
    `o\n0\n${Buffer.alloc(32).toString('base64')}\n`,
  ]) {
    assert.ok(!readCheckpointBody(bad).ok, JSON.stringify(bad));
  }
  assert.ok(!readCheckpoint(Buffer.from(`o\r\n1\n${root}\n\n`)).ok);
});

const TIME = 1_900_000_000;
const witnesses = ['w1', 'w2', 'w3'].map((name) => createKey(`${name}.example`, COSIGNATURE_V1));
const cosigned = (count: number) => {
  const note = readNote(
    signed(
      signNote(TEXT, log.key, log.signer),
      ...witnesses.slice(0, count).map(({ key, signer }) => cosign(TEXT, key, signer, TIME)),
    ),
  );
  assert.ok(note.ok);
  return note.value;
};
const policyText = (...lines: string[]) =>
  [
    `# who is believed`,
    `log ${formatVerifierKey(log.key)} https://log.example/1`,
    ...witnesses.map(({ key }, index) => `witness W${index} ${formatVerifierKey(key)}`),
    ...lines,
    '',
  ].join('\n');

test('two of three witnesses make the quorum, one does not, and a moved time is a forged cosignature', () => {
  const policy = readPolicy(Buffer.from(policyText('group Q 2 W0 W1 W2', 'quorum Q')));
  assert.ok(policy.ok, JSON.stringify(policy));
  const counts = [0, 1, 2, 3].map((count) => checkQuorum(cosigned(count), policy.value).ok);
  assert.deepEqual(counts, [false, false, true, true]);
  const [first] = witnesses;
  assert.ok(first);
  const note = cosigned(1);
  assert.equal(findCosignature(note, first.key)?.timeSeconds, TIME);
  const moved = note.signatures.map((line) => {
    const signature = Buffer.from(line.signature);
    signature[7] = (signature[7] ?? 0) ^ 1;
    return line.name === first.key.name ? { ...line, signature } : line;
  });
  assert.equal(findCosignature({ ...note, signatures: moved }, first.key), undefined);
});

test('groups of groups count as the policy says', () => {
  const policy = readPolicy(Buffer.from(policyText('group A any W0 W1', 'group B all A W2', 'quorum B')));
  assert.ok(policy.ok);
  assert.equal(checkQuorum(cosigned(2), policy.value).ok, false);
  assert.equal(checkQuorum(cosigned(3), policy.value).ok, true);
});

test('a policy that could mean less than its author thought is refused', () => {
  const [w] = witnesses;
  assert.ok(w);
  for (const lines of [
    [],
    ['quorum Q'],
    ['quorum none', 'quorum none'],
    ['group Q 0 W0', 'quorum Q'],
    ['group Q 2 W0', 'quorum Q'],
    ['group Q 1 W0 W0', 'quorum Q'],
    ['group Q any W0', 'group R any W0', 'quorum Q'],
    ['group W0 any W1', 'quorum W0'],
    ['group none any W1', 'quorum none'],
    ['group Q any Q', 'quorum Q'],
    ['group Q some W0', 'quorum Q'],
    [`witness W9 ${formatVerifierKey(w.key)}`, 'quorum none'],
    [`witness W9 ${formatVerifierKey(log.key)}`, 'quorum none'],
    [`log ${formatVerifierKey(log.key)}`, 'quorum none'],
    ['quorm none', 'quorum none'],
    ['quorum none extra'],
    ['quorum none\u0007'],
  ]) {
    assert.ok(!readPolicy(Buffer.from(policyText(...lines))).ok, lines.join(' / '));
  }
  const own = formatPolicy(trustOnly(log.key));
  assert.ok(readPolicy(Buffer.from(own)).ok);
});
