/** 10,000 ways to publish without the right to. Each is tried against the gate itself; one that passes fails the test. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import { addDays } from '../lib/clock.ts';
import { createEd25519Signer, type Ed25519Signer } from '../lib/ed25519.ts';
import { createMemoryTree, inclusionRanges, leafHash, rangeHash } from '../lib/merkle.ts';
import { createSeededRandom, type SeededRandom } from '../lib/seeded-random.ts';
import { formatCheckpointBody } from '../tlog/checkpoint.ts';
import { type Statement, signEntry, toInstant } from '../tlog/entry.ts';
import { createVerifierKey, ED25519, trustOnly } from '../tlog/index.ts';
import { formatNote, signNote } from '../tlog/note.ts';
import { formatProof } from '../tlog/proof.ts';
import { type Documents, hashesOf } from './advisory-documents.ts';
import type { ReleaseContext, ReleaseFacts, ReleaseRefusal } from './release.ts';
import { verifyRelease } from './release-service.ts';

const ATTEMPTS = 10_000;
/** Statements that really stand in the log, each wrong in its own way. */
const LOGGED = 600;
const NOW = new Date('2030-01-01T00:00:00Z');

const newSigner = (): Ed25519Signer => createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
const [issuer, logSigner, keyA, keyB, stranger] = [newSigner(), newSigner(), newSigner(), newSigner(), newSigner()];
const logKey = createVerifierKey('log.example', ED25519, logSigner.publicKey);
const trust = trustOnly(logKey);

const DOCUMENTS: Documents = new Map([
  ['advisories/osv/headstart-2030-1.json', '{"id":"x"}\n'],
  ['advisories/markdown/headstart-2030-1.md', '# x\n'],
]);

const CONTEXT: ReleaseContext = {
  caseId: 'case_1',
  advisory: 'HEADSTART-2030-1',
  kind: 'real',
  commitment: `commitment_${'0'.repeat(32)}`,
  lastSequence: 3,
  mayDisclose: true,
  keys: [keyA.publicKey, keyB.publicKey],
  now: NOW,
};

const FACTS: ReleaseFacts = {
  advisory: CONTEXT.advisory,
  kind: 'real',
  commitment: CONTEXT.commitment,
  sequence: 4,
  notBefore: NOW.toISOString(),
  notAfter: addDays(NOW, 7).toISOString(),
  opens: ['target'],
  releasedBy: 'two persons',
};

let named = 0;
function statement(changes: { subject?: string; facts?: Json; documents?: Documents; type?: string } = {}): Statement {
  named += 1;
  return {
    id: `entry_${named.toString(16).padStart(32, '0')}`,
    at: toInstant(NOW),
    type: (changes.type ?? 'release') as 'release',
    subject: changes.subject ?? CONTEXT.caseId,
    documents: hashesOf(changes.documents ?? DOCUMENTS),
    facts: (changes.facts ?? { ...FACTS }) as { readonly [name: string]: Json },
  };
}

function body(said: Statement, signers: readonly Ed25519Signer[]): Uint8Array {
  const entry = signEntry(said, signers);
  assert.ok(entry.ok, JSON.stringify(entry));
  return entry.value.body;
}

/** Proofs for all of these as entries of one log. */
function logOf(bodies: readonly Uint8Array[], signer = logSigner, key = logKey): Uint8Array[] {
  const tree = createMemoryTree(bodies.map(leafHash));
  const text = formatCheckpointBody({ origin: key.name, size: bodies.length, root: tree.root });
  const checkpoint = Buffer.from(formatNote({ text, signatures: [signNote(text, key, signer)] }));
  return bodies.map((extra, index) => {
    const path = inclusionRanges(index, bodies.length).map((range) => rangeHash(range, tree.perfect));
    return formatProof({ extra, index, path, checkpoint });
  });
}

const both = [issuer, keyA, keyB];

/** One statement that stands in the log and yet releases nothing. */
function wrongInLog(random: SeededRandom): Uint8Array {
  const facts = (changes: Partial<Record<keyof ReleaseFacts, Json>>) =>
    body(statement({ facts: { ...FACTS, ...changes } }), both);
  const makers: (() => Uint8Array)[] = [
    () => body(statement(), [issuer]),
    () => body(statement(), [issuer, random.pick([keyA, keyB])]),
    () => body(statement(), [issuer, keyA, keyA, keyA]),
    () => body(statement(), [issuer, keyA, stranger]),
    () => body(statement(), [issuer, stranger, newSigner()]),
    () => body(statement({ subject: `case_${random.below(1_000_000) + 2}` }), both),
    () => body(statement({ type: 'advisory' }), both),
    () => facts({ sequence: random.below(4) }),
    () => facts({ sequence: random.pick([-1, 0.5, '4', null]) }),
    () => facts({ kind: 'demonstration' }),
    () => facts({ kind: 'demonstration', releasedBy: 'one person' }),
    () => facts({ advisory: 'HEADSTART-2030-2' }),
    () => facts({ commitment: `commitment_${'1'.repeat(32)}` }),
    () => facts({ notBefore: addDays(NOW, 1 + random.below(100)).toISOString() }),
    () => facts({ notAfter: addDays(NOW, -1 - random.below(100)).toISOString() }),
    () => facts({ notAfter: 'never' }),
    () => facts({ releasedBy: 'nobody' }),
    () => body(statement({ facts: {} }), both),
    () => body(statement({ facts: { ...FACTS, extra: true } }), both),
    () => body(statement({ documents: new Map() }), both),
    () => body(statement({ documents: new Map([...DOCUMENTS, ['advisories/osv/more.json', '{}']]) }), both),
    () => body(statement({ documents: new Map([...DOCUMENTS].slice(1)) }), both),
    () => body(statement({ documents: new Map([['../outside.json', '{}']]) }), both),
  ];
  return random.pick(makers)();
}

