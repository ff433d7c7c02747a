import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBase64 } from '../lib/bytes.ts';
import type { Json } from '../lib/canonical-json.ts';
import { encodeEnvelope, readEnvelope, signEnvelope } from '../lib/dsse.ts';
import { generateEd25519Pem, readEd25519Pem } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import { signAdoption } from './adoption.ts';
import { type Decision, decisionSha256 } from './decide.ts';
import { documentHash, evaluate } from './evaluate.ts';
import { judgeQuorum, signDecision, signReversal } from './quorum.ts';
import { shippedDocuments, shippedFrameworks } from './shipped.ts';
import { signStatement } from './statement.ts';
import { readTrust } from './trust.ts';

const readShipped = (id: string) => {
  const framework = shippedFrameworks().get(id);
  assert.ok(framework);
  return framework;
};
const newSigner = () => readEd25519Pem(generateEd25519Pem());
const [tester, lead, officer, board, stranger] = [newSigner(), newSigner(), newSigner(), newSigner(), newSigner()];
const signer = (name: string, key: typeof tester, states: string[], bodies: string[]) => ({
  name,
  key: toBase64(key.publicKey),
  states,
  bodies,
});
const TRUST = {
  schema: 'headstart-trust/1',
  signers: [
    signer('tester', tester, ['results', 'determinations', 'safeguards'], []),
    signer('lead', lead, ['interpretations'], ['house/safeguards lead']),
    signer('officer', officer, [], ['house/release officer']),
    signer('board', board, ['orders'], ['house/board']),
  ],
};
const ACT = signAdoption(readShipped('house'), new Date('2026-05-01T00:00:00Z'), [lead, officer]);
const hash = (letter: string) => `sha256:${letter.repeat(64)}`;
const AT = '2026-11-19T00:00:00Z';
const RESULT = { name: 'range', value: 'fail', digest: hash('e'), at: AT };
const DETERMINATION = {
  framework: 'house',
  category: 'cyber',
  level: 'uplift',
  value: 'not-crossed',
  evidence: [hash('e')],
  at: AT,
};

function decided(
  statements: readonly Buffer[],
  change: { readonly [name: string]: Json } = {},
  trust: Json = TRUST,
): Decision {
  const named = (bytes: Buffer): [string, Buffer] => [`sha256:${sha256Hex(bytes)}`, bytes];
  const [known, adoption] = [new Map(statements.map(named)), named(ACT)];
  const outcome = evaluate({
    frameworks: [shippedDocuments.get('house') ?? null],
    dossier: {
      model: 'm1',
      modelDigest: hash('a'),
      asOf: '2026-11-20T00:00:00Z',
      stage: 'partners',
      statements: [...known.keys()],
      trust: documentHash(trust),
      adoptions: [adoption[0]],
      ...change,
    },
    trust,
    find: (name) => new Map([...known, adoption]).get(name),
  });
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value;
}

const good = [signStatement('results', RESULT, tester), signStatement('determinations', DETERMINATION, tester)];

test('a stage is granted on evidence that is signed by those who may state it', () => {
  const decision = decided(good);
  assert.deepEqual([decision.stage, decision.refused], ['partners', []]);
  assert.equal(decision.inputs.statements.length, 2);
});

test('on signed evidence, a framework that nobody adopted grants nothing, and its act is refused where it is not whole', () => {
  const bare = decided(good, { adoptions: [] });
  assert.deepEqual([bare.stage, bare.missing.map(({ what }) => what)], ['closed', ['adoption']]);
  const half = signAdoption(readShipped('house'), new Date(AT), [lead]);
  for (const [bytes, why] of [
    [half, /unsigned by release officer/],
    [good[0] ?? half, /no signed act/],
  ] as const) {
    const name = `sha256:${sha256Hex(bytes)}`;
    const { granted, refused } = decided([...good, bytes], {
      statements: decided(good).inputs.statements,
      adoptions: [name],
    });
    assert.equal(granted, false);
    assert.ok(
      refused.some((each) => each.place === '/adoptions/0' && why.test(each.why)),
      JSON.stringify(refused),
    );
  }
  const late = signAdoption(readShipped('house'), new Date('2026-11-20T00:00:01Z'), [lead, officer]);
  const early = decided([...good, late], {
    statements: decided(good).inputs.statements,
    adoptions: [`sha256:${sha256Hex(late)}`],
  });
  assert.equal(early.missing[0]?.what, 'adoption');
});

