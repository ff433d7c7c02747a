import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromBase64Url, toBase64Url } from '../lib/bytes.ts';
import { createMemoryTree, leafHash } from '../lib/merkle.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import {
  checkFieldOpening,
  checkFullOpening,
  commitmentRoot,
  encodeSealedFinding,
  FIELD_PROOF_BYTES,
  fieldLeaf,
  openField,
  readSealedFinding,
  sealFinding,
} from './commitment.ts';
import { FINDING_FIELDS, FINDING_SCHEMA, type FindingField } from './template.ts';

const VALUES = {
  caseId: 'case_00000000000000000000000000000001',
  class: 'prototype-pollution',
  reportDate: '2030-01-01',
  reporter: 'Example Laboratory',
  reproducerSha256: 'ab'.repeat(32),
  severity: 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
  target: 'pkg:npm/example',
  version: '1.2.3',
};

const seeded = createSeededRandom(7);
const random = (size: number) => Uint8Array.from({ length: size }, () => seeded.below(256));

function seal(values: Record<string, string> = VALUES) {
  const sealed = sealFinding(values, random);
  assert.ok(sealed.ok);
  return { sealed: sealed.value, root: commitmentRoot(sealed.value) };
}

test('the fields stand in the order of canonical JSON, eight of them', () => {
  assert.deepEqual([...FINDING_FIELDS], [...FINDING_FIELDS].sort());
  assert.deepEqual([...FINDING_FIELDS], Object.keys(VALUES));
});

test('the leaf of a field is the one the definition spells out', () => {
  const salt = Buffer.alloc(32, 7);
  const expected = createHash('sha256')
    .update(Buffer.concat([Buffer.of(0), Buffer.from('field/v1'), Buffer.of(0, 0, 0, 5), Buffer.from('class')]))
    .update(Buffer.concat([salt, Buffer.of(0, 0, 0, 7), Buffer.from('"redos"')]))
    .digest('hex');
  assert.equal(Buffer.from(fieldLeaf('class', salt, 'redos')).toString('hex'), expected);
});

test('each field opens alone, in at most 200 bytes beside the value, and shows nothing of another', () => {
  const { sealed, root } = seal();
  for (const name of FINDING_FIELDS) {
    const opening = openField(sealed, name);
    assert.deepEqual(checkFieldOpening(FINDING_SCHEMA, root, opening), { ok: true, value: name });
    assert.equal(fromBase64Url(opening.proof)?.length, FIELD_PROOF_BYTES);
    assert.ok(opening.proof.length <= 200, `${opening.proof.length} characters`);
    const others = FINDING_FIELDS.filter((other) => other !== name).map((other) => VALUES[other]);
    const printed = JSON.stringify(opening);
    for (const value of others) assert.ok(!printed.includes(`"${value}"`));
  }
});

test('no field opens to another value, name, salt or path', () => {
  const { sealed, root } = seal();
  fc.assert(
    fc.property(
      fc.constantFrom(...FINDING_FIELDS),
      fc.nat(FIELD_PROOF_BYTES - 1),
      fc.integer({ min: 1, max: 255 }),
      (name, at, flip) => {
        const opening = openField(sealed, name);
        const bytes = Buffer.from(fromBase64Url(opening.proof) ?? []);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        assert.ok(!checkFieldOpening(FINDING_SCHEMA, root, { ...opening, proof: toBase64Url(bytes) }).ok);
      },
    ),
  );
  const opening = openField(sealed, 'target');
  assert.ok(!checkFieldOpening(FINDING_SCHEMA, root, { ...opening, value: 'pkg:npm/examplf' }).ok);
  assert.ok(!checkFieldOpening(FINDING_SCHEMA, root, { ...opening, name: 'version' }).ok);
  assert.ok(!checkFieldOpening(FINDING_SCHEMA, root, { ...opening, proof: opening.proof.slice(0, -4) }).ok);
});

test('an opening of everything verifies, and with one character changed does not', () => {
  const { sealed, root } = seal();
  const { masterSalt } = sealed;
  assert.ok(checkFullOpening(FINDING_SCHEMA, root, { values: VALUES, masterSalt }).ok);
  for (const name of FINDING_FIELDS) {
    const other = { ...VALUES, [name]: { ...VALUES, ...OTHER }[name] };
    const checked = checkFullOpening(FINDING_SCHEMA, root, { values: other, masterSalt });
    assert.equal(checked.ok ? 'ok' : checked.refusal.kind, 'wrong-root', name);
  }
});

const OTHER: Record<FindingField, string> = {
  caseId: 'case_00000000000000000000000000000002',
  class: 'path-traversal',
  reportDate: '2030-01-02',
  reporter: 'Another Laboratory',
  reproducerSha256: 'ac'.repeat(32),
  severity: 'low',
  target: 'pkg:npm/other',
  version: '1.2.4',
};

test('equal findings have unequal commitments, so that equality is no oracle', () => {
  assert.notDeepEqual(seal().root, seal().root);
});

