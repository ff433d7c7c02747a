import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeEnvelope, preAuthenticationEncoding, readEnvelope, signEnvelope, verifyEnvelope } from './dsse.ts';
import { createEd25519Signer, generateEd25519Pem, isSoundPoint, readEd25519Pem, verifyEd25519 } from './ed25519.ts';

const createSigner = () => createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
const alice = createSigner();
const bob = createSigner();
const TYPE = 'application/vnd.example+json';
const PAYLOAD = Buffer.from('{"a":1}');

test('the pre-authentication encoding and the signature of the protocol page are reproduced', () => {
  const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
  assert.equal(encoded.toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  const toBase64Url = (decimal: string) =>
    Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
  const x = toBase64Url('46950820868899156662930047687818585632848591499744589407958293238635476079160');
  const y = toBase64Url('5640078356564379163099075877009565129882514886557779369047442380624545832820');
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const signature = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==';
  assert.ok(verify('sha256', encoded, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64')));
});

test('lengths count bytes, not characters, and no two pairs share an encoding', () => {
  assert.equal(preAuthenticationEncoding('é', Buffer.from('ü')).toString(), 'DSSEv1 2 é 2 ü');
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (type, body, otherType, otherBody) => {
      fc.pre(type !== otherType || body !== otherBody);
      const encode = (t: string, b: string) => preAuthenticationEncoding(t, Buffer.from(b)).toString('hex');
      assert.notEqual(encode(type, body), encode(otherType, otherBody));
    }),
  );
});

test('an envelope counts each trusted key once and refuses below the number required', () => {
  const envelope = signEnvelope(TYPE, PAYLOAD, [alice, alice]);
  const both = [alice.publicKey, bob.publicKey, alice.publicKey];
  assert.ok(verifyEnvelope(envelope, both, 1).ok);
  assert.deepEqual(verifyEnvelope(envelope, both, 2), {
    ok: false,
    refusal: { kind: 'too-few-signatures', valid: 1, required: 2 },
  });
  assert.ok(verifyEnvelope(signEnvelope(TYPE, PAYLOAD, [alice, bob]), both, 2).ok);
  assert.ok(!verifyEnvelope(envelope, both, 0).ok, 'a threshold of nothing accepts nothing');
  assert.ok(!verifyEnvelope({ ...envelope, payloadType: 'other' }, both, 1).ok);
  assert.ok(!verifyEnvelope({ ...envelope, payload: Buffer.from('{"a":2}') }, both, 1).ok);
});

test('an envelope has one spelling', () => {
  const bytes = encodeEnvelope(signEnvelope(TYPE, PAYLOAD, [alice]));
  assert.ok(readEnvelope(bytes).ok);
  const text = bytes.toString();
  const spellings = [
    ` ${text}`,
    text.replace(':', ': '),
    text.replace('==', ''),
    text.replace('{', '{"x":1,'),
    `\ufeff${text}`,
    '',
  ];
  for (const other of spellings) assert.ok(!readEnvelope(Buffer.from(other)).ok, other.slice(0, 40));
  for (const other of ['null', '[]', '{}', '{"payload":"","payloadType":"","signatures":[]}']) {
    assert.ok(!readEnvelope(Buffer.from(other)).ok, other);
  }
  assert.ok(!readEnvelope(Buffer.from([0xff, 0xfe])).ok);
});

test('a key made as PEM signs, and the signature of a changed message is refused', () => {
  const signer = readEd25519Pem(generateEd25519Pem());
  const signature = signer.sign(PAYLOAD);
  assert.ok(verifyEd25519(signer.publicKey, PAYLOAD, signature));
  assert.ok(!verifyEd25519(signer.publicKey, Buffer.from('{"a":2}'), signature));
  assert.ok(!verifyEd25519(bob.publicKey, PAYLOAD, signature));
  assert.ok(!verifyEd25519(signer.publicKey, PAYLOAD, signature.subarray(1)));
  assert.throws(() => readEd25519Pem('nonsense'));
});

test('points of small order and second spellings of a point are refused before any library is asked', () => {
  const prime = (1n << 255n) - 19n;
  const encode = (y: bigint) => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
  for (const y of [0n, 1n, prime - 1n, prime, prime + 1n, (1n << 255n) - 1n])
    assert.ok(!isSoundPoint(encode(y)), String(y));
  assert.ok(isSoundPoint(alice.publicKey));
  assert.ok(!isSoundPoint(alice.publicKey.subarray(1)));
});