test('evidence that is signed by nobody who counts, for something else, or not at all is refused', () => {
  const envelope = readEnvelope(good[0] ?? Buffer.alloc(0));
  assert.ok(envelope.ok);
  const { payload, payloadType, signatures } = envelope.value;
  const forged = encodeEnvelope({
    payloadType,
    payload: Buffer.from(payload.toString().replace('fail', 'pass')),
    signatures,
  });
  const otherType = encodeEnvelope(signEnvelope('text/plain', payload, [tester]));
  const table: readonly [string, Buffer, RegExp][] = [
    ['a stranger', signStatement('results', RESULT, stranger), /nobody who is trusted/],
    ['a body that states no results', signStatement('results', RESULT, lead), /may not state results/],
    ['a change after signing', forged, /nobody who is trusted/],
    ['another kind of document', otherType, /text\/plain/],
    ['no envelope', Buffer.from('{}'), /no signed statement/],
    ['no claim', encodeEnvelope(signEnvelope(payloadType, Buffer.from('{}'), [tester])), /no claim/],
    ['a claim of an unknown form', signStatement('results', { ...RESULT, value: 'ok' }, tester), /results\/0\/value/],
  ];
  for (const [what, statement, why] of table) {
    const { refused, granted } = decided([statement, ...good.slice(1)]);
    assert.equal(granted, false, what);
    assert.ok(
      refused.some((each) => each.kind === 'wrongly-signed' && why.test(each.why)),
      `${what}: ${JSON.stringify(refused)}`,
    );
  }
});

test('a statement without a date, about another model, expired, from the future or named twice is refused', () => {
  const { at: _at, ...undated } = RESULT;
  const table: readonly [string, { readonly [name: string]: Json }][] = [
    ['unsigned', undated],
    ['another-model', { ...RESULT, modelDigest: hash('b') }],
    ['expired', { ...RESULT, validUntil: '2026-11-19T12:00:00Z' }],
    ['from-the-future', { ...RESULT, at: '2026-11-20T00:00:01Z' }],
    ['simulated', { ...RESULT, nature: 'simulated' }],
  ];
  for (const [kind, claim] of table) {
    const { refused, granted } = decided([signStatement('results', claim, tester), ...good.slice(1)]);
    assert.deepEqual([granted, refused.some((each) => each.kind === kind)], [false, true], kind);
  }
  const [name] = decided(good).inputs.statements;
  const twice = decided(good, { statements: [...decided(good).inputs.statements, name ?? ''] });
  assert.ok(twice.refused.some(({ kind }) => kind === 'duplicated') && !twice.granted);
});

test('beside signed evidence nothing counts unsigned, and what is named and missing is refused', () => {
  const inline = decided(good, { safeguards: [{ id: 'stop-switch', standing: true, evidence: [hash('e')] }] });
  assert.ok(
    inline.refused.some(({ kind, place }) => kind === 'unsigned' && place === '/safeguards/0') && !inline.granted,
  );
  const missing = decided(good, { statements: [hash('f')] });
  assert.ok(missing.refused.some(({ kind }) => kind === 'not-found') && !missing.granted);
  const uncovered = decided(good.slice(1));
  assert.ok(uncovered.refused.some(({ kind, place }) => kind === 'not-found' && place.endsWith('/evidence')));
});

test('another document of trust than the one named decides nothing', () => {
  const other = { ...TRUST, signers: TRUST.signers.slice(0, 2) };
  const outcome = evaluate({
    frameworks: [shippedDocuments.get('house') ?? null],
    dossier: {
      model: 'm1',
      modelDigest: hash('a'),
      asOf: '2026-11-20T00:00:00Z',
      stage: 'partners',
      statements: [hash('f')],
      trust: documentHash(TRUST),
    },
    trust: other,
    find: () => undefined,
  });
  assert.equal(!outcome.ok && outcome.refusal.kind, 'other-trust');
});