test('who knows every value but not the salt confirms no guess', () => {
  const { root } = seal();
  const guesses = [new Uint8Array(32), Buffer.alloc(32, 0xff), random(32)];
  for (const masterSalt of guesses) {
    assert.ok(!checkFullOpening(FINDING_SCHEMA, root, { values: VALUES, masterSalt }).ok);
  }
  // Nor does the root equal a tree over the bare values, which a dictionary could be run against.
  const bare = FINDING_FIELDS.map((name) => leafHash(Buffer.from(`"${VALUES[name]}"`)));
  assert.notDeepEqual(root, createMemoryTree(bare).root);
});

test('one opened field helps to guess no other: salts of fields are independent', () => {
  const { sealed } = seal();
  const salts = FINDING_FIELDS.map((name) => openField(sealed, name).proof.slice(0, 43));
  assert.equal(new Set(salts).size, FINDING_FIELDS.length);
  // The sibling's hash is in the proof; without its own salt the right value does not give that hash.
  const opening = openField(sealed, 'caseId');
  const sibling = fromBase64Url(opening.proof)?.subarray(32, 64);
  const salt = fromBase64Url(opening.proof)?.subarray(0, 32) ?? new Uint8Array();
  assert.notDeepEqual(sibling, fieldLeaf('class', salt, VALUES.class));
});

test('the border between name, salt and value cannot be shifted', () => {
  // Two readings of one byte string, had the lengths been left out.
  const salt = Buffer.from(`${'s'.repeat(31)}x`);
  const shifted = Buffer.from(`y${'s'.repeat(31)}`);
  const noLengths = (name: string, bytes: Buffer, value: string) =>
    Buffer.concat([Buffer.from(name), bytes, Buffer.from(value)]);
  assert.deepEqual(noLengths('abc', salt, 'd'), noLengths('abc', Buffer.from(`${'s'.repeat(31)}`), 'xd'));
  assert.notDeepEqual(fieldLeaf('ab', Buffer.concat([Buffer.from('c'), salt]), 'd'), fieldLeaf('abc', salt, 'd'));
  assert.notDeepEqual(fieldLeaf('name', salt, 'yd'), fieldLeaf('namey', shifted, 'd'));
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (name, value, otherName, otherValue) => {
      fc.pre(name !== otherName || value !== otherValue);
      assert.notDeepEqual(fieldLeaf(name, salt, value), fieldLeaf(otherName, salt, otherValue));
    }),
  );
});

test('a dishonest tree that holds a field twice cannot open it at a second place', () => {
  const salts = FINDING_FIELDS.map(() => Buffer.from(random(32)));
  const salt = (position: number) => salts[position] ?? Buffer.alloc(32);
  // Position of `class` holds a second `severity`.
  const leaves = FINDING_FIELDS.map((name, position) =>
    name === 'class' ? fieldLeaf('severity', salt(position), 'low') : fieldLeaf(name, salt(position), VALUES[name]),
  );
  const { root, perfect } = createMemoryTree(leaves);
  const proof = Buffer.concat([salt(1), perfect(0, 0), perfect(1, 1), perfect(2, 1)]);
  const forged = { name: 'severity', value: 'low', proof: toBase64Url(proof) };
  assert.ok(!checkFieldOpening(FINDING_SCHEMA, root, forged).ok);
});

test('what the template does not allow is neither sealed nor opened', () => {
  const kindOf = (values: Record<string, unknown>) => {
    const sealed = sealFinding(values as Record<string, string>, random);
    return sealed.ok ? 'ok' : `${sealed.refusal.kind} ${'name' in sealed.refusal ? sealed.refusal.name : ''}`;
  };
  for (const name of FINDING_FIELDS) {
    const { [name]: _, ...rest } = VALUES;
    assert.equal(kindOf(rest), `missing-field ${name}`);
    for (const empty of ['', ' ', '\n', null, [], {}, 0]) {
      assert.equal(kindOf({ ...VALUES, [name]: empty }), `malformed-field ${name}`, JSON.stringify(empty));
    }
  }
  assert.equal(kindOf({ ...VALUES, extra: 'x' }), 'unknown-field extra');
  assert.equal(kindOf({ ...VALUES, version: 'x'.repeat(1_025) }), 'malformed-field version');
  assert.equal(kindOf(Object.create(VALUES)), 'missing-field caseId');
  const { sealed, root } = seal();
  const opened = checkFullOpening('headstart-finding/v0', root, { values: VALUES, masterSalt: sealed.masterSalt });
  assert.equal(opened.ok ? 'ok' : opened.refusal.kind, 'unknown-schema');
});

test('the secret half survives the vault, and damage is refused', () => {
  const { sealed, root } = seal();
  const bytes = encodeSealedFinding(sealed);
  const read = readSealedFinding(bytes);
  assert.ok(read.ok);
  assert.deepEqual(commitmentRoot(read.value), root);
  for (const damaged of [
    '',
    'null',
    '{}',
    '[]',
    '{"schema":"x","values":null,"masterSalt":""}',
    bytes.toString().slice(1),
  ]) {
    assert.ok(!readSealedFinding(Buffer.from(damaged)).ok, damaged);
  }
});