const tried = new Map<string, number>();
function attempt(proof: Uint8Array, documents: Documents = DOCUMENTS, changes: Partial<ReleaseContext> = {}): void {
  const outcome = verifyRelease(proof, documents, trust, { ...CONTEXT, ...changes });
  assert.ok(
    !outcome.ok,
    `a forged release was accepted after ${[...tried.values()].reduce((a, b) => a + b, 0)} attempts`,
  );
  tried.set(outcome.refusal.kind, (tried.get(outcome.refusal.kind) ?? 0) + 1);
}

test('the honest release is accepted, so that a refusal means something', () => {
  const [proof] = logOf([body(statement(), both)]);
  assert.ok(proof && verifyRelease(proof, DOCUMENTS, trust, CONTEXT).ok);
});

test('of 10,000 forged, replayed, expired, one-signer and wrong-byte releases none is accepted', () => {
  const random = createSeededRandom(20260421);
  const wrong = logOf(Array.from({ length: LOGGED }, () => wrongInLog(random)));
  const [honest = Buffer.alloc(0)] = logOf([
    body(statement(), both),
    ...Array.from({ length: 6 }, () => body(statement(), [issuer])),
  ]);
  const foreign = logOf(
    [body(statement(), both)],
    stranger,
    createVerifierKey('log.example', ED25519, stranger.publicKey),
  );
  const otherOrigin = logOf(
    [body(statement(), both)],
    logSigner,
    createVerifierKey('other', ED25519, logSigner.publicKey),
  );

  for (const proof of wrong) attempt(proof);
  for (const proof of [...foreign, ...otherOrigin, new Uint8Array(), Buffer.from('x')]) attempt(proof);
  attempt(honest, DOCUMENTS, { mayDisclose: false });
  attempt(honest, DOCUMENTS, { lastSequence: 4 });
  attempt(honest, DOCUMENTS, { now: addDays(NOW, 8) });
  attempt(honest, DOCUMENTS, { now: addDays(NOW, -1) });
  attempt(honest, DOCUMENTS, { keys: [keyA.publicKey] });
  attempt(honest, DOCUMENTS, { keys: [keyA.publicKey, keyA.publicKey] });
  attempt(honest, DOCUMENTS, { keys: [] });

  const count = () => [...tried.values()].reduce((sum, each) => sum + each, 0);
  while (count() < ATTEMPTS) {
    if (random.below(2) === 0) attempt(mutated(honest, random));
    else attempt(honest, changedDocuments(random));
  }
  assert.equal(count(), ATTEMPTS);
  // Every reason was met: a gate that refuses all for one reason would prove nothing about the others.
  const expected: ReleaseRefusal['kind'][] = [
    'not-logged',
    'not-a-release',
    'another-case',
    'too-few-signatures',
    'wrong-facts',
    'replayed',
    'too-early',
    'expired',
    'under-embargo',
    'wrong-bytes',
  ];
  assert.deepEqual([...tried.keys()].sort(), expected.sort());
});

/** One byte of the proof changed, removed or added. The honest bytes themselves never come out. */
function mutated(proof: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(proof.length);
  const [head, tail] = [proof.subarray(0, at), proof.subarray(at)];
  const byte = Buffer.of(random.below(256));
  const changed = random.pick([
    () => Buffer.concat([head, byte, tail.subarray(1)]),
    () => Buffer.concat([head, tail.subarray(1)]),
    () => Buffer.concat([head, byte, tail]),
    () => Buffer.from(head),
  ])();
  return changed.equals(proof) ? changed.subarray(1) : changed;
}

function changedDocuments(random: SeededRandom): Documents {
  const [[name, text], ...rest] = [...DOCUMENTS] as [[string, string], ...[string, string][]];
  const at = random.below(text.length);
  return new Map(
    random.pick<() => [string, string][]>([
      () => [[name, `${text.slice(0, at)}~${text.slice(at + 1)}`], ...rest],
      () => [[name, `${text} `], ...rest],
      () => [...rest],
      () => [[`${name.slice(0, -5)}${random.below(1_000)}.json`, text], ...rest],
      () => [[name, text], ...rest, [`advisories/osv/more-${random.below(1_000)}.json`, text]],
      () => [],
    ])(),
  );
}