test('trust that gives one signer two bodies of a framework, or one key two names, is refused', () => {
  const [first] = TRUST.signers;
  const refusedAt = (signers: readonly Json[]) => {
    const read = readTrust({ schema: 'headstart-trust/1', signers });
    return read.ok ? 'read' : read.refusal.place;
  };
  assert.equal(refusedAt(TRUST.signers), 'read');
  assert.equal(
    refusedAt([signer('both', lead, [], ['house/safeguards lead', 'house/release officer'])]),
    '/signers/0/bodies',
  );
  assert.equal(refusedAt([first ?? null, { ...(first as object), name: 'again' }]), '/signers/1');
  assert.equal(refusedAt([{ ...(first as object), key: Buffer.alloc(32).toString('base64') }]), '/signers/0/key');
  assert.equal(refusedAt([{ ...(first as object), states: ['everything'] }]), '/signers/0/states');
  assert.equal(refusedAt([]), '/signers');
});

function verdict(signers: (typeof tester)[], reversals: Buffer[] = [], of: Decision = decided(good)) {
  const trust = readTrust(TRUST);
  const envelope = readEnvelope(signDecision(of, signers));
  assert.ok(trust.ok && envelope.ok);
  const read = reversals.map((bytes) => {
    const each = readEnvelope(bytes);
    assert.ok(each.ok);
    return each.value;
  });
  return judgeQuorum(decided(good), envelope.value, trust.value, read);
}

test('a decision is carried only by all bodies that its frameworks ask for', () => {
  assert.equal(verdict([lead, officer]).met, true);
  assert.deepEqual(verdict([lead, lead]).missing, ['house stage: release officer']);
  assert.equal(verdict([lead, stranger]).met, false);
  assert.equal(verdict([lead, board]).met, false);
  const other = decided(good, { stage: 'internal' });
  assert.deepEqual(verdict([lead, officer], [], other).met, false);
});

test('a body that may reverse it does, and no other can', () => {
  const name = decisionSha256(decided(good));
  assert.deepEqual(verdict([lead, officer], [signReversal(name, 'no', [board])]).reversedBy, 'house/board');
  assert.equal(verdict([lead, officer], [signReversal(name, 'no', [board])]).met, false);
  assert.equal(verdict([lead, officer], [signReversal(name, 'no', [lead])]).met, true);
  assert.equal(verdict([lead, officer], [signReversal('f'.repeat(64), 'no', [board])]).met, true);
});

test('quorums of every shape are judged: recommendation, any one of several, the flagged addition', () => {
  const bodies = ['SAG', 'Leadership', 'Board SSC'];
  const keys = bodies.map(newSigner);
  const trust = readTrust({
    schema: 'headstart-trust/1',
    signers: bodies.map((body, at) => signer(body, keys[at] ?? tester, [], [`f/${body}`])),
  });
  assert.ok(trust.ok);
  const base = { framework: 'f', quorum: 'q', reverse: [], notify: [], consult: [], loc: null };
  const judge = (shape: object, who: number[]) => {
    const decision = {
      ...decided(good),
      quorum: [{ ...base, recommend: [], mayActWithoutRecommendation: false, ...shape }],
    } as unknown as Decision;
    const envelope = readEnvelope(
      signDecision(
        decision,
        who.map((at) => keys[at] ?? tester),
      ),
    );
    assert.ok(envelope.ok);
    return judgeQuorum(decision, envelope.value, trust.value).met;
  };
  const decides = { approve: { all: ['Leadership'] }, recommend: ['SAG'] };
  assert.deepEqual([judge(decides, [1]), judge(decides, [0]), judge(decides, [0, 1])], [false, false, true]);
  assert.equal(judge({ ...decides, mayActWithoutRecommendation: true }, [1]), true);
  assert.deepEqual(
    [judge({ approve: { any: bodies } }, [2]), judge({ approve: { all: bodies } }, [0, 1])],
    [true, false],
  );
});
